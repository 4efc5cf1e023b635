"""From the truth in PostgreSQL to a vector index on a server, after a change.

The index is told of what is new, then the truth keeps what was told, then the index forgets what
is gone. Before the first of these its stamp is taken away, and it gets the new one after the last:
an index without the stamp that the truth has was left by a run that was killed, and then the ids
on both sides are compared. Ids are never given twice, so nothing in between shows a wrong passage.

When the means no longer hold (members.py), or rows are prepared otherwise, all rows go into a
collection of their own, and the truth turns to that one in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

import numpy as np

from polyseek.errors import StoreError
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.catalog import Catalog
from polyseek.store.derived import stamp_of
from polyseek.store.directions import directions_of, of_several
from polyseek.store.legs import RemoteIndex
from polyseek.store.members import Members
from polyseek.store.moments import Moments
from polyseek.store.published import (
    Published,
    documents_with_direction,
    gone,
    indexed_count,
    put_directions,
    read_made,
    read_published,
    settle_ledger,
    write_made,
    write_published,
)
from polyseek.store.reader import Reader
from polyseek.store.view import Derive, Recipe, from_truth, prepared_blocks

OpenIndex = Callable[[str, int], RemoteIndex]
"""The collection of this name and these dimensions, made if it is not there."""

UNFINISHED = "unfinished"
"""The stamp of an index that is being told of changes."""

MANY = 1000
"""Rows added at once, from which on to wait until the index finds them as well as the others."""
PIECE = 8192
"""Rows that are fetched and sent at once."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Brings the index in step with a catalog that nobody else is writing to."""

    catalog: Catalog
    """Open for writing."""
    derive: Derive
    open_index: OpenIndex
    name: str
    """What the names of its collections begin with."""

    def publish(self) -> None:
        """Make the index that of the newest state, if it is not."""
        with self.catalog.snapshot() as now:
            stamp, before = stamp_of(now), read_published(now.db)
            dimensions = now.dimensions or 0
            if before is not None:
                index = self.open_index(before.name, dimensions)
                try:
                    recipe = self.derive(before.sums)
                    alike = recipe.salt == before.salt
                    if alike and before.stamp == stamp and self._is_whole(now, before, index):
                        return
                    if alike and self._grow(now, before, index, recipe, stamp):
                        return
                finally:
                    index.close()
            self._anew(now, before, stamp)

    def _grow(
        self, now: Reader, before: Published, index: RemoteIndex, recipe: Recipe, stamp: str
    ) -> bool:
        """Tell the index of what has changed; False if it has to be made anew."""
        lost, of = gone(now.db)
        ids, documents, languages = now.members()
        changed = Counter(before.changed)
        changed.update(of)
        changed.update(languages[ids > before.last].tolist())
        members = Members(ids, documents, languages, before.sums, dict(changed))
        if not members.still_hold():
            return False
        whole = self._is_whole(now, before, index)
        index.stamp = UNFINISHED
        try:
            before.moments.remove(index.vectors(lost), of)
        except StoreError:  # it lost them before it was told to
            return False
        for some, codes, rows in prepared_blocks(now, recipe, before.last):
            index.add_rows(some, rows, codes)
            before.moments.add(rows, codes)
        if not whole:
            lost = self._reconcile(members, index, from_truth(now, recipe, members))
        if not whole or int((ids > before.last).sum()) >= MANY:
            index.settle()
        last = max(before.last, int(ids[-1]) if len(ids) else -1)
        self._keep(now, Published(
            stamp, before.name, before.salt, last, before.sums, members.changed, before.moments
        ), members, recipe)  # fmt: skip
        index.remove(lost)
        index.stamp = stamp
        return True

    def _is_whole(self, now: Reader, before: Published, index: RemoteIndex) -> bool:
        """Whether the index holds what was told to it: no run was killed, no backup restored."""
        return index.stamp == before.stamp and len(index) == indexed_count(now.db)

    def _reconcile(
        self, members: Members, index: RemoteIndex, fetch: Callable[[Ids], Vectors]
    ) -> Ids:
        """Add what the index lacks; ids of what it has too much."""
        there = index.ids()
        missing = np.setdiff1d(members.ids, there, assume_unique=True)
        for at in range(0, len(missing), PIECE):
            some = missing[at : at + PIECE]
            languages = members.languages[members.places(some)].tolist()
            index.add_rows(some, fetch(some), languages)
        found: Ids = np.setdiff1d(there, members.ids, assume_unique=True)
        return found

    def _anew(self, now: Reader, before: Published | None, stamp: str) -> None:
        """Put all rows into a new collection, turn to it, and drop the others."""
        dimensions = now.dimensions or 0
        used = [before.name] if before else []
        for other in set(read_made(now.db)) - set(used):
            self._drop(other, dimensions)
        name = f"{self.name}_{stamp[:8]}{token_hex(4)}"
        with self.catalog.transaction():
            write_made(self.catalog.db, [*used, name])
        members = Members.of(now)
        recipe, moments = self.derive(members.sums), Moments(dimensions)
        index = self.open_index(name, dimensions)
        try:
            for some, codes, rows in prepared_blocks(now, recipe):
                index.add_rows(some, rows, codes)
                moments.add(rows, codes)
            if len(members.ids) >= MANY:
                index.settle()
            index.stamp = stamp
        finally:
            index.close()
        last = int(members.ids[-1]) if len(members.ids) else -1
        made = Published(stamp, name, recipe.salt, last, members.sums, {}, moments)
        self._keep(now, made, members, recipe, anew=True)
        for other in used:
            self._drop(other, dimensions)

    def _drop(self, name: str, dimensions: int) -> None:
        index = self.open_index(name, dimensions)
        try:
            index.drop()
        finally:
            index.close()

    def _keep(
        self, now: Reader, new: Published, members: Members, recipe: Recipe, *, anew: bool = False
    ) -> None:
        """Have the truth say that this is published."""
        known = np.empty(0, np.int64) if anew else documents_with_direction(now.db)
        documents = np.setdiff1d(of_several(members), known, assume_unique=True)
        rows = directions_of(members, documents, from_truth(now, recipe, members))
        with self.catalog.transaction():
            if anew:
                self.catalog.db.execute("DELETE FROM directions")
            put_directions(self.catalog.db, documents, rows)
            settle_ledger(self.catalog.db)
            write_published(self.catalog.db, new)
