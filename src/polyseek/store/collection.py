"""A collection is a directory: the truth, a lock, and what is derived from the truth.

catalog.sqlite    documents, chunks, vectors: the truth
writer.lock       one writer; derived.lock: one maker of indexes
derived/<stamp>/  the vector index and the lexical index of one state of the truth

with Collection.open(path, write=True) as collection:
    with collection.catalog.transaction():
        collection.catalog.put(...)
    collection.publish(derive)

with Collection.open(path) as collection, collection.view(derive) as view:
    ids, scores = view.index.search(queries, k=10)
"""

from __future__ import annotations

from pathlib import Path

import filelock

from polyseek.closing import Closing
from polyseek.errors import StoreError
from polyseek.store import derived
from polyseek.store.build import build, grow, load
from polyseek.store.catalog import Catalog
from polyseek.store.lock import WriterLock, derived_lock
from polyseek.store.reader import Reader
from polyseek.store.verify import problems_of
from polyseek.store.view import Derive, Recipe, View

__all__ = ["Collection", "Derive", "Recipe", "View"]


class Collection(Closing):
    """Made by `open`. `catalog` reads, and writes if it was opened for writing."""

    def __init__(self, path: Path, catalog: Catalog, lock: WriterLock, *, write: bool) -> None:
        self.path = path
        self.catalog = catalog
        self._lock = lock
        self._write = write
        self._derived = path / "derived"
        self._origin = derived.stamp_of(catalog) if write else ""
        self._proved = ""
        """The stamp of what this writer made or checked itself."""

    @classmethod
    def open(cls, path: Path | str, *, write: bool = False) -> Collection:
        """Open the collection in this directory. For writing, it is made if it is not there;
        raises Locked if somebody else is writing to it."""
        path = Path(path)
        lock = WriterLock(path)
        if not write:
            return cls(path, Catalog.open(path / "catalog.sqlite"), lock, write=False)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path} cannot be made ({error}): choose another place") from error
        lock.acquire()
        try:
            return cls(path, Catalog.open(path / "catalog.sqlite", write=True), lock, write=True)
        except BaseException:
            lock.release()
            raise

    def outdated(self, view: View) -> bool:
        """Whether a new view would show something else."""
        return view.catalog.commit != self.catalog.commit

    def close(self) -> None:
        """Close the catalog and let the next writer in. Views stay open."""
        self.catalog.close()
        if self._write:
            self._lock.release()

    def publish(self, derive: Derive) -> None:
        """Make the indexes of the newest state, if they are not there, and remove older ones.
        Readers that have those open keep them."""
        if not self._write:
            raise StoreError(f"{self.path} is open for reading: open it with write=True")
        with self.catalog.snapshot() as catalog, derived_lock(self.path):
            stamp = derived.stamp_of(catalog)
            if self._load(catalog, derive, stamp) is None:
                self._publish(catalog, derive, stamp)
            derived.sweep(self._derived, keep=stamp)
            self._origin = self._proved = stamp

    def view(self, derive: Derive) -> View:
        """The newest state with its indexes. Close it after use.

        Indexes that are missing or damaged are made anew; they are published as well, if nobody is
        writing, and so heal what a killed writer left.
        """
        catalog = self.catalog.snapshot()
        try:
            stamp = derived.stamp_of(catalog)
            return self._load(catalog, derive, stamp) or self._heal(catalog, derive, stamp)
        except BaseException:
            catalog.close()
            raise

    def _load(self, catalog: Reader, derive: Derive, stamp: str) -> View | None:
        if stamp != self._proved and derived.faults(self._derived / stamp, stamp):
            return None
        try:
            return load(catalog, derive, self._derived / stamp)
        except (StoreError, OSError):
            # Between the check and the opening a writer may have swept it away.
            return None

    def _heal(self, catalog: Reader, derive: Derive, stamp: str) -> View:
        """Make what is missing; for everybody, if no writer is about to make something newer."""
        making = derived_lock(self.path)
        try:
            if self._write or self._lock.is_free():
                with making.acquire(blocking=False):
                    self._publish(catalog, derive, stamp)
        except (StoreError, filelock.Timeout, OSError):
            # A full disk or another's work keeps nobody from searching.
            return build(catalog, derive, None)
        return self._load(catalog, derive, stamp) or build(catalog, derive, None)

    def _publish(self, catalog: Reader, derive: Derive, stamp: str) -> None:
        """Grow the indexes of the state that this writer began with, or make them anew."""
        origin = self._origin
        source = "" if derived.faults(self._derived / origin, origin) else origin
        with derived.making(self._derived, stamp, source) as directory:
            if not source or not grow(catalog, derive, self._derived / source, directory):
                build(catalog, derive, directory)

    def verify(self, derive: Derive) -> list[str]:
        """What is wrong with the collection, a sentence each; nothing if all is well."""
        try:
            with self.catalog.snapshot() as catalog:
                return problems_of(catalog, derive, self._derived)
        except StoreError as error:
            return [str(error)]
