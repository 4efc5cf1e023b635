"""Every kind of index against the exact one: the same ids, the same scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from store_samples import clustered

from milvus_server import RunningMilvus
from polyseek.errors import BadInput, StoreError
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.faiss_index import FlatIndex, ids_in
from polyseek.store.index import ExactIndex, VectorIndex
from polyseek.store.milvus import MilvusIndex
from polyseek.store.milvus_address import milvus_address
from polyseek.store.quantised import QuantisedIndex

D = 32
COUNT = 6000
RECALL_FLOOR = 0.99
APPROXIMATE = ("quantised", "milvus")


class Case:
    """An index of one kind with its exact twin; what is done to one is done to both."""

    def __init__(self, kind: str, trained: Path, milvus: RunningMilvus | None = None) -> None:
        self.kind = kind
        self.trained = trained
        self.milvus = milvus
        self.rows: dict[int, Vectors] = {}
        self.truth = ExactIndex(D)
        self.index = self.make()

    def make(self) -> VectorIndex:
        if self.milvus is not None:
            name = f"conformance_{uuid4().hex}"
            return MilvusIndex.open(self.milvus.address("kb"), name, D)
        if self.kind == "quantised":
            return QuantisedIndex.load(self.trained, self.fetch)
        return ExactIndex(D) if self.kind == "exact" else FlatIndex(D)

    def load(self, path: Path) -> VectorIndex:
        if self.milvus is not None:
            url, name = path.read_text("utf-8").splitlines()
            return MilvusIndex.open(milvus_address(url), name, D)
        if self.kind == "quantised":
            return QuantisedIndex.load(path, self.fetch)
        return ExactIndex.load(path) if self.kind == "exact" else FlatIndex.load(path)

    def fetch(self, ids: Ids) -> Vectors:
        return np.stack([self.rows[int(id)] for id in ids])

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self.rows.update(zip(ids.tolist(), vectors, strict=True))
        self.truth.add(ids, vectors)
        self.index.add(ids, vectors)

    def remove(self, ids: Ids) -> None:
        self.truth.remove(ids)
        self.index.remove(ids)

    def agrees(self, queries: Vectors, k: int, allowed: Ids | None = None) -> None:
        """Exact kinds to the bit; the approximate ones find nearly all, and score what they find
        to the bit."""
        wanted_ids, wanted = self.truth.search(queries, k, allowed)
        ids, scores = self.index.search(queries, k, allowed)
        assert ids.shape == scores.shape == (len(queries), k)
        assert ids.dtype == np.int64
        assert scores.dtype == np.float32
        assert len(self.index) == len(self.truth)
        if self.kind not in APPROXIMATE:
            assert np.array_equal(ids, wanted_ids)
            assert np.array_equal(scores, wanted)
            return
        shared = [np.intersect1d(a[a >= 0], b) for a, b in zip(wanted_ids, ids, strict=True)]
        total = int((wanted_ids >= 0).sum())
        assert sum(len(found) for found in shared) >= RECALL_FLOOR * total
        everything = self.truth.search(queries, max(len(self.truth), 1), allowed)
        for found, values, all_ids, all_scores in zip(ids, scores, *everything, strict=True):
            truth = dict(zip(all_ids.tolist(), all_scores.tolist(), strict=True))
            expected = [truth[id] if id >= 0 else -np.inf for id in found.tolist()]
            assert values.tolist() == expected
            order = [
                (-value, id if id >= 0 else np.inf) for value, id in zip(values, found, strict=True)
            ]
            assert order == sorted(order)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quantised index that holds nothing yet: training takes a second, so it is done once."""
    path = tmp_path_factory.mktemp("trained") / "quantised"
    QuantisedIndex(D, lambda ids: clustered(len(ids), D), clustered(2000, D, seed=9)).save(path)
    return path


@pytest.fixture(params=["exact", "flat", "quantised", "milvus"])
def case(request: pytest.FixtureRequest, trained: Path) -> Iterator[Case]:
    if request.param != "milvus":
        yield Case(request.param, trained)
        return
    made = Case("milvus", trained, request.getfixturevalue("milvus"))
    yield made
    assert isinstance(made.index, MilvusIndex)
    made.index.drop()
    made.index.close()


@pytest.fixture
def full(case: Case) -> Case:
    ids = np.random.default_rng(1).permutation(COUNT).astype(np.int64) * 3 + 5
    case.add(ids[:2500], clustered(COUNT, D)[:2500])
    case.add(ids[2500:], clustered(COUNT, D)[2500:])
    return case


QUERIES = clustered(40, D, seed=2)


@pytest.mark.parametrize("k", [1, 10, 100])
def test_the_same_ids_and_scores(full: Case, k: int) -> None:
    full.agrees(QUERIES, k)
    full.agrees(QUERIES[:1], k)


def test_after_removing_and_adding_again(full: Case) -> None:
    gone = np.arange(5, COUNT * 3, 6)
    full.remove(gone)
    full.agrees(QUERIES, 10)
    full.remove(np.array([1, 2, 10**12]))  # never there
    full.agrees(QUERIES, 10)
    full.add(gone[:500], clustered(500, D, seed=3))
    full.agrees(QUERIES, 10)


