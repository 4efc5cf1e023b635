"""Vectors in a Milvus server, behind the verbs of VectorIndex.

Milvus finds candidates with HNSW, a graph that needs no training and no size known beforehand, as
IVF's lists do, and that is searched within a language as well as without; how complete and fast it
is, benchmarks/milvus_index.py measures. Candidates come with their vectors and are scored by
`rank`, so that a score is the same here as in every other index, and so is the order of equal ones.

What is written is acknowledged when it is in Milvus's log, and found by whoever wrote it: Milvus
waits for its own log there ("session"), 0.2 s after a write. Other processes find it when the query
nodes have read that far, usually within a second; nothing waits for that, since a search may miss
a new passage for a moment but cannot show a wrong one, the truth being elsewhere. `ids` alone waits
("strong"), because what is healed has to be seen.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from polyseek.closing import Closing
from polyseek.errors import BadInput, StoreError
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.faiss_index import MARGIN, NOISE
from polyseek.store.index import check_add, check_search, rank, stack
from polyseek.store.milvus_address import MilvusAddress
from polyseek.store.milvus_collection import GRAPH, prepare
from polyseek.store.milvus_server import MilvusServer

SEARCH_WIDTH = 256
"""HNSW's ef."""

MOST = 16_384
"""Milvus answers with no more rows at once, and takes lists of ids longer than that slowly."""

BATCH_BYTES = 4 << 20
"""Of vectors in one message; gRPC's servers take 64 MB and Milvus's log 5."""

QUERIES_AT_ONCE = 16

HANDOVER_S = 5.0
"""From a graph being made to its being searched: measured 3, and nothing tells."""

UNKNOWN = "und"
"""The language of what is added without one."""

STAMP = "__at_"
STAMPED = re.compile("[A-Za-z0-9_]{1,64}")
"""The stamp is an alias of the collection, NAME__at_STAMP: properties would do as well, but Milvus
2.3.5 forgets them when it is killed."""


