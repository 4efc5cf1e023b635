"""Words to passages: a tantivy index over words that somebody else has segmented.

Default tokenisers make Chinese and Japanese unsearchable, so tantivy is given words joined by
spaces and told to split at spaces, which is twice as fast as a value for each word. Words may hold
anything; white space within one is replaced, alike in passages and queries. Queries are built from
terms and never parsed, so nothing in them is an operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile

import tantivy

from polyseek.errors import BadInput, StoreError
from polyseek.store.arrays import Ids
from polyseek.store.derived import share

# Longer terms are dropped by tantivy, with a line on stderr for each.
MAX_WORD_BYTES = 65_530

# Stands for white space within a word: the control character "unit separator".
GLUE = "\x1f"

# One thread: one segment a heap-full, documents in the order they came in, so that the same
# passages give the same index. Two threads save a quarter of the time, and segmenting the text
# costs more than indexing it.
WRITER_THREADS = 1
WRITER_HEAP_BYTES = 128_000_000

TOKENIZER = "spaces"

# Frequencies without positions: BM25 needs no positions, and they are half the size.
INDEX_OPTION = "freq"


class LexicalIndex:
    """Made by `create`, or taken up again by `change`; then `add`, `remove` and one `commit`. Or
    opened read-only. Then searched."""

    def __init__(self, index: tantivy.Index) -> None:
        self._index = index
        self._schema = index.schema
        self._writer: tantivy.IndexWriter | None = None
        # "manual": the files never change after the commit, and the default would watch them.
        index.config_reader("manual")
        self._searcher = index.searcher()

    @classmethod
    def create(cls, path: Path | None) -> LexicalIndex:
        """A new index in the directory `path`, which is made; in memory if None."""
        with _translated():
            if path is None:
                index = tantivy.Index(_schema())
            else:
                path.mkdir(parents=True)
                index = tantivy.Index(_schema(), str(path), reuse=False)
            return cls(index)._taken_up()

    @classmethod
    def change(cls, source: Path, path: Path) -> LexicalIndex:
        """What was committed in the directory `source`, to be changed in `path`, which is made.

        Segments are shared: tantivy writes them once. What is removed counts in the frequencies of
        words until tantivy merges its segment.
        """
        for file in source.iterdir():
            if file.suffix == ".json":
                path.mkdir(parents=True, exist_ok=True)
                copyfile(file, path / file.name)
            elif file.suffix != ".lock":
                share(file, path / file.name)
        made = cls.open(path)
        with _translated():
            return made._taken_up()

    def _taken_up(self) -> LexicalIndex:
        # Only adding needs it: the terms of a query are not analysed.
        splitter = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(TOKENIZER, splitter)
        self._writer = self._index.writer(WRITER_HEAP_BYTES, WRITER_THREADS)
        return self

    @classmethod
    def open(cls, path: Path) -> LexicalIndex:
        """An index that was committed. What is not one is a StoreError."""
        try:
            return cls(tantivy.Index.open(str(path)))
        except (ValueError, OSError) as error:
            raise StoreError(f"{path} is not a lexical index ({error}): build it anew") from error

    def add(self, id: int, language: str, words: Sequence[str]) -> None:
        """One passage: its id, the code of its language, its words in any order."""
        document = tantivy.Document()
        document.add_unsigned("id", id)
        document.add_text("language", language)
        document.add_text("words", _joined(words))
        with _translated():
            self._writing().add_document(document)

    def remove(self, ids: Ids) -> None:
        """Forget the passages with these ids (n,); those that are not there do not matter."""
        terms = [tantivy.Query.term_query(self._schema, "id", id) for id in ids.tolist()]
        with _translated():
            self._writing().delete_documents_by_query(_any_of(terms))

    def commit(self) -> None:
        """Make what was added findable, for good. Nothing can be added afterwards."""
        writer = self._writing()
        self._writer = None
        with _translated():
            writer.commit()
            writer.wait_merging_threads()
            self._index.reload()
        self._searcher = self._index.searcher()

    def _writing(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise StoreError("the lexical index is committed: create a new one to add to it")
        return self._writer

    def search(
        self, words: Sequence[str], k: int, languages: Sequence[str] | None = None
    ) -> list[tuple[int, float]]:
        """The k passages with the highest BM25 for these words: (id, score), best first, equal
        scores in the order of ids. languages: only passages of these; None: of any."""
        if k < 1:
            raise BadInput(f"k is {k}: ask for at least 1 result")
        terms = [self._term("words", word) for word in _terms(words)]
        if not terms or (languages is not None and not languages):
            return []
        query = _any_of(terms)
        if languages is not None:
            # Constant 0: in which language a passage is written is a condition, not a merit.
            codes = _any_of([self._term("language", code) for code in languages])
            filtering = tantivy.Query.const_score_query(codes, 0.0)
            must = tantivy.Occur.Must
            query = tantivy.Query.boolean_query([(must, query), (must, filtering)])
        hits = self._searcher.search(query, limit=k, count=False).hits
        ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        found = [(int(id or 0), score) for id, (score, _) in zip(ids, hits, strict=True)]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def _term(self, field: str, value: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, index_option=INDEX_OPTION)

    def document_frequency(self, word: str) -> int:
        """In how many passages this word occurs."""
        term = _joined([word])
        return self._searcher.doc_freq("words", term) if term else 0

    def __len__(self) -> int:
        return self._searcher.num_docs


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("words", tokenizer_name=TOKENIZER, index_option=INDEX_OPTION)
    return builder.build()


@contextmanager
def _translated() -> Iterator[None]:
    """Tantivy's errors of writing are ValueError, whatever the cause."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise StoreError(
            f"the lexical index cannot be written ({error}): free space and run again"
        ) from error


def _any_of(queries: list[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])


def _terms(words: Sequence[str]) -> list[str]:
    """The same words as tantivy has them, each once."""
    return [term for term in dict.fromkeys(_joined(words).split(" ")) if term]


def _joined(words: Sequence[str]) -> str:
    """The words that can be indexed, with a space between them and none within."""
    text = " ".join(words)
    if len(text) * 4 <= MAX_WORD_BYTES and text.split() == list(words):
        return text  # nearly always: no word is odd
    glued = (GLUE.join(word.split()) for word in words)
    return " ".join(word for word in glued if word and len(word.encode()) <= MAX_WORD_BYTES)
