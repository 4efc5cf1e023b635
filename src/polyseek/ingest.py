"""Files to a collection: read, chunk, embed, store.

Only what is new or changed is read further than its digest, and only texts that the collection
does not know are embedded. Every few hundred chunks whole documents are committed at once, so
memory does not grow with the input, and a run that is killed has lost those few hundred at most.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from polyseek.documents import Found, find, origin
from polyseek.engine.embeds import Embeds
from polyseek.errors import BadInput
from polyseek.meter import Meter, Watch
from polyseek.preparing import Plan, Prepared, Prepares
from polyseek.store.catalog import Catalog
from polyseek.vectors import Vectors

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
    others: dict[str, int] = field(default_factory=dict)
    """Suffix, or name without one -> how many files there are of it, in no format that is read."""
    chunks: int = 0
    """Chunks of the new and changed documents."""
    embedded: int = 0
    """Those of them whose text the collection did not know."""
    tokens: int = 0
    """Tokens that were embedded, those of sentences included."""
    linked: int = 0
    """Links that were found: pairs of passages that say the same in two languages."""
    seconds: float = 0.0

    @property
    def read(self) -> int:
        """Files that there were."""
        return len(self.new) + len(self.changed) + self.unchanged + len(self.failed)


def ingest(
    catalog: Catalog,
    embedder: Embeds,
    paths: Sequence[Path],
    plan: Plan,
    watch: Watch,
    prepares: Prepares,
) -> IndexReport:
    """Bring the catalog in step with the files in and below `paths`. `prepares`: who makes
    documents of files, and may bring their vectors.

    A document vanishes with its file if it came from one of these paths; what came from elsewhere
    stays. A file that cannot be used is reported, and its last good version kept.

    Raises:
        BadInput: a path is not there, or a name is taken by a document from elsewhere.
        StoreError: the catalog cannot be written; what was committed stays.
    """
    began, report = time.monotonic(), IndexReport()
    paths = [_without_dots(path) for path in paths]
    known, origins = catalog.digests(), catalog.origins()
    others: Counter[str] = Counter()
    files = _as_known(find(paths, others), origins)
    report.others = dict(others.most_common())
    _check_names(files, origins)
    waiting: list[Prepared] = []
    meter = Meter(watch, {found.name: _size(found.path) for found in files})
    with closing(prepares(files, known)) as prepared:
        for ready in prepared:
            waits = _note(ready, known, report)
            if waits:
                waiting.append(ready)
            meter.read(ready.found.name, waits=waits)
            if sum(len(ready.chunks) for ready in waiting) >= FLUSH_CHUNKS:
                _flush(catalog, embedder, plan, waiting, report, meter)
                waiting = []
    _flush(catalog, embedder, plan, waiting, report, meter)
    _follow(catalog, paths, files, origins, report)
    report.seconds = time.monotonic() - began
    return report


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # reading it will say what is wrong
        return 0


def _without_dots(path: Path) -> Path:
    """`path` without `..`, so that a file has one origin however it is reached. Links stay: what
    is behind `current -> release-5` may be exchanged."""
    return path.resolve() if ".." in path.parts else path


def _as_known(files: Iterable[Found], origins: Mapping[str, str]) -> list[Found]:
    """Files under the names that the collection has them by, if it has. A name comes from the
    directory that is indexed; if another one, above or below it, is named the next time, documents
    stay who they are, and so does what was stated of their passages."""
    named: dict[str, str] = {}
    for name, at in origins.items():
        named.setdefault(at, name)
    return [replace(found, name=named.get(found.origin, found.name)) for found in files]


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


def _note(ready: Prepared, known: Collection[str], report: IndexReport) -> bool:
    """What became of a file goes into the report; True if there is something to store."""
    name = ready.found.name
    if ready.fault:
        report.failed[name] = ready.fault
    elif ready.document is None:
        report.unchanged += 1
    else:
        (report.changed if name in known else report.new).append(name)
        report.chunks += len(ready.chunks)
    return ready.document is not None


def _flush(
    catalog: Catalog,
    embedder: Embeds,
    plan: Plan,
    waiting: Sequence[Prepared],
    report: IndexReport,
    meter: Meter,
) -> None:
    """Embed what the catalog does not know, and commit the documents."""
    if not waiting:
        return
    vectors = Vectors(catalog, [each for ready in waiting for each in ready.chunks])
    for ready in waiting:
        for each in ready.made:
            vectors.take(each)
    vectors.embed(embedder, meter.embedding, plan.instruction)
    with catalog.transaction():
        for ready in waiting:
            _put(catalog, ready, *vectors.of(ready.chunks, embedder.spec.dimensions))
    report.embedded += len(vectors.missing)
    report.tokens += vectors.tokens
    meter.stored(len(vectors.missing))


def _put(
    catalog: Catalog, ready: Prepared, rows: np.ndarray, sentences: Sequence[np.ndarray]
) -> None:
    document, chunks = ready.document, ready.chunks
    if document is not None:
        size = len(document.text.encode(errors="surrogatepass"))
        catalog.put(document, size, chunks, rows, ready.found.origin, sentences, ready.terms)


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


def named(catalog: Catalog, names: Sequence[str]) -> list[str]:
    """The documents that are called so, or lie in directories that are, sorted.

    Raises:
        BadInput: a name matches none of them.
    """
    known = list(catalog.digests())
    found: set[str] = set()
    for name in names:
        these = [p for p in known if p == name or p.startswith(name.rstrip("/") + "/")]
        if not these:
            raise BadInput(
                f"no document is called {name!r}; `polyseek status --documents` lists them"
            )
        found.update(these)
    return sorted(found)


def _is_below(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a file is, or was, in one of `roots`, by its name or behind links."""
    real = path.resolve()
    return any(path.is_relative_to(root) or real.is_relative_to(root) for root in roots)
