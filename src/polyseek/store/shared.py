"""A collection on servers: the truth in PostgreSQL, the vector index in Milvus.

with SharedCollection.open(place, write=True) as collection:
    with collection.catalog.transaction():
        collection.catalog.put(...)
    collection.publish(derive)

It is used as a Collection is. A view is a snapshot of the truth, with what was published when it
was taken; passages that came later than that are found once they are published, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from polyseek.closing import Closing
from polyseek.errors import StoreError
from polyseek.store.advisory import lock_for_writing
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.build import build
from polyseek.store.catalog import Catalog
from polyseek.store.derived import stamp_of
from polyseek.store.legs import RemoteIndex, Words
from polyseek.store.members import Members
from polyseek.store.postgres import Schema, connect_postgres
from polyseek.store.published import (
    Published,
    StoredDirections,
    indexed,
    published_stamp,
    read_published,
)
from polyseek.store.publishing import OpenIndex, Publisher
from polyseek.store.reader import Reader
from polyseek.store.verify import sample_problems, truth_problems
from polyseek.store.view import Derive, View, from_truth


@dataclass(frozen=True, slots=True)
class Place:
    """Where a collection on servers lies."""

    schema: Schema
    """Of the truth; its name is the collection's."""
    open_index: OpenIndex
    """Opens a collection of the vector server by its name."""
    words: Callable[[Reader], Words]
    """The lexical leg of a pinned catalog."""

    def __str__(self) -> str:
        return str(self.schema)


@dataclass(frozen=True, slots=True)
class SharedView(View):
    """A View whose legs lie on servers. What they find and this state has not is left out."""

    index: RemoteIndex

    def nearest(
        self, queries: Vectors, k: int, languages: Sequence[str] | None = None
    ) -> tuple[Ids, Vectors]:
        """See View."""
        if languages is None:
            ids, scores = self.index.search(queries, k)
        else:
            ids, scores = self.index.search_in(queries, k, languages)
        known = np.isin(ids, self.ids)
        order = np.argsort(~known, axis=1, kind="stable")  # those that are known move up
        ids, scores = np.where(known, ids, -1), np.where(known, scores, -np.inf)
        return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)

    def links(self, ids: Sequence[int] | Ids) -> dict[int, list[int]]:
        """See View."""
        found = self.catalog.links_of(ids)
        there = {one: _within(others, self.ids) for one, others in found.items()}
        return {one: others for one, others in there.items() if others}

    def prepared(self, ids: Ids) -> Vectors:
        """See View; from the truth, which surely has them."""
        return from_truth(self.catalog, self.recipe, self.members)(ids)

    def close(self) -> None:
        """See View."""
        self.index.close()
        self.catalog.close()


@dataclass(frozen=True, slots=True)
class _Within:
    """Words that find only passages with these ids."""

    words: Words
    ids: Ids

    def search(
        self, words: Sequence[str], k: int, languages: Sequence[str] | None = None
    ) -> list[tuple[int, float]]:
        found = self.words.search(words, k, languages)
        there = set(_within([id for id, _ in found], self.ids))
        return [hit for hit in found if hit[0] in there]

    def document_frequency(self, word: str) -> int:
        return self.words.document_frequency(word)

    def __len__(self) -> int:
        return len(self.words)


def _within(some: Sequence[int], ids: Ids) -> list[int]:
    wanted = np.array(some, np.int64)
    found: list[int] = wanted[np.isin(wanted, ids)].tolist()
    return found


