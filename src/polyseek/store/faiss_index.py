"""FAISS behind the five verbs of VectorIndex. The files are FAISS's own: anyone can open them with
`faiss.read_index`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import faiss as faiss_typed
import numpy as np

from polyseek.errors import StoreError
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.index import check_add, check_search, rank, stack

# FAISS's stubs describe its C++ signatures, not the NumPy ones that its package puts over them.
faiss: Any = faiss_typed
Index: TypeAlias = Any
Params: TypeAlias = Any

# Candidates beyond k, so that FAISS's rounding cannot push a true hit out of the k best.
MARGIN = 16

# Two float32 products of unit vectors that differ by less than this may be equal in truth.
NOISE = 1e-5


class FlatIndex:
    """Compares a query with every vector, in FAISS. Exact; memory 4 * D bytes a vector."""

    def __init__(self, dimensions: int) -> None:
        self._take(faiss.IndexIDMap2(faiss.IndexFlatIP(dimensions)))

    def _take(self, index: Index) -> None:
        self._index = index
        self._flat = faiss.downcast_index(index.index)
        self._ids: Ids = faiss.vector_to_array(index.id_map)  # (n,)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """See VectorIndex."""
        check_add(ids, vectors, self._index.d)
        self.remove(ids)
        self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), ids)
        self._take(self._index)

    def remove(self, ids: Ids) -> None:
        """See VectorIndex."""
        if np.isin(self._ids, ids).any():
            self._index.remove_ids(np.asarray(ids, np.int64))
            self._take(self._index)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        """See VectorIndex."""
        check_search(queries, k, self._index.d, len(self))
        params, limit = select(self._ids, allowed)
        if limit == 0:
            return stack([(self._ids[:0], np.empty(0, np.float32))] * len(queries), k)
        queries = np.ascontiguousarray(queries, np.float32)
        width = min(k + MARGIN, limit)
        scores, places = self._flat.search(queries, width, params=params)  # (q, width)
        found = []
        for query, near, best in zip(queries, places, scores, strict=True):
            if width < limit and best[-1] >= best[k - 1] - NOISE:
                near = self._more(query, k, 2 * width, limit, params)
            found.append(rank(query, self._ids[near], self._rows(near), k))
        return stack(found, k)

    def _more(self, query: Vectors, k: int, width: int, limit: int, params: Params) -> Ids:
        """Places (m,) of the best for one query, with everything that ties with number k."""
        while True:
            width = min(width, limit)
            scores, places = self._flat.search(query[None], width, params=params)
            if width == limit or scores[0, -1] < scores[0, k - 1] - NOISE:
                return np.asarray(places[0], np.int64)
            width *= 2

    def _rows(self, places: Ids) -> Vectors:
        """The stored vectors (m, D) float32 at these places (m,)."""
        whole = faiss.rev_swig_ptr(self._flat.get_xb(), len(self) * self._index.d)
        return np.asarray(whole.reshape(len(self), self._index.d)[places])

    def vectors(self, ids: Ids) -> Vectors:
        """See VectorIndex."""
        order = np.argsort(self._ids, kind="stable")
        return self._rows(order[np.searchsorted(self._ids, ids, sorter=order)])

    def save(self, path: Path) -> None:
        """See VectorIndex."""
        write(self._index, path)

    @classmethod
    def load(cls, path: Path) -> FlatIndex:
        """Read what `save` wrote."""
        index = read(path)
        if not isinstance(faiss.downcast_index(index.index), faiss.IndexFlat):
            raise StoreError(f"{path} holds no flat index: build it anew")
        made = cls.__new__(cls)
        made._take(index)
        return made

    def __len__(self) -> int:
        return len(self._ids)


def select(ids: Ids, allowed: Ids | None) -> tuple[Params, int]:
    """What makes FAISS look only at the places of `allowed` in ids (n,), and how many they are."""
    if allowed is None:
        return None, len(ids)
    mask = np.isin(ids, allowed)  # (n,) bool
    selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
    return faiss.SearchParameters(sel=selector), int(mask.sum())


def write(index: Index, path: Path) -> None:
    """Write an index to one file."""
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        raise StoreError(f"{path} cannot be written ({error}): free space, run again") from error


def read(path: Path) -> Index:
    """Read an index that maps ids; what is not one is a StoreError."""
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise StoreError(f"{path} is not a FAISS index ({error}): build it anew") from error
    if not isinstance(index, faiss.IndexIDMap2):
        raise StoreError(f"{path} is a FAISS index without ids: build it anew")
    return index


def ids_in(path: Path) -> Ids:
    """The ids (n,) int64 that a saved index holds, in its order."""
    index = read(path)  # named, because id_map is memory of the index
    return np.asarray(faiss.vector_to_array(index.id_map), np.int64)
