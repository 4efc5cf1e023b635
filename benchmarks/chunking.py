"""Are blocks kept whole, and do chunks end where sentences do? Real Markdown in eight languages.

The judge is independent of polyseek's chunker: it reads the blocks from markdown-it-py's tokens,
takes its own heading paths, and counts with the model's tokenizer.

* A code block, table, list or paragraph of any depth is *cut* if no chunk holds all of it, though
  it fits in the budget with its heading path (its own, or that of the chunk where it starts).
* A chunk ends *inside prose* if it ends inside a paragraph. In the documents, marks of
  punctuation tell whether that is the end of a sentence. There, few chunks do; so the same is
  asked of long prose without line breaks: articles of XQuAD-R (its own sentence breaks decide; en
  and zh), and the Japanese prose of each document (punctuation decides). XQuAD-R's breaks miss
  the end of a Chinese sentence before one that begins with a digit ("。1955"): `share` counts
  those as sentence ends, `share_as_published` does not.

LangChain's RecursiveCharacterTextSplitter is measured beside it where it is installed: as its
tutorial has it (1,000 characters, 200 of overlap; what fits is what has 1,000 characters), and
with polyseek's own budget in tokens, without overlap.

    python benchmarks/chunking.py               # 984 files and the sample: 3 minutes of CPU
    python benchmarks/chunking.py --every 20    # every 20th file: a quick look
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from common import data_directory, save_result
from markdown_it import MarkdownIt

from polyseek.chunking import chunk
from polyseek.documents import read
from polyseek.engine.load import load
from polyseek.fingerprint import CHUNK_TOKENS
from polyseek.types import Chunk, Document

SAMPLE = Path(__file__).parents[1] / "examples" / "cloud-security-policy"
SMALL = 128
TUTORIAL = 1000, 200
PROSE_LANGUAGES = ("en", "zh", "ja")
KINDS = {
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "paragraph_open": "paragraph",
}
BLOCKS = ("code", "table", "list")
CLOSERS = r"[”’»」』】》）)\]\"'*_~`]*"
SENTENCE_END = re.compile(rf"(?:[。！？…!?]|(?P<period>\.)){CLOSERS}$")

Count = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class Piece:
    """What a splitter made: text[start:end] and the heading path it will be embedded with."""

    start: int
    end: int
    path: str = ""


@dataclass(frozen=True)
class Block:
    """A block as the judge reads it: from its first to its last character of ink."""

    kind: str
    line: int
    """Where its first line starts: indentation counts as tokens."""
    start: int
    end: int
    path: str


Splitter = Callable[[Document], list[Piece]]
Fits = Callable[[str, Sequence[tuple[Block, Piece]]], list[bool]]
Prose = dict[str, list[tuple[str, set[int] | None]]]
"""Texts of one line by language, with the offsets where sentences end (None: punctuation)."""


@dataclass(frozen=True)
class File:
    """A document with the judge's reading of it, made once."""

    language: str
    document: Document

    def below(self, root: str) -> File:
        """The same, named as it is below the folder `root`."""
        path = self.document.path.removeprefix(f"{root}/")
        return replace(self, document=replace(self.document, path=path))

    @cached_property
    def blocks(self) -> list[Block]:
        return list(judge(self.document.text))


# --- the judge -----------------------------------------------------------------------------------


def judge(text: str) -> Iterator[Block]:
    """Every code block, table, list and paragraph, nested ones too."""
    front = re.match(r"---\n.*?\n---\n", text, re.DOTALL)
    body = text
    if front:  # blank lines instead: the parser's line numbers stay the file's
        body = "\n" * front[0].count("\n") + text[front.end() :]
    starts = [0, *(m.end() for m in re.finditer(r"\r\n?|\n", text)), len(text)]
    titles: dict[int, str] = {}
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    for token, after in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0:
            level = int(token.tag[1])
            words = "".join(c.content for c in after.children or [])
            titles = {n: title for n, title in titles.items() if n < level}
            titles[level] = re.sub(r"\s*\{[^{}]*\}\s*$", "", words)
        yield from _block(token, text, starts, " > ".join(titles.values()))
    yield from _block(tokens[-1], text, starts, " > ".join(titles.values())) if tokens else ()