class MilvusIndex(Closing):
    """One collection of Milvus: id, language, vector."""

    def __init__(self, server: MilvusServer, name: str, dimensions: int) -> None:
        """See `open`."""
        self._server, self.name, self.dimensions = server, name, dimensions
        self.address = server.address
        self._removals = self._removals_seen = 0

    @classmethod
    def open(cls, address: MilvusAddress, name: str, dimensions: int) -> MilvusIndex:
        """The collection `name` of this server; made if it is not there.

        Raises:
            BadInput: pymilvus is not installed.
            StoreError: the server does not answer, or the collection is not one of ours.
        """
        server = MilvusServer(address)
        try:
            prepare(server, name, dimensions)
        except BaseException:
            server.close()
            raise
        return cls(server, name, dimensions)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """See VectorIndex. Of no language; see add_rows."""
        self.add_rows(ids, vectors, [UNKNOWN] * len(ids))

    def add_rows(self, ids: Ids, vectors: Vectors, languages: Sequence[str]) -> None:
        """As `add`, with the language of each."""
        check_add(ids, vectors, self.dimensions)
        if len(languages) != len(ids):
            raise BadInput(f"{len(ids)} ids have {len(languages)} languages: give one for each")
        step = max(1, BATCH_BYTES // (4 * self.dimensions))
        for at in range(0, len(ids), step):
            part = slice(at, at + step)
            keys, rows = ids[part].tolist(), np.asarray(vectors[part], np.float32)
            lines = [
                {"id": id, "language": language, "vector": row}
                for id, language, row in zip(keys, languages[part], rows, strict=True)
            ]
            self._server.insist("upsert", self.name, lines)

    def remove(self, ids: Ids) -> None:
        """See VectorIndex."""
        for some in _pieces(ids):
            self._server.insist("delete", self.name, filter=_among(some))
            self._removals += 1

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        """See VectorIndex. Approximate in which ids it finds, exact in their scores. Where many are
        allowed it is slow: if they are those of some languages, search_in is not."""
        filters = [""] if allowed is None else [_among(some) for some in _pieces(allowed)]
        return self._search(queries, k, filters)

    def search_in(self, queries: Vectors, k: int, languages: Sequence[str]) -> tuple[Ids, Vectors]:
        """As `search`, among the rows of these languages."""
        wanted = json.dumps(list(languages), ensure_ascii=False)
        return self._search(queries, k, [f"language in {wanted}"] if languages else [])

    def _search(self, queries: Vectors, k: int, filters: list[str]) -> tuple[Ids, Vectors]:
        check_search(queries, k, self.dimensions, 1)
        if k > MOST:
            raise BadInput(f"k is {k}: Milvus gives at most {MOST} results, ask for fewer")
        found: list[list[tuple[Ids, Vectors]]] = [[] for _ in queries]
        for condition in filters:
            for at in range(0, len(queries), QUERIES_AT_ONCE):
                some = np.asarray(queries[at : at + QUERIES_AT_ONCE], np.float32)
                for place, near in enumerate(self._near(some, k, condition), at):
                    found[place].append(near)
        hits = []
        for query, parts in zip(queries, found, strict=True):
            ids = np.concatenate([np.empty(0, np.int64), *(ids for ids, _ in parts)])
            none = np.empty((0, self.dimensions), np.float32)
            hits.append(rank(query, ids, np.concatenate([none, *(rows for _, rows in parts)]), k))
        return stack(hits, k)

    def _near(self, queries: Vectors, k: int, condition: str) -> Iterator[tuple[Ids, Vectors]]:
        """Of each query the k best that fulfil the condition, with all that may tie with the last
        of them: ids (m,), vectors (m, D)."""
        width = min(k + MARGIN, MOST)
        for query, found in zip(queries, self._asked(queries, width, condition), strict=True):
            size = width
            while len(found) == size < MOST and _may_tie(found, k):
                size = min(2 * size, MOST)
                found = self._asked(query[None], size, condition)[0]
            ids = np.array([hit["id"] for hit in found], np.int64)
            rows = np.array([hit["entity"]["vector"] for hit in found], np.float32)
            yield ids, rows.reshape(len(ids), self.dimensions)

    def _asked(self, queries: Vectors, width: int, condition: str) -> list[list[Any]]:
        """Milvus's own hits of each query, the best first."""
        found: list[list[Any]] = self._read(
            "search",
            data=list(queries),
            anns_field="vector",
            filter=condition,
            limit=width,
            output_fields=["vector"],
            search_params={"metric_type": "IP", "params": {"ef": max(SEARCH_WIDTH, width)}},
        )
        return found

    def vectors(self, ids: Ids) -> Vectors:
        """See VectorIndex."""
        found: dict[int, Any] = {}
        for some in _pieces(ids, max(1, BATCH_BYTES // (4 * self.dimensions))):
            rows = self._read("query", filter=_among(some), output_fields=["id", "vector"])
            found.update((row["id"], row["vector"]) for row in rows)
        missing = [id for id in ids.tolist() if id not in found]
        if missing:
            raise StoreError(
                f"{self._server.address} has no vector {missing[0]}: run index again, which "
                "completes it from the catalog"
            )
        rows = np.array([found[id] for id in ids.tolist()], np.float32)
        return rows.reshape(len(ids), self.dimensions)

    def ids(self) -> Ids:
        """All ids (n,), ascending, of everything that was acknowledged to anyone."""
        pages = self._server.insist(
            "query_iterator",
            self.name,
            batch_size=MOST,
            filter="id >= 0",
            output_fields=["id"],
            consistency_level="Strong",
        )
        found: list[int] = []
        try:
            while page := self._server.step(pages.next):
                found += [row["id"] for row in page]
        finally:
            pages.close()
        return np.array(sorted(found), np.int64)

    def _read(self, call: str, **named: Any) -> Any:  # noqa: ANN401
        """With what this process has written. Of a removal Milvus 2.3 does not say when it was, so
        the first read after one waits for everything."""
        removals = self._removals
        level = "Strong" if removals > self._removals_seen else "Session"
        found = self._server.ask(call, self.name, consistency_level=level, **named)
        self._removals_seen = max(self._removals_seen, removals)
        return found

    @property
    def stamp(self) -> str:
        """The text that was kept last; "" before, and while it is being changed."""
        known = self._server.ask("list_aliases", self.name)["aliases"]
        mark = self.name + STAMP
        return next((each.removeprefix(mark) for each in known if each.startswith(mark)), "")

    @stamp.setter
    def stamp(self, text: str) -> None:
        if not STAMPED.fullmatch(text):
            raise BadInput(f"the stamp {text!r} is not 1 to 64 letters of a to z, digits and _")
        self._unstamp()
        try:
            self._server.insist("create_alias", self.name, self.name + STAMP + text)
        except StoreError:
            if self.stamp != text:  # it is there if it was done twice
                raise

    def _unstamp(self) -> None:
        while known := self.stamp:
            self._server.insist("drop_alias", self.name + STAMP + known)

    def settle(self, seconds: float = 3600.0) -> None:
        """After much was added: wait until all of it is in the graph. Milvus does that by itself in
        some minutes; what is not yet in it, it finds by lists that it makes in haste, of which it
        looks into an eighth (recall@10 of 100,000 new rows 0.89, then 0.998).

        Raises:
            StoreError: it is not done in time.
        """
        self._server.insist("flush", self.name)
        end = time.monotonic() + seconds
        while True:
            # Not the rows that are pending: of what it merges later, the graphs are there already.
            state = self._server.ask("describe_index", self.name, GRAPH)
            missing = int(state["total_rows"]) - int(state["indexed_rows"])
            if missing <= 0:
                time.sleep(HANDOVER_S)
                return
            if time.monotonic() > end:
                raise StoreError(
                    f"{self._server.address} has {missing} rows still to put into its index after "
                    f"{seconds:.0f} s: wait, or give it more cores"
                )
            time.sleep(0.5)

    def save(self, path: Path) -> None:
        """See VectorIndex. Milvus keeps what it holds; the file says where."""
        path.write_text(f"{self._server.address}\n{self.name}\n", "utf-8")

    def drop(self) -> None:
        """Remove the collection with all it holds."""
        self._unstamp()
        self._server.insist("drop_collection", self.name)

    def close(self) -> None:
        """See Closing."""
        self._server.close()

    def __len__(self) -> int:
        return int(self._read("query", filter="", output_fields=["count(*)"])[0]["count(*)"])


def _may_tie(found: list[Any], k: int) -> bool:
    """Whether what was left out may score as much as the k-th."""
    return bool(found[-1]["distance"] >= found[k - 1]["distance"] - NOISE)


def _pieces(ids: Ids, size: int = MOST) -> Iterator[Ids]:
    for at in range(0, len(ids), size):
        yield ids[at : at + size]


def _among(ids: Ids) -> str:
    return f"id in {ids.tolist()}"