class SharedCollection(Closing):
    """Made by `open`. `catalog` reads, and writes if it was opened for writing."""

    def __init__(self, place: Place, catalog: Catalog, *, write: bool) -> None:
        self.path, self.catalog, self._write = place, catalog, write

    @classmethod
    def open(
        cls, place: Place, *, write: bool = False, told: Callable[[str], None] = lambda _: None
    ) -> SharedCollection:
        """Open the collection. For writing, it is made if it is not there, and whoever comes
        second waits; `told` is told so. Raises Locked if that takes too long."""
        db = connect_postgres(place.schema, write=write)
        try:
            if write:
                lock_for_writing(db, str(place), told)
        except BaseException:
            db.close()
            raise
        return cls(place, Catalog(db, place.schema), write=write)

    def close(self) -> None:
        """Close the catalog and let the next writer in. Views stay open."""
        self.catalog.close()

    def publish(self, derive: Derive) -> None:
        """Bring the vector index in step with the newest state."""
        if not self._write:
            raise StoreError(f"{self.path} is open for reading: open it with write=True")
        Publisher(self.catalog, derive, self.path.open_index, self.path.schema.name).publish()

    def outdated(self, view: View) -> bool:
        """Whether a new view would show something else. While documents are being put in it would
        not: they are found when they are published."""
        published = published_stamp(self.catalog.db)
        try:
            if published_stamp(view.catalog.db) != published:
                return True
            whole = published in ("", stamp_of(self.catalog))
            return whole and view.catalog.commit != self.catalog.commit
        except StoreError:  # its connection is gone
            return True

    def view(self, derive: Derive) -> View:
        """The newest state that is published. Close it after use.

        Raises:
            StoreError: nothing is published yet, or with another preparation of rows.
        """
        catalog = self.catalog.snapshot()
        try:
            if catalog.dimensions is None:
                return build(catalog, derive, None)
            published = read_published(catalog.db)
            if published is None:
                raise StoreError(
                    f"{self.path} has passages and no index of them yet: wait until `polyseek "
                    "index` has finished, or run it again if it was stopped"
                )
            return self._view(catalog, derive, published)
        except BaseException:
            catalog.close()
            raise

    def _view(self, catalog: Reader, derive: Derive, published: Published) -> SharedView:
        recipe = derive(published.sums)
        if recipe.salt != published.salt:
            raise StoreError(
                f"{self.path} was published with another preparation of rows: run `polyseek index` "
                "again, which prepares them anew"
            )
        words = self.path.words(catalog)
        if published.stamp == stamp_of(catalog):
            some = catalog.members()
        else:  # somebody is writing, or was killed before the end
            some = indexed(catalog.db)
            words = _Within(words, some[0])
        return SharedView(
            catalog,
            recipe,
            Members(*some, published.sums, published.changed),
            self.path.open_index(published.name, catalog.dimensions or 0),
            words,
            published.moments,
            StoredDirections(catalog.db),
        )

    def verify(self, derive: Derive) -> list[str]:
        """What is wrong with the collection, a sentence each; nothing if all is well."""
        try:
            with self.catalog.snapshot() as catalog:
                return truth_problems(catalog) or self._index_problems(catalog, derive)
        except StoreError as error:
            return [str(error)]

    def _index_problems(self, catalog: Reader, derive: Derive) -> list[str]:
        published = read_published(catalog.db)
        if published is None and catalog.dimensions is None:
            return []
        stamp = stamp_of(catalog)
        if published is None or published.stamp != stamp:
            return [
                "its index is not that of what it holds now, as after a run that was stopped; "
                "`polyseek index` completes it"
            ]
        with self._view(catalog, derive, published) as view:
            return _differences(view, stamp)


def _differences(view: SharedView, stamp: str) -> list[str]:
    """Between what the index holds and what the truth does, which is published."""
    if view.index.stamp != stamp:
        return [
            f"the vector index {view.index.stamp!r} was not finished for {stamp!r}, as after a "
            "run that was stopped; `polyseek index` completes it"
        ]
    there = view.index.ids()
    lacking, odd = np.setdiff1d(view.ids, there), np.setdiff1d(there, view.ids)
    if len(lacking) or len(odd):
        return [
            f"the vector index lacks {len(lacking)} passages and has {len(odd)} that are gone; "
            "`polyseek index` puts that right"
        ]
    if len(view.lexical) != len(view.ids):
        return [f"the words of {len(view.lexical)} passages are known, wanted {len(view.ids)}"]
    return list(sample_problems(view))