def _block(token: Any, text: str, starts: Sequence[int], path: str) -> Iterator[Block]:  # noqa: ANN401
    if token.type not in KINDS or token.map is None:
        return
    line, after = (starts[min(n, len(starts) - 1)] for n in token.map)
    raw = text[line:after]
    start, end = line + len(raw) - len(raw.lstrip()), line + len(raw.rstrip())
    if end > start:
        yield Block(KINDS[token.type], line, start, end, path)


def ends_sentence(text: str, at: int) -> bool:
    """Whether text[:at] ends with a sentence, by its marks and by what follows."""
    end = SENTENCE_END.search(text, max(0, at - 20), at)
    if end is None:
        return False
    after = text[at : at + 9].lstrip(" \n*_`\"'(")
    return not (end["period"] and after[:1].islower())


def fits_in_tokens(budget: int, count: Count) -> Fits:
    """With the judge's heading path, or with that of the chunk where the block starts."""

    def fits(text: str, found: Sequence[tuple[Block, Piece]]) -> list[bool]:
        whole: list[str] = []
        for block, holder in found:
            body = text[block.line : block.end]
            whole += [f"{block.path}\n{body}", f"{holder.path}\n{body}"]
        sizes = count(whole)
        return [min(pair) <= budget for pair in zip(sizes[::2], sizes[1::2], strict=True)]

    return fits


def fits_in_characters(budget: int) -> Fits:
    return lambda text, found: [block.end - block.line <= budget for block, _ in found]


# --- what is counted -----------------------------------------------------------------------------


def structure(files: Iterable[File], split: Splitter, fits: Fits) -> dict[str, Any]:
    """Blocks that fit, those of them that are cut, and where the chunks end."""
    seen: Counter[str] = Counter()
    cut: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    right: Counter[str] = Counter()
    examples: list[str] = []
    chunks, seconds = 0, 0.0
    split(Document("warm", "The tokenizer is read when it is first needed."))
    for file in files:
        began = time.process_time()
        pieces = split(file.document)
        seconds += time.process_time() - began
        chunks += len(pieces)
        for block in _cut(file, pieces, fits, seen):
            cut[block.kind] += 1
            name, line = file.document.path, file.document.text.count("\n", 0, block.start) + 1
            examples.append(f"{name}:{line} {block.kind}")
        for ok in _prose_ends(file, pieces):
            inside[file.language] += 1
            right[file.language] += ok
    return {
        "chunks": chunks,
        "chunks_per_cpu_s": round(chunks / seconds, 1),
        "fit": {kind: seen[kind] for kind in BLOCKS},
        "cut": {kind: cut[kind] for kind in (*BLOCKS, "paragraph")},
        "cut_examples": examples[:20],
        "ends_inside_prose": {
            language: _share(right[language], inside[language]) for language in PROSE_LANGUAGES
        },
    }


def _cut(file: File, pieces: Sequence[Piece], fits: Fits, seen: Counter[str]) -> Iterator[Block]:
    """The blocks that fit and that no piece holds; those that fit are counted in `seen`."""
    found = []
    for block in file.blocks:
        held = [p for p in pieces if p.start <= block.start < p.end]
        whole = any(block.end <= p.end for p in held)
        if block.kind in BLOCKS or not whole:  # to count every paragraph would take long
            found.append((block, held[-1] if held else Piece(0, 0), whole))
    fit = fits(file.document.text, [(block, holder) for block, holder, _ in found])
    for (block, _, held_whole), small in zip(found, fit, strict=True):
        seen[block.kind] += small
        if small and not held_whole:
            yield block


