"""What each document is about as a whole: the direction of the mean of its passages' rows.

A passage says its subject once and goes on with "it"; the passages around it say it again. Only
documents of several passages have a direction of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from polyseek.store.arrayfile import load_arrays, save_arrays
from polyseek.store.arrays import HALF, Halves, Ids, Vectors
from polyseek.store.members import Members

Fetch = Callable[[Ids], Vectors]
"""ids (m,) int64 -> the rows (m, D) float32 that are searched for them."""

BLOCK = 8192
"""Passages fetched at once."""


class Directions:
    """Unit rows of documents, kept as fp16."""

    def __init__(self, ids: Ids, rows: Halves) -> None:
        self._ids = ids  # (d,), ascending
        self._rows = rows  # (d, D)

    @classmethod
    def of(cls, members: Members, fetch: Fetch, dimensions: int) -> Directions:
        """Those of all documents of these passages."""
        none = cls(np.empty(0, np.int64), np.empty((0, dimensions), HALF))
        return none.grown(members, fetch)

    def grown(self, members: Members, fetch: Fetch) -> Directions:
        """Those of a later state: a document that is still there is as it was."""
        several = of_several(members)
        kept = np.isin(self._ids, several)
        new = np.setdiff1d(several, self._ids, assume_unique=True)
        made: list[np.ndarray] = [self._rows[kept], *directions_of(members, new, fetch)]
        return Directions(np.concatenate([self._ids[kept], new]), np.concatenate(made).astype(HALF))

    def scores(self, query: Vectors, documents: Ids) -> Vectors:
        """Cosines (m,) float32 of query (D,) with these documents (m,); NaN for those of a single
        passage."""
        found = np.full(len(documents), np.nan, np.float32)
        if len(self._ids):
            places = np.searchsorted(self._ids, documents).clip(max=len(self._ids) - 1)
            there = self._ids[places] == documents
            found[there] = self._rows[places[there]].astype(np.float32) @ query
        return found

    def save(self, path: Path) -> None:
        """Write them to one file."""
        save_arrays(path, {"ids": self._ids, "rows": self._rows})

    @classmethod
    def load(cls, path: Path) -> Directions:
        """Read what `save` wrote."""
        arrays = load_arrays(path)
        return cls(arrays["ids"], arrays["rows"])


def of_several(members: Members) -> Ids:
    """Ids (d,), ascending, of the documents of several passages."""
    documents, counts = np.unique(members.documents, return_counts=True)
    found: Ids = documents[counts > 1]
    return found


def directions_of(members: Members, documents: Ids, fetch: Fetch) -> Iterator[Vectors]:
    """Unit rows (d, D) of these documents, ascending, some at a time."""
    chosen = np.flatnonzero(np.isin(members.documents, documents))
    chosen = chosen[np.argsort(members.documents[chosen], kind="stable")]
    owners = members.documents[chosen]
    heads = np.searchsorted(owners, documents)
    block = heads // BLOCK
    for number in np.unique(block):
        mine = np.flatnonzero(block == number)
        first = heads[mine[0]]
        last = heads[mine[-1] + 1] if mine[-1] + 1 < len(heads) else len(owners)
        rows = fetch(members.ids[chosen[first:last]])
        sums = np.add.reduceat(rows, heads[mine] - first, axis=0)  # (d, D)
        yield sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
