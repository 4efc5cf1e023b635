"""What a vector index is, and the exact one that all others are compared with.

Every kind of index finds candidates in its own way and then scores them with `rank`, the same
arithmetic for all. So two kinds can differ in which passages they find, never in what a passage
scores, and a tie is decided in the same way everywhere: the smaller id comes first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np

from polyseek.errors import BadInput, StoreError
from polyseek.store.arrays import Ids, Vectors


class VectorIndex(Protocol):
    """Vectors under ids, searched by inner product."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """ids (n,) int64, all different; vectors (n, D) float32 unit rows. An id that is there
        already gets the new vector, so that adding the same twice changes nothing."""

    def remove(self, ids: Ids) -> None:
        """Forget these ids (n,) int64; those that are not there do not matter."""

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        """The k best for each of queries (q, D) float32: ids (q, k) int64, scores (q, k) float32,
        best first, equal scores in the order of ids, padded with -1 and -inf.

        allowed: ascending ids (m,) int64; nothing else is returned. None: everything is allowed.
        """

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors (m, D) float32 under ids (m,), each of which there is."""

    def save(self, path: Path) -> None:
        """Write the index to one file."""

    def __len__(self) -> int:
        """Number of vectors."""


class ExactIndex:
    """Compares a query with every vector, in NumPy: slow, short, right."""

    def __init__(self, dimensions: int) -> None:
        self._ids = np.empty(0, np.int64)
        self._vectors = np.empty((0, dimensions), np.float32)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """See VectorIndex."""
        check_add(ids, vectors, self._vectors.shape[1])
        self.remove(ids)
        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors])

    def remove(self, ids: Ids) -> None:
        """See VectorIndex."""
        kept = ~np.isin(self._ids, ids)
        self._ids, self._vectors = self._ids[kept], self._vectors[kept]

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        """See VectorIndex."""
        check_search(queries, k, self._vectors.shape[1], len(self))
        chosen = slice(None) if allowed is None else np.isin(self._ids, allowed)
        ids, vectors = self._ids[chosen], self._vectors[chosen]
        return stack([rank(query, ids, vectors, k) for query in queries], k)

    def vectors(self, ids: Ids) -> Vectors:
        """See VectorIndex."""
        order = np.argsort(self._ids)
        found: Vectors = self._vectors[order[np.searchsorted(self._ids, ids, sorter=order)]]
        return found

    def save(self, path: Path) -> None:
        """See VectorIndex."""
        with path.open("wb") as file:
            np.savez(file, ids=self._ids, vectors=self._vectors)

    @classmethod
    def load(cls, path: Path) -> ExactIndex:
        """Read what `save` wrote."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                index = cls(arrays["vectors"].shape[1])
                index._ids, index._vectors = arrays["ids"], arrays["vectors"]
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
            raise StoreError(f"{path} is not a saved index ({error}): build it anew") from error
        return index

    def __len__(self) -> int:
        return len(self._ids)


def rank(query: Vectors, ids: Ids, vectors: Vectors, k: int) -> tuple[Ids, Vectors]:
    """The k best of ids (m,) with vectors (m, D) for one query (D,): ids and scores, both (≤ k,).

    Float64, because float32 products depend in the last bit on where in a block a row stands, and
    then equal vectors would not tie.
    """
    scores = (vectors.astype(np.float64) @ query.astype(np.float64)).astype(np.float32)  # (m,)
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]


def stack(found: list[tuple[Ids, Vectors]], k: int) -> tuple[Ids, Vectors]:
    """q results of up to k hits → ids (q, k), padded with -1, and scores (q, k), with -inf."""
    ids = np.full((len(found), k), -1, np.int64)
    scores = np.full((len(found), k), -np.inf, np.float32)
    for row, (some, values) in enumerate(found):
        ids[row, : len(some)] = some
        scores[row, : len(some)] = values
    return ids, scores


def check_add(ids: Ids, vectors: Vectors, dimensions: int) -> None:
    """Refuse what `add` cannot take."""
    if vectors.shape != (len(ids), dimensions):
        raise BadInput(
            f"vectors have shape {vectors.shape}, wanted ({len(ids)}, {dimensions}): "
            "one row an id, from the model the index was made with"
        )
    if len(np.unique(ids)) != len(ids):
        raise BadInput(f"{len(ids)} ids hold duplicates: give each id once")


def check_search(queries: Vectors, k: int, dimensions: int, size: int) -> None:
    """Refuse what `search` cannot take. An empty index fits queries of any dimensions."""
    if k < 1:
        raise BadInput(f"k is {k}: ask for at least 1 result")
    if queries.ndim != 2 or (size and queries.shape[1] != dimensions):
        raise BadInput(
            f"queries have shape {queries.shape}, wanted (q, {dimensions}): "
            "embed them with the model the index was made with"
        )
