"""A directory of Parquet files to a knowledge base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polyseek.errors import BadInput
from polyseek.knowledge_base import KnowledgeBase
from polyseek.meter import Progress, Watch
from polyseek.places import open_collection
from polyseek.store.arrays import HALF
from polyseek.store.catalog import Catalog
from polyseek.store.whole import ChunkRow, DocumentRow, SentenceRow
from polyseek.transfer.columns import require_pyarrow
from polyseek.transfer.content import digest_of, some
from polyseek.transfer.files import rows_in
from polyseek.transfer.manifest import Manifest, check, read
from polyseek.types import Chunk, Document, Terms


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an import did."""

    manifest: Manifest
    already: bool
    """Whether the knowledge base held exactly this before, so that nothing was to be done."""


def load(
    kb: KnowledgeBase, directory: Path, *, replace: bool = False, watch: Watch = lambda _: None
) -> Loaded:
    """Make an empty knowledge base the copy of an export, and publish its indexes; or any, where
    what it holds may be replaced. Nothing is embedded. What is stored is stored in one
    transaction; if only the indexes were not made, the same call makes them.

    Raises:
        BadInput: the export is unfinished, damaged or of a newer polyseek; the knowledge base
            holds something else, and `replace` was not said; pyarrow is not installed.
        FingerprintMismatch: the settings or the model are not those it was made with.
        ModelError: its model is not on this machine.
        Locked: another process is writing to the knowledge base.
    """
    require_pyarrow()
    manifest = read(directory)
    check(directory, manifest, lambda share: watch(Progress(0, 0, 0, share, "checking files")))
    with _copy_of(kb, manifest) as copy, open_collection(kb.settings, write=True) as collection:
        catalog = collection.catalog
        already = _holds(catalog, manifest)
        if not already:
            if not replace and not _empty(catalog):
                raise BadInput(
                    f"{kb.path} is not empty: import into a new knowledge base, or give --replace "
                    "to lose what it holds"
                )
            with catalog.transaction():
                _store(catalog, directory, manifest, watch)
        if catalog.dimensions is not None:
            watch(Progress(0, 0, 0, 1.0, "making indexes"))
            collection.publish(copy._derive)
    return Loaded(manifest, already)


@contextmanager
def _copy_of(kb: KnowledgeBase, manifest: Manifest) -> Iterator[_Copy]:
    """The knowledge base that the export becomes; a model that it has loaded is closed after."""
    copy = _Copy(kb, manifest.fingerprint)
    try:
        if manifest.fingerprint:
            copy._check(manifest.fingerprint)  # before anything is written
        yield copy
    finally:
        if kb._given is None:
            copy.close()


class _Copy(KnowledgeBase):
    """A knowledge base that is to be made with what an export was made with."""

    def __init__(self, base: KnowledgeBase, fingerprint: Mapping[str, Any]) -> None:
        super().__init__(base.settings, base._given, base._chunker)
        self._fingerprint = dict(fingerprint)

    def _stored(self) -> dict[str, Any]:
        return self._fingerprint


def _empty(catalog: Catalog) -> bool:
    held = next(iter(catalog.document_rows()), None), next(iter(catalog.statement_rows()), None)
    return held == (None, None)


def _holds(catalog: Catalog, manifest: Manifest) -> bool:
    """Whether the catalog is the copy already; counted first, since a digest takes long."""
    counts = manifest.counts
    held = catalog.statistics()
    same = (held.documents, held.chunks) == (counts["documents"], counts["chunks"])
    return same and digest_of(catalog) == manifest.digest


def _store(catalog: Catalog, directory: Path, manifest: Manifest, watch: Watch) -> None:
    total = max(manifest.counts["chunks"], 1)

    def tell(done: int, stage: str) -> None:
        watch(Progress(0, 0, done, done / total, f"{stage}, {done:,} passages,"))

    catalog.clear()
    if manifest.fingerprint:
        catalog.set_fingerprint(manifest.fingerprint)
    if manifest.instruction:
        catalog.set_instruction(manifest.instruction)
    done = 0
    chunks = _Following(rows_in(directory, manifest, "chunks"))
    sentences = _Following(rows_in(directory, manifest, "sentences"))
    for page in some(_each(rows_in(directory, manifest, "documents"))):
        for document in page:
            mine = chunks.of(document.path)
            _put(catalog, document, mine, sentences.of(document.path))
            done += len(mine)
            tell(done, "storing")
        catalog.link([], [document.path for document in page if document.linked])
    for links in rows_in(directory, manifest, "links"):
        catalog.put_rows(linked=links)
    for statements in rows_in(directory, manifest, "statements"):
        catalog.put_rows(said=statements)
    if digest_of(catalog, lambda read: tell(read, "comparing")) != manifest.digest:
        raise BadInput(
            f"what {directory} holds is not what its manifest says, though each file is: it was "
            "changed by hand, or its rows are in another order; nothing was imported; export again"
        )


def _put(
    catalog: Catalog, document: DocumentRow, chunks: list[ChunkRow], said: list[SentenceRow]
) -> None:
    borders: dict[int, list[tuple[int, int]]] = {}
    vectors: dict[int, list[bytes]] = {}
    for each in said:
        borders.setdefault(each.ordinal, []).append((each.start, each.end))
        vectors.setdefault(each.ordinal, []).append(each.vector)
    known = [row for row in chunks if row.words is not None]
    catalog.put(
        Document(
            document.path, "", document.format, document.title, document.language,
            document.digest, document.encoding,
        ),
        document.size,
        [_chunk(row, borders.get(row.ordinal, [])) for row in chunks],
        _stacked([row.vector for row in chunks], HALF),
        document.origin,
        [_stacked(vectors.get(row.ordinal, []), np.dtype(np.int8)) for row in chunks],
        [_terms(row) for row in chunks] if len(known) == len(chunks) else None,
    )  # fmt: skip


def _chunk(row: ChunkRow, sentences: list[tuple[int, int]]) -> Chunk:
    return Chunk(
        start=row.start,
        end=row.end,
        text=row.text,
        line_start=row.line_start,
        line_end=row.line_end,
        headings=row.headings,
        context=row.context,
        language=row.language,
        tokens=row.tokens,
        sentences=tuple(sentences),
    )


def _terms(row: ChunkRow) -> Terms:
    return Terms(tuple((row.words or "").split(" ")), frozenset((row.marks or "").split("\n")))


def _stacked(rows: list[bytes], dtype: np.dtype[Any]) -> np.ndarray:
    """(n, D)."""
    return np.frombuffer(b"".join(rows), dtype).reshape(len(rows), -1 if rows else 0)


def _each(pages: Iterator[list[Any]]) -> Iterator[Any]:
    for page in pages:
        yield from page


class _Following:
    """Rows of a table that follow the documents: those of each stand together, in their order."""

    def __init__(self, pages: Iterator[list[Any]]) -> None:
        self._rows = _each(pages)
        self._next: Any = next(self._rows, None)

    def of(self, path: str) -> list[Any]:
        """Those of the document, which is the next one."""
        found = []
        while self._next is not None and self._next.path == path:
            found.append(self._next)
            self._next = next(self._rows, None)
        return found
