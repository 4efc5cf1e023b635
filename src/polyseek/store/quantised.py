"""A small index that finds candidates, and exact scores for them.

FAISS keeps 2 bits a number: product quantisation with 16 centroids for each pair of dimensions, 96
bytes instead of 1,536 for D = 384, compared 32 at a time in vector registers ("fast scan"). What
it finds is fetched as it was and scored by `rank`, so a score never depends on the codes; only
whether a passage is found does, and for that there are many more candidates than hits.

Measured at 100,000 x 384 on clustered synthetic vectors and a busy machine, on one thread, fetching
included: p50 2.8 ms where IndexFlatIP takes 25, recall@10 0.999; 10 MB of codes. Finding 400
candidates alone, and the recall they allow: this 0.9-1.8 ms, 0.993-0.998; RaBitQ with 1 bit 2.6-2.9
ms, 0.97-0.99; with 2 bits 3.6-5.8 ms, 1.0; one bit a dimension 0.9 ms, 0.92-0.97; SQ8 12 ms, 1.0.
Among 300,000 vectors 400 candidates hold 0.99 of the hits and 800 hold 0.997: hence their number
grows with the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss as faiss_typed
import numpy as np

from polyseek.errors import StoreError
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.faiss_index import NOISE, Index, read, write
from polyseek.store.index import check_add, check_search, rank, stack

# FAISS's stubs describe its C++ signatures, not the NumPy ones that its package puts over them.
faiss: Any = faiss_typed

# Training looks at no more than 256 vectors for each of the 16 centroids.
TRAINING_ROWS = 4096

# FAISS's default of 25 takes five times as long and finds no more (recall@10 within 0.002).
TRAINING_ROUNDS = 5

CANDIDATES = 400
MORE_CANDIDATES_EVERY = 500
CANDIDATES_A_HIT = 10

# Fewer allowed vectors than this are all fetched and scored: about as fast as looking for
# candidates among everything, and exact.
FEW = 2048

Fetch = Callable[[Ids], Vectors]
"""ids (m,) int64 → the vectors (m, D) float32 that were added under them."""


class QuantisedIndex:
    """For collections in which comparing with every vector takes too long."""

    def __init__(self, dimensions: int, fetch: Fetch, training: Vectors) -> None:
        """training: (t, D) float32, about TRAINING_ROWS vectors like those to come."""
        pairs = dimensions // 2 if dimensions % 2 == 0 else dimensions
        codes = faiss.IndexPQFastScan(dimensions, pairs, 4, faiss.METRIC_INNER_PRODUCT)
        codes.pq.cp.niter = TRAINING_ROUNDS
        _train(codes, np.ascontiguousarray(training, np.float32))
        self.fetch = fetch
        self._take(faiss.IndexIDMap2(codes))

    def _take(self, index: Index) -> None:
        self._index = index
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
        """See VectorIndex. Approximate in which ids it finds, exact in their scores."""
        check_search(queries, k, self._index.d, len(self))
        queries = np.ascontiguousarray(queries, np.float32)
        usable = self._ids if allowed is None else allowed
        wanted = max(CANDIDATES + len(self) // MORE_CANDIDATES_EVERY, CANDIDATES_A_HIT * k)
        if len(usable) <= max(FEW, wanted):
            near = [usable[np.isin(usable, self._ids)]] * len(queries)
        elif allowed is None:
            near = list(self._index.search(queries, wanted)[1])
        else:
            near = [self._among(query, wanted, usable) for query in queries]
        found = [self._rank(query, ids, k) for query, ids in zip(queries, near, strict=True)]
        return stack(found, k)

    def _among(self, query: Vectors, wanted: int, usable: Ids) -> Ids:
        """At least `wanted` candidates (m,) among usable ids (u,), ascending, if there are so many.

        The fast scan cannot skip what is not allowed, so it is asked for more and the rest is
        thrown away.
        """
        width = wanted * len(self) // len(usable)
        while True:
            width = min(2 * width, len(self))
            near = self._index.search(query[None], width)[1][0]
            # Looked up, not np.isin, which would sort what is usable every time.
            places = np.searchsorted(usable, near).clip(max=len(usable) - 1)  # (width,)
            near = near[usable[places] == near]
            if len(near) >= wanted or width == len(self):
                return np.asarray(near, np.int64)

    def _rank(self, query: Vectors, ids: Ids, k: int) -> tuple[Ids, Vectors]:
        ids = ids[ids >= 0]
        if not len(ids):
            return ids, np.empty(0, np.float32)
        rows = self.fetch(ids)  # (m, D)
        if len(ids) > k:
            # A third of the time: float64 only for what float32 does not rule out.
            rough = rows @ query  # (m,)
            kept = rough >= np.partition(rough, -k)[-k] - NOISE
            ids, rows = ids[kept], rows[kept]
        return rank(query, ids, rows, k)

    def vectors(self, ids: Ids) -> Vectors:
        """See VectorIndex."""
        return self.fetch(ids)

    def save(self, path: Path) -> None:
        """See VectorIndex. The vectors themselves are not in the file."""
        write(self._index, path)

    @classmethod
    def load(cls, path: Path, fetch: Fetch) -> QuantisedIndex:
        """Read what `save` wrote."""
        index = read(path)
        if not isinstance(faiss.downcast_index(index.index), faiss.IndexPQFastScan):
            raise StoreError(f"{path} holds no quantised index: build it anew")
        made = cls.__new__(cls)
        made.fetch = fetch
        made._take(index)
        return made

    def __len__(self) -> int:
        return len(self._ids)


def _train(codes: Index, training: Vectors) -> None:
    """Train on one thread: the steps are so small that threads only wait for each other, on a busy
    machine for 16 s instead of 0.6. The number of threads is that of the calling thread alone."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        codes.train(training)
    finally:
        faiss.omp_set_num_threads(threads)