def test_adding_an_id_again_replaces_its_vector(full: Case) -> None:
    ids = np.arange(5, 3000, 3)
    full.add(ids, clustered(len(ids), D, seed=4))
    full.agrees(QUERIES, 10)
    assert len(full.index) == COUNT


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 1.0])
def test_only_what_is_allowed(full: Case, share: float) -> None:
    ids = np.arange(5, COUNT * 3 + 5, 3)
    kept = np.sort(np.random.default_rng(5).permutation(ids)[: int(share * COUNT)])
    allowed = np.concatenate([kept, [10**12]])  # the last one is not in the index
    full.agrees(QUERIES, 10, allowed)
    found, _ = full.index.search(QUERIES, 10, allowed)
    assert np.isin(found, np.append(allowed, -1)).all()


def test_what_is_allowed_lies_far_from_the_query(case: Case) -> None:
    """A filter that leaves none of the nearest: the search has to go on until it finds some."""
    near = np.tile(QUERIES[:1], (5000, 1))
    case.add(np.arange(5000), near)
    case.add(np.arange(5000, 10_000), clustered(5000, D, seed=6))
    case.agrees(QUERIES[:1], 10, np.arange(5000, 10_000))


def test_k_beyond_the_size_pads(case: Case) -> None:
    case.add(np.array([7, 3], np.int64), clustered(2, D))
    case.agrees(QUERIES, 5)
    ids, scores = case.index.search(QUERIES, 5)
    assert (ids[:, 2:] == -1).all()
    assert (scores[:, 2:] == -np.inf).all()


def test_an_empty_index_finds_nothing(case: Case) -> None:
    case.agrees(QUERIES, 3)
    case.add(np.array([1], np.int64), clustered(1, D))
    case.remove(np.array([1], np.int64))
    case.agrees(QUERIES, 3)


@pytest.mark.parametrize("count", [30, 1000])
def test_equal_vectors_come_in_the_order_of_ids(case: Case, count: int) -> None:
    twins = np.tile(clustered(1, D, seed=7), (count, 1))
    ids = np.random.default_rng(8).permutation(count).astype(np.int64)
    case.add(ids, twins)
    case.add(np.arange(count, count + 500), clustered(500, D, seed=8))
    found, _ = case.index.search(twins[:1], 20)
    assert found[0].tolist() == list(range(20))
    case.agrees(np.concatenate([twins[:1], QUERIES]), 20)


def test_one_query_alone_scores_as_in_a_batch(full: Case) -> None:
    ids, scores = full.index.search(QUERIES, 10)
    for place in range(len(QUERIES)):
        alone_ids, alone = full.index.search(QUERIES[place : place + 1], 10)
        assert np.array_equal(alone_ids[0], ids[place])
        assert np.array_equal(alone[0], scores[place])


def test_saved_and_loaded_it_is_the_same(full: Case, tmp_path: Path) -> None:
    path = tmp_path / "index"
    before = full.index.search(QUERIES, 10)
    full.index.save(path)
    full.index = full.load(path)
    after = full.index.search(QUERIES, 10)
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    if isinstance(full.index, MilvusIndex):
        assert np.array_equal(full.index.ids(), np.sort(list(full.rows)))
    elif full.kind != "exact":
        assert np.array_equal(np.sort(ids_in(path)), np.sort(list(full.rows)))
    full.remove(np.arange(0, COUNT, 7))
    full.add(np.array([1], np.int64), clustered(1, D, seed=11))
    full.agrees(QUERIES, 10)


@pytest.mark.parametrize("case", ["exact", "flat", "quantised"], indirect=True)
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "garbage"])
def test_a_damaged_file_is_a_store_error(full: Case, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "index"
    full.index.save(path)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        half = content[: len(content) // 2]
        path.write_bytes({"empty": b"", "truncated": half, "garbage": b"garbage" * 99}[damage])
    with pytest.raises(StoreError, match="build it anew"):
        full.load(path)


def test_a_file_of_another_kind_is_a_store_error(tmp_path: Path, trained: Path) -> None:
    FlatIndex(D).save(tmp_path / "flat")
    with pytest.raises(StoreError, match="no flat index"):
        FlatIndex.load(trained)
    with pytest.raises(StoreError, match="no quantised index"):
        QuantisedIndex.load(tmp_path / "flat", lambda ids: clustered(len(ids), D))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda index: index.add(np.array([1, 1]), QUERIES[:2]), "duplicates"),
        (lambda index: index.add(np.array([1]), QUERIES[:2]), "wanted \\(1, 32\\)"),
        (lambda index: index.add(np.array([9]), QUERIES[:1, :8]), "wanted \\(1, 32\\)"),
        (lambda index: index.search(QUERIES[:, :8], 3), "wanted \\(q, 32\\)"),
        (lambda index: index.search(QUERIES[0], 3), "wanted \\(q, 32\\)"),
        (lambda index: index.search(QUERIES, 0), "k is 0"),
    ],
)
def test_wrong_input_fails_by_name(
    full: Case, act: Callable[[VectorIndex], None], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        act(full.index)
    assert len(full.index) == COUNT
