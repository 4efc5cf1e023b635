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
    """Where a run is."""

    done: int
    """Files that have been read, of `files`."""
    files: int
    embedded: int
    """Passages so far."""
    share: float
    """Of the work, from 0 to 1, by the bytes of the files."""


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
    paths = [_without_dots(path) for path in paths]
    files = list(find(paths))
    known, origins = catalog.digests(), catalog.origins()
    _check_names(files, origins)
    waiting: list[_Ready] = []
    meter = _Meter(watch, files, report)
    for found in files:
        ready = _prepare(found, known.get(found.name), embedder, plan, report)
        if ready:
            waiting.append(ready)
        meter.read(found, waits=ready is not None)
        if sum(len(ready.chunks) for ready in waiting) >= FLUSH_CHUNKS:
            _flush(catalog, embedder, waiting, report, meter)
            waiting = []
    _flush(catalog, embedder, waiting, report, meter)
    _follow(catalog, paths, files, origins, report)
    report.seconds = time.monotonic() - began
    return report


class _Meter:
    """How far a run is. The bytes of a file count when nothing more has to be done for it, and
    little by little while it gets its vectors, which is what takes the time."""

    def __init__(self, watch: Watch, files: Sequence[Found], report: IndexReport) -> None:
        self._watch, self._report = watch, report
        self._sizes = {found.name: _size(found.path) for found in files}
        self._total = sum(self._sizes.values()) or 1
        self._done = self._settled = self._waiting = self._fresh = 0

    def read(self, found: Found, *, waits: bool) -> None:
        """A file has been read, and waits for vectors or needs none."""
        self._done += 1
        if waits:
            self._waiting += self._sizes[found.name]
        else:
            self._settled += self._sizes[found.name]
        self._tell()

    def embedded(self, more: int, of: int) -> None:
        """So many more passages, of those that the waiting files lack, have their vectors."""
        self._fresh += more
        self._tell(self._waiting * self._fresh / of)

    def stored(self) -> None:
        """All that waited is stored."""
        self._settled += self._waiting
        self._waiting = self._fresh = 0
        self._tell()

    def _tell(self, partly: float = 0.0) -> None:
        embedded = self._report.embedded + self._fresh
        share = (self._settled + partly) / self._total
        self._watch(Progress(self._done, len(self._sizes), embedded, share))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # reading it will say what is wrong
        return 0


def _without_dots(path: Path) -> Path:
    """`path` without `..`, so that a file has one origin however it is reached. Links stay: what
    is behind `current -> release-5` may be exchanged."""
    return path.resolve() if ".." in path.parts else path


def _check_names(files: Sequence[Found], origins: Mapping[str, str]) -> None:
    """A name that belongs to another file which still exists is not taken over."""
    for found in files:
        before = Path(origins.get(found.name, found.origin))
        if str(before) != found.origin and before.exists() and not before.samefile(found.path):
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
    catalog: Catalog,
    embedder: Embedder,
    waiting: Sequence[_Ready],
    report: IndexReport,
    meter: _Meter,
) -> None:
    """Embed what the catalog does not know, and commit the documents."""
    if not waiting:
        return
    chunks = [each for ready in waiting for each in ready.chunks]
    texts = {chunk_key(each.embedded_text): each for each in chunks}
    vectors = catalog.vectors_by_key(list(texts))
    missing = [key for key in texts if key not in vectors]
    # In slices, so that a document of any length takes little memory beside its own.
    for first in range(0, len(missing), FLUSH_CHUNKS):
        some = missing[first : first + FLUSH_CHUNKS]
        made = embedder.embed(
            [texts[key].embedded_text for key in some],
            "passage",
            progress=lambda more: meter.embedded(more, of=len(missing)),
        )
        vectors.update(zip(some, made, strict=True))
    with catalog.transaction():
        for ready, rows in _rows(waiting, vectors, embedder.spec.dimensions):
            size = len(ready.document.text.encode(errors="surrogatepass"))
            catalog.put(ready.document, size, ready.chunks, rows, ready.found.origin)
    report.embedded += len(missing)
    report.tokens += sum(texts[key].tokens for key in missing)
    meter.stored()


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
    roots += [root.resolve() for root in roots]
    report.removed = [
        name for name, at in origins.items() if name not in there and _is_below(Path(at), roots)
    ]
    if moved or report.removed:
        with catalog.transaction():
            catalog.move(moved)
            catalog.remove(report.removed)


def _is_below(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a file is, or was, in one of `roots`, by its name or behind links."""
    real = path.resolve()
    return any(path.is_relative_to(root) or real.is_relative_to(root) for root in roots)
