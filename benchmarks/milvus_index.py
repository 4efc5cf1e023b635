"""What does Milvus take and give as our index, beside the indexes of this machine?

The vectors of vector_index.py, in a Milvus 2.3.5 that scripts/milvus-server starts for this, behind
store/milvus.py; the same questions to it and to the local indexes in the same run, in turn. Milvus
is reached as a client reaches it, over a socket, through the script's relay.

    flat        store/faiss_index.py: exact, what recall is measured against
    quantised   store/quantised.py
    milvus      store/milvus.py: candidates with their vectors, scored by us
    milvus, bare    pymilvus alone: the ids of the 10 nearest by Milvus's own scores

    python benchmarks/milvus_index.py --size 100000     and results/milvus_index-100000.json
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from common import REPOSITORY, save_result
from vector_index import QUERIES, K, Search, corpus, timed

from polyseek.loadtest.memory import resident
from polyseek.store.faiss_index import FlatIndex
from polyseek.store.milvus import SEARCH_WIDTH, MilvusIndex
from polyseek.store.milvus_address import milvus_address
from polyseek.store.milvus_collection import BUILD_WIDTH, EDGES
from polyseek.store.quantised import TRAINING_ROWS, QuantisedIndex
from polyseek.store.rowfile import RowFile, write_rows

REAL = 28_672
"""Vectors that are those of texts; the others are between them."""
ROUNDS = 3
DEPTH = 100
"""Hits that the product asks an index for."""


@contextmanager
def running() -> Iterator[tuple[str, int]]:
    """A Milvus with nothing in it: its address, and its process."""
    command = [REPOSITORY / "scripts" / "milvus-server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                raise SystemExit("Milvus does not start here; see above")
            yield address, process.pid
        finally:
            process.terminate()


def filled(index: MilvusIndex, vectors: np.ndarray, pid: int, asked: np.ndarray) -> dict[str, Any]:
    """Put everything in, and say what that took."""
    told: dict[str, Any] = {"empty_mb": round(resident(pid) or 0)}
    ids, start = np.arange(len(vectors)), time.perf_counter()
    index.add_rows(ids, vectors, ["und"] * len(vectors))
    told["load_s"] = round(time.perf_counter() - start, 1)
    flat = FlatIndex(vectors.shape[1])
    flat.add(ids, vectors)
    wanted = flat.search(asked, K)[0]
    told["recall_at_10_before_the_graph"] = recall(index.search(asked, K)[0], wanted)
    start = time.perf_counter()
    index.settle(3600)
    told["graph_s"] = round(time.perf_counter() - start, 1)
    told["rows"] = len(index.ids())
    told["full_mb"] = round(resident(pid) or 0)
    return told


def recall(found: np.ndarray, wanted: np.ndarray) -> float:
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, wanted, strict=True)]
    return round(float(np.mean(hits)) / wanted.shape[1], 4)


def local(vectors: np.ndarray, scratch: Path) -> dict[str, FlatIndex | QuantisedIndex]:
    ids = np.arange(len(vectors))
    write_rows(scratch, ids, vectors.shape[1], [vectors])
    spread = np.linspace(0, len(ids) - 1, min(TRAINING_ROWS, len(ids))).astype(np.int64)
    made = {
        "flat": FlatIndex(vectors.shape[1]),
        "quantised": QuantisedIndex(vectors.shape[1], RowFile(scratch), vectors[spread]),
    }
    for index in made.values():
        index.add(ids, vectors)
    return made


def bare(index: MilvusIndex) -> Search:
    """Milvus's own hits, without vectors and exact scores."""
    from pymilvus import MilvusClient

    client = MilvusClient(uri=index.address.uri)

    def search(query: np.ndarray) -> np.ndarray:
        found = client.search(
            index.name,
            data=list(query),
            limit=K,
            search_params={"metric_type": "IP", "params": {"ef": SEARCH_WIDTH}},
            consistency_level="Session",
        )
        return np.array([[hit["id"] for hit in found[0]]])

    return search


def measured(searches: dict[str, Search], asked: np.ndarray, size: int) -> dict[str, Any]:
    """Each on every question, in turn; the lowest time of each question counts."""
    found: dict[str, np.ndarray] = {}
    taken: dict[str, list[np.ndarray]] = {name: [] for name in searches}
    for _ in range(ROUNDS):
        for name, search in searches.items():
            found[name], times = timed(search, asked)
            taken[name].append(times)
    figures = {}
    for name, times in taken.items():
        best = np.min(times, axis=0)
        figures[name] = {
            "p50_ms": round(float(np.percentile(best, 50)), 2),
            "p95_ms": round(float(np.percentile(best, 95)), 2),
            f"recall_at_{size}": recall(found[name], found["flat"]),
        }
        print(f"{size:4} hits  {name:14} {figures[name]}")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=100_000, help="vectors (%(default)s)")
    parser.add_argument("--queries", type=int, default=200, help="how many (%(default)s)")
    chosen = parser.parse_args()
    made = corpus(float("inf"), REAL, max(chosen.size, REAL))
    assert made is not None
    vectors, asked = made.vectors[: chosen.size], made.queries[:: QUERIES // chosen.queries]
    with running() as (address, pid), tempfile.TemporaryDirectory() as scratch:
        place = milvus_address(f"{address}/benchmark")
        with MilvusIndex.open(place, place.name, vectors.shape[1]) as index:
            told = filled(index, vectors, pid, asked)
            print(told)
            indexes = {**local(vectors, Path(scratch)), "milvus": index}
            for hits in (K, DEPTH):
                searches: dict[str, Search] = {
                    name: lambda q, each=each, k=hits: each.search(q, k)[0]
                    for name, each in indexes.items()
                }
                if hits == K:
                    searches["milvus, bare"] = bare(index)
                told[f"{hits} hits"] = measured(searches, asked, hits)
    graph = {"M": EDGES, "efConstruction": BUILD_WIDTH, "ef": SEARCH_WIDTH}
    save_result(f"milvus_index-{chosen.size}", {"graph": graph, **vars(chosen)}, told)


if __name__ == "__main__":
    main()
