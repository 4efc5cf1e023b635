"""Files to a collection: read, chunk, embed, store.

Only what is new or changed is read further than its digest, and only texts that the collection
does not know are embedded. Every few hundred chunks whole documents are committed at once, so
memory does not grow with the input, and a run that is killed has lost those few hundred at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from polyseek.chunking import chunk
from polyseek.documents import Found, Positions, find, origin, read
from polyseek.engine.embedder import Embedder
from polyseek.errors import BadInput
from polyseek.languages.identify import document_language, passage_language
from polyseek.store.catalog import Catalog, chunk_key
from polyseek.types import Chunk, Document

FLUSH_CHUNKS = 256


@dataclass(slots=True)
class IndexReport:
    """What a run did, by name of document."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Name -> what was wrong and what to do."""
    chunks: int = 0
    """Chunks of the new and changed documents."""
    embedded: int = 0
    """Those of them whose text the collection did not know."""
    tokens: int = 0
    """Tokens that were embedded."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: files done of all, and what it has embedded so far."""

    done: int
    files: int
    embedded: int
    name: str


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How documents become chunks."""

    chunk_tokens: int
    languages: Collection[str] = ()
    """Those the documents may be in; empty: identified among all."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A document that waits for its vectors."""

    found: Found
    document: Document
    chunks: list[Chunk]


def ingest(
    catalog: Catalog, embedder: Embedder, paths: Sequence[Path], plan: Plan, watch: Watch
) -> IndexReport:
    """Bring the catalog in step with the files in and below `paths`.

    A document vanishes with its file if it came from one of these paths; what came from elsewhere
    stays. A file that cannot be used is reported, and its last good version kept.

    Raises:
        BadInput: a path is not there, or a name is taken by a document from elsewhere.
        StoreError: the catalog cannot be written; what was committed stays.
    """
    began, report = time.monotonic(), IndexReport()
    files = list(find(paths))
    known, origins = catalog.digests(), catalog.origins()
    _check_names(files, origins)
    waiting: list[_Ready] = []
    for done, found in enumerate(files):
        watch(Progress(done, len(files), report.embedded, found.name))
        ready = _prepare(found, known.get(found.name), embedder, plan, report)
        if ready:
            waiting.append(ready)
        if sum(len(ready.chunks) for ready in waiting) >= FLUSH_CHUNKS:
            _flush(catalog, embedder, waiting, report)
            waiting = []
    _flush(catalog, embedder, waiting, report)
    _follow(catalog, paths, files, origins, report)
    watch(Progress(len(files), len(files), report.embedded, ""))
    report.seconds = time.monotonic() - began
    return report


def _check_names(files: Sequence[Found], origins: Mapping[str, str]) -> None:
    """A name that belongs to another file which still exists is not taken over."""
    for found in files:
        before = origins.get(found.name, found.origin)
        if before != found.origin and Path(before).exists():
            raise BadInput(
                f"{found.name!r} is in the knowledge base already, made from {before}, and would "
                f"be replaced by {found.origin}; index both directories in one call, or use "
                "another knowledge base, or remove the first"
            )


def _prepare(
    found: Found, digest: str | None, embedder: Embedder, plan: Plan, report: IndexReport
) -> _Ready | None:
    """The document in chunks, if it has to be stored; what became of it goes into the report."""
    try:
        document = read(found.path, found.name, unless=digest)
        if document is None:
            report.unchanged += 1
            return None
        language = document.language or document_language(document.text, plan.languages)
        document = replace(document, language=language)
        chunks = _chunks(document, embedder, plan)
    except BadInput as error:
        report.failed[found.name] = str(error)
        return None
    (report.new if digest is None else report.changed).append(found.name)
    report.chunks += len(chunks)
    return _Ready(found, document, chunks)


def _chunks(document: Document, embedder: Embedder, plan: Plan) -> list[Chunk]:
    chunks = chunk(document, plan.chunk_tokens, embedder.count, Positions(document).line)
    return [
        replace(each, language=passage_language(each.text, document.language, plan.languages))
        for each in chunks
    ]


def _flush(
    catalog: Catalog, embedder: Embedder, waiting: Sequence[_Ready], report: IndexReport
) -> None:
    """Embed what the catalog does not know, and commit the documents."""
    if not waiting:
        return
    chunks = [each for ready in waiting for each in ready.chunks]
    texts = {chunk_key(each.embedded_text): each for each in chunks}
    vectors = catalog.vectors_by_key(list(texts))
    missing = [key for key in texts if key not in vectors]
    made = embedder.embed([texts[key].embedded_text for key in missing], "passage")
    vectors.update(zip(missing, made, strict=True))
    with catalog.transaction():
        for ready, rows in _rows(waiting, vectors, embedder.spec.dimensions):
            size = len(ready.document.text.encode(errors="surrogatepass"))
            catalog.put(ready.document, size, ready.chunks, rows, ready.found.origin)
    report.embedded += len(missing)
    report.tokens += sum(texts[key].tokens for key in missing)


def _rows(
    waiting: Sequence[_Ready], vectors: dict[bytes, np.ndarray], dimensions: int
) -> Iterator[tuple[_Ready, np.ndarray]]:
    """Each document with the vectors (chunks, D) of its chunks."""
    for ready in waiting:
        keys = [chunk_key(each.embedded_text) for each in ready.chunks]
        rows = [np.asarray(vectors[key], np.float32) for key in keys]
        yield ready, np.stack(rows) if rows else np.empty((0, dimensions), np.float32)


def _follow(
    catalog: Catalog,
    paths: Sequence[Path],
    files: Sequence[Found],
    origins: Mapping[str, str],
    report: IndexReport,
) -> None:
    """Forget the documents of these paths whose files are gone; note where the others moved."""
    there = {found.name: found.origin for found in files}
    moved = {name: at for name, at in there.items() if origins.get(name, at) != at}
    roots = [Path(origin(path)) for path in paths]
    report.removed = [
        name
        for name, at in origins.items()
        if name not in there and any(Path(at).is_relative_to(root) for root in roots)
    ]
    if moved or report.removed:
        with catalog.transaction():
            catalog.move(moved)
            catalog.remove(report.removed)