def _prose_ends(file: File, pieces: Sequence[Piece]) -> Iterator[bool]:
    """For each chunk that ends inside a paragraph: whether it is at the end of a sentence."""
    text = file.document.text
    for piece in pieces:
        end = piece.start + len(text[piece.start : piece.end].rstrip())
        if any(b.kind == "paragraph" and b.start < end < b.end for b in file.blocks):
            yield ends_sentence(text, end)


def _share(right: int, of: int) -> dict[str, Any]:
    return {"ends": of, "at_sentence": right, "share": round(right / of, 4) if of else None}


def faults(
    files: Iterable[File], chunks_of: Callable[[Document], list[Chunk]], budget: int, count: Count
) -> dict[str, int]:
    """Broken promises of polyseek's chunks: ranges, budget, gaps."""
    found: Counter[str] = Counter()
    for file in files:
        text, cursor = file.document.text, 0
        chunks = chunks_of(file.document)
        tokens = count([each.embedded_text for each in chunks])
        for each, size in zip(chunks, tokens, strict=True):
            found["not_its_range"] += each.text != text[each.start : each.end] or not each.text
            found["over_budget"] += size > budget
            found["miscounted"] += size != each.tokens
            found["overlaps"] += each.start < cursor
            found["gap_with_ink"] += bool(text[cursor : each.start].strip())
            cursor = each.end
        found["gap_with_ink"] += bool(text[cursor:].strip())
    return dict(found)


# --- long prose ----------------------------------------------------------------------------------


def long_prose(files: Iterable[File]) -> Prose:
    japanese = [_prose(file) for file in files if file.language == "ja"]
    return {
        "en": _articles("en", " "),
        "zh": _articles("zh", ""),
        "ja": [(text, None) for text in japanese],
    }


def _prose(file: File) -> str:
    """The paragraphs that end with a sentence, as one line."""
    text = file.document.text
    paragraphs = [text[b.start : b.end] for b in file.blocks if b.kind == "paragraph"]
    return "".join(p.replace("\n", "") for p in paragraphs if ends_sentence(p, len(p)))


def _articles(language: str, glue: str) -> list[tuple[str, set[int] | None]]:
    """The paragraphs of each article as one, with the gold sentence ends."""
    path = data_directory() / "xquad-r" / f"{language}.json"
    articles: list[tuple[str, set[int] | None]] = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        text, ends = "", set[int]()
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            text += glue if text else ""
            ends |= {len(text) + len(context[:b].rstrip()) for _, b in paragraph["sentence_breaks"]}
            text += context.rstrip()
        articles.append((text, ends))
    return articles


def prose_ends(texts: Prose, split: Splitter) -> dict[str, dict[str, Any]]:
    shares = {}
    for language, some in texts.items():
        right = published = of = 0
        for text, gold in some:
            for piece in split(Document("prose", text, "text")):
                end = piece.start + len(text[piece.start : piece.end].rstrip())
                if end == len(text.rstrip()):
                    continue
                of += 1
                if gold is None:
                    right += ends_sentence(text, end)
                else:
                    published += end in gold
                    missed = text[end - 1] == "。" and text[end:].lstrip()[0].isdigit()
                    right += end in gold or missed
        shares[language] = _share(right, of)
        if of and any(gold is not None for _, gold in some):
            shares[language]["share_as_published"] = round(published / of, 4)
    return shares


# --- splitters -----------------------------------------------------------------------------------


def polyseek_chunks(budget: int, count: Count) -> Callable[[Document], list[Chunk]]:
    return cache(lambda document: chunk(document, budget, count))


def polyseek_splitter(chunks_of: Callable[[Document], list[Chunk]]) -> Splitter:
    return lambda document: [
        Piece(c.start, c.end, " > ".join(c.headings)) for c in chunks_of(document)
    ]


