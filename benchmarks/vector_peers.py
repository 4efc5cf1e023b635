"""Our vector index beside those that people take: how fast, how complete, how large, how soon.

The vectors are those of vector_index.py: real texts, embedded and centred; beyond the real ones,
real ones moved. Every index holds 384 float32 numbers a vector, is asked one query at a time on one
thread, and is given its own defaults, and where it has a knob for completeness the settings that
are named below, so that speed can be read at equal recall.

    ours         store/quantised.py: 2 bits a number find candidates, stored vectors score them
    flat         FAISS IndexFlatIP: exact
    hnswlib      M 16, ef_construction 200, ef 64 and 256
    usearch      its defaults, and expansion_search 256
    LanceDB      IVF_PQ as it makes it, and with refine_factor 10 and nprobes 40
    qdrant-edge  Qdrant's own engine in the process, its defaults (HNSW), and hnsw_ef 256
    qdrant       the client's local mode, exact, in NumPy; 10,000 only

    python benchmarks/vector_peers.py                             # 10,000 and 100,000
    python benchmarks/vector_peers.py --sizes 500000 --real 28672

`pip install hnswlib usearch lancedb qdrant-edge-py qdrant-client`; those that are
not installed are left out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import vector_index
from common import save_result

from polyseek.store.quantised import TRAINING_ROWS, QuantisedIndex
from polyseek.store.rowfile import RowFile, write_rows

K = vector_index.K
BATCH = 1000
"""Vectors in one call of those that take lists."""
ONE_THREAD = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS", "TOKIO_WORKER_THREADS")
Floats = np.ndarray
Search = Callable[[Floats], np.ndarray]
"""One query (1, D) -> ids (K,)."""
Made = tuple[dict[str, Search], float, float]
"""Searches by setting, seconds to build, megabytes held or on disk."""


def ours(vectors: Floats, scratch: Path) -> Made:
    ids = np.arange(len(vectors))
    (scratch / "rows").mkdir()
    write_rows(scratch / "rows", ids, vectors.shape[1], [vectors])
    spread = np.linspace(0, len(ids) - 1, min(TRAINING_ROWS, len(ids))).astype(np.int64)
    start = time.perf_counter()
    index = QuantisedIndex(vectors.shape[1], RowFile(scratch / "rows"), vectors[spread])
    index.add(ids, vectors)
    seconds = time.perf_counter() - start
    index.save(scratch / "ours")
    size = (scratch / "ours").stat().st_size + _size(scratch / "rows")
    return {"": lambda q: index.search(q, K)[0][0]}, seconds, size / 1e6


def flat(vectors: Floats, scratch: Path) -> Made:
    start = time.perf_counter()
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    seconds = time.perf_counter() - start
    return {"": lambda q: index.search(q, K)[1][0]}, seconds, vectors.nbytes / 1e6


def hnswlib(vectors: Floats, scratch: Path) -> Made:
    import hnswlib

    start = time.perf_counter()
    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(len(vectors), ef_construction=200, M=16)
    index.add_items(vectors, num_threads=os.cpu_count() or 1)
    seconds = time.perf_counter() - start
    index.save_index(str(scratch / "hnsw"))

    def search(ef: int) -> Search:
        def found(query: Floats) -> np.ndarray:
            index.set_ef(ef)
            return index.knn_query(query, K, num_threads=1)[0][0]

        return found

    return (
        {f"ef {ef}": search(ef) for ef in (64, 256)},
        seconds,
        (scratch / "hnsw").stat().st_size / 1e6,
    )


def usearch(vectors: Floats, scratch: Path) -> Made:
    from usearch.index import Index

    start = time.perf_counter()
    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32")
    index.add(np.arange(len(vectors)), vectors, threads=os.cpu_count() or 1)
    seconds = time.perf_counter() - start
    index.save(scratch / "usearch")

    def search(expansion: int) -> Search:
        def found(query: Floats) -> np.ndarray:
            index.expansion_search = expansion
            return index.search(query[0], K, threads=1).keys

        return found

    default = index.expansion_search
    sizes = {"default": default, "expansion 256": 256}
    return (
        {name: search(size) for name, size in sizes.items()},
        seconds,
        (scratch / "usearch").stat().st_size / 1e6,
    )


def lancedb(vectors: Floats, scratch: Path) -> Made:
    import lancedb
    import pyarrow as pa

    base = lancedb.connect(scratch / "lance")
    flat_values = pa.array(vectors.reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(flat_values, vectors.shape[1])
    start = time.perf_counter()
    table = base.create_table(
        "v", pa.table({"id": pa.array(np.arange(len(vectors))), "vector": column})
    )
    table.create_index(metric="dot", vector_column_name="vector")
    seconds = time.perf_counter() - start

    def search(nprobes: int, refine: int) -> Search:
        def found(query: Floats) -> np.ndarray:
            asked = table.search(query[0]).distance_type("dot").limit(K).select(["id", "_distance"])
            if nprobes:
                asked = asked.nprobes(nprobes).refine_factor(refine)
            return asked.to_arrow()["id"].to_numpy()

        return found

    ways = {"default": search(0, 0), "nprobes 40, refine 10": search(40, 10)}
    return ways, seconds, _size(scratch / "lance") / 1e6


def qdrant_edge(vectors: Floats, scratch: Path) -> Made:
    import qdrant_edge as edge

    (scratch / "edge").mkdir()
    kind = edge.EdgeVectorParams(size=vectors.shape[1], distance=edge.Distance.Dot)
    config = edge.EdgeConfig(vectors={"v": kind}, max_search_threads=1)
    start = time.perf_counter()
    shard = edge.EdgeShard.create(str(scratch / "edge"), config)
    for first in range(0, len(vectors), BATCH):
        rows = enumerate(vectors[first : first + BATCH].tolist(), first)
        points = [edge.Point(id=at, vector={"v": row}) for at, row in rows]
        shard.update(edge.UpdateOperation.upsert_points(points))
    while shard.optimize():
        pass
    shard.flush()
    seconds = time.perf_counter() - start

    def search(ef: int | None) -> Search:
        params = edge.SearchParams(hnsw_ef=ef)

        def found(query: Floats) -> np.ndarray:
            nearest = edge.Query.Nearest(query[0].tolist(), using="v")
            hits = shard.search(edge.SearchRequest(query=nearest, limit=K, params=params))
            return np.array([hit.id for hit in hits])

        return found

    ways = {"default": search(None), "ef 256": search(256)}
    return ways, seconds, _size(scratch / "edge") / 1e6


def qdrant(vectors: Floats, scratch: Path) -> Made:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    size = models.VectorParams(size=vectors.shape[1], distance=models.Distance.DOT)
    start = time.perf_counter()
    client.create_collection("v", vectors_config=size)
    client.upload_collection("v", vectors=vectors, ids=range(len(vectors)))
    seconds = time.perf_counter() - start

    def found(query: Floats) -> np.ndarray:
        points = client.query_points("v", query=query[0].tolist(), limit=K).points
        return np.array([point.id for point in points])

    return {"local": found}, seconds, vectors.nbytes / 1e6


PEERS: dict[str, tuple[str, Callable[[Floats, Path], Made], int]] = {
    "ours": ("", ours, 10**9),
    "flat": ("", flat, 10**9),
    "hnswlib": ("hnswlib", hnswlib, 10**9),
    "usearch": ("usearch", usearch, 10**9),
    "LanceDB": ("lancedb", lancedb, 10**9),
    "qdrant-edge": ("qdrant_edge", qdrant_edge, 10**9),
    "qdrant": ("qdrant_client", qdrant, 20_000),
}
"""Name -> the module, how it is made, and the most vectors that it is meant for."""
DISTRIBUTIONS = {"qdrant_client": "qdrant-client", "qdrant_edge": "qdrant-edge-py"}


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file())


def measured(vectors: Floats, questions: Floats, rounds: int) -> Iterator[tuple[str, Any]]:
    """Each index by itself, its fastest round for each query."""
    faiss.omp_set_num_threads(1)
    exact = np.argsort(-(questions @ vectors.T), axis=1, kind="stable")[:, :K]
    for name, (package, make, most) in PEERS.items():
        if (package and not find_spec(package)) or len(vectors) > most:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            searches, seconds, size = make(vectors, Path(scratch))
            for setting, search in searches.items():
                taken, found = [], np.empty(0)
                for _ in range(rounds):
                    answers, times = [], []
                    for question in questions:
                        start = time.perf_counter()
                        answers.append(search(question[None]))
                        times.append((time.perf_counter() - start) * 1e3)
                    taken.append(times)
                    found = np.stack(answers)
                best = np.min(taken, axis=0)
                hits = [len(set(a) & set(b)) for a, b in zip(found, exact, strict=True)]
                yield (
                    f"{name} {setting}".strip(),
                    {
                        "p50_ms": round(float(np.percentile(best, 50)), 3),
                        "p95_ms": round(float(np.percentile(best, 95)), 3),
                        "recall_at_10": round(float(np.mean(hits)) / K, 4),
                        "build_s": round(seconds, 1),
                        "mb": round(size, 1),
                    },
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--real", type=int, default=28_672, help="texts to embed (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # before the libraries are loaded
    made = vector_index.corpus(float("inf"), chosen.real, max(*chosen.sizes, chosen.real))
    assert made is not None
    figures: dict[str, Any] = {}
    for size in chosen.sizes:
        rows = figures[f"{size} vectors"] = {}
        for name, row in measured(made.vectors[:size], made.queries, chosen.rounds):
            rows[name] = row
            told = f"p50 {row['p50_ms']:8.2f} ms  recall@10 {row['recall_at_10']:.4f}"
            print(f"{size:>8,} {name:30} {told}  {row['mb']:8.1f} MB  {row['build_s']:7.1f} s")
    packages = [package for package, _, _ in PEERS.values() if package and find_spec(package)]
    installed = {package: version(DISTRIBUTIONS.get(package, package)) for package in packages}
    save_result("vector_peers", {"k": K, **vars(chosen), "versions": installed}, figures)


if __name__ == "__main__":
    main()