def langchain_splitter(size: int, overlap: int, count: Count | None = None) -> Splitter | None:
    """LangChain's default splitter; None where it is not installed."""
    try:
        from langchain_text_splitters import RecursiveCharacterTextSplitter
    except ImportError:
        return None
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=size,
        chunk_overlap=overlap,
        length_function=len if count is None else lambda text: count([text])[0],
        add_start_index=True,
    )

    def split(document: Document) -> list[Piece]:
        made = splitter.create_documents([document.text])
        starts = [each.metadata["start_index"] for each in made]
        return [Piece(s, s + len(e.page_content)) for s, e in zip(starts, made, strict=True)]

    return split


def read_files(every: int) -> list[File]:
    """The Markdown of the FastAPI documentation and of the sample; its folder is its language."""
    roots = [data_directory() / "fastapi-docs", SAMPLE]
    files = []
    for root in roots:
        for path in sorted(root.glob("*/**/*.md"))[::every]:
            name = path.relative_to(root).as_posix()
            document = read(path, f"{root.name}/{name}")
            assert document is not None
            files.append(File(name.split("/")[0], document))
    return files


def measure(files: list[File], count: Count, small: int) -> dict[str, Any]:
    prose = long_prose(files)
    results: dict[str, Any] = {}
    for budget in (CHUNK_TOKENS, small):
        chunks_of = polyseek_chunks(budget, count)
        name = f"polyseek, {budget} tokens"
        results[name] = {
            **structure(files, polyseek_splitter(chunks_of), fits_in_tokens(budget, count)),
            "long_prose": prose_ends(prose, polyseek_splitter(chunks_of)),
            "faults": faults(files, chunks_of, budget, count),
        }
        show(name, results[name])
    for name, split, fits in langchain(count):
        results[name] = {**structure(files, split, fits), "long_prose": prose_ends(prose, split)}
        show(name, results[name])
    return results


def langchain(count: Count) -> list[tuple[str, Splitter, Fits]]:
    """Its default splitter in the tutorial's setting, and with polyseek's budget."""
    size, overlap = TUTORIAL
    tutorial = langchain_splitter(size, overlap)
    same = langchain_splitter(CHUNK_TOKENS, 0, count)
    if not tutorial or not same:
        print("\nLangChain is not installed (pip install langchain-text-splitters)")
        return []
    by_tokens = fits_in_tokens(CHUNK_TOKENS, count)
    return [
        (f"LangChain, {size} characters, overlap {overlap}", tutorial, fits_in_characters(size)),
        (f"LangChain, {CHUNK_TOKENS} tokens, no overlap", same, by_tokens),
    ]


def show(name: str, found: dict[str, Any]) -> None:
    print(f"\n{name}: {found['chunks']:,} chunks, {found['chunks_per_cpu_s']:,} a CPU second")
    for kind, fit in found["fit"].items():
        print(f"  {kind:6}{fit:7,} fit, {found['cut'][kind]:,} of them cut")
    print(f"  paragraphs that fit, cut: {found['cut']['paragraph']:,}")
    for where in ("ends_inside_prose", "long_prose"):
        told = ", ".join(
            f"{language} {share['at_sentence']:,} of {share['ends']:,}"
            + (f" = {100 * share['share']:.1f} %" if share["ends"] else "")
            for language, share in found[where].items()
        )
        print(f"  {where.replace('_', ' ')}, at the end of a sentence: {told}")
    print(f"  broken promises: {found['faults']}" if "faults" in found else "", end="\n")
    for example in found["cut_examples"][:5]:
        print(f"    {example}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="take every Nth file only (1)")
    parser.add_argument("--small", type=int, default=SMALL, help=f"the other budget ({SMALL})")
    args = parser.parse_args()
    files = read_files(args.every)
    print(f"{len(files)} files, {sum(len(f.document.text) for f in files):,} characters")
    results = measure(files, load().count, args.small)
    if args.every == 1:
        save_result("chunking", {"files": len(files), "small": args.small}, results)


if __name__ == "__main__":
    main()
