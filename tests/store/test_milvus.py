"""What MilvusIndex has beyond the verbs that all indexes have, on a real server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from uuid import uuid4

import numpy as np
import pytest
from store_samples import clustered

from milvus_server import RunningMilvus
from polyseek.errors import BadInput, StoreError
from polyseek.store import milvus_server
from polyseek.store.index import ExactIndex
from polyseek.store.milvus import BATCH_BYTES, MilvusIndex
from polyseek.store.milvus_address import MilvusAddress, milvus_address

D = 24
COUNT = 900
IDS = np.arange(COUNT, dtype=np.int64) * 2
ROWS = clustered(COUNT, D)
CODES = ("en", "zh", "ja", "zh-Hant")
LANGUAGES = [CODES[place % 4] for place in range(COUNT)]
QUERIES = clustered(7, D, seed=2)


@pytest.fixture
def index(milvus: RunningMilvus) -> Iterator[MilvusIndex]:
    with MilvusIndex.open(milvus.address("kb"), f"test_{uuid4().hex}", D) as made:
        yield made
        made.drop()


def exact(languages: tuple[str, ...]) -> ExactIndex:
    chosen = np.isin(LANGUAGES, languages)
    made = ExactIndex(D)
    made.add(IDS[chosen], ROWS[chosen])
    return made


def same(index: MilvusIndex, k: int, languages: tuple[str, ...]) -> None:
    wanted = exact(languages).search(QUERIES, k)
    found = index.search_in(QUERIES, k, languages)
    assert np.array_equal(found[0], wanted[0])
    assert np.array_equal(found[1], wanted[1])


def test_only_the_rows_of_some_languages(index: MilvusIndex) -> None:
    index.add_rows(IDS, ROWS, LANGUAGES)
    same(index, 10, ("zh",))
    same(index, 3, ("zh", "ja", "xx"))
    same(index, 10, CODES)
    same(index, 300, ("zh-Hant",))  # more than there are
    assert (index.search_in(QUERIES, 3, [])[0] == -1).all()
    assert (index.search_in(QUERIES, 3, ['no "such" language'])[0] == -1).all()


def test_a_row_gets_another_language_with_its_vector(index: MilvusIndex) -> None:
    index.add_rows(IDS[:4], ROWS[:4], LANGUAGES[:4])
    index.add_rows(IDS[:1], ROWS[4:5], ["zh"])
    assert np.array_equal(index.search_in(ROWS[4:5], 1, ["zh"])[0], [[IDS[0]]])
    assert (index.search_in(ROWS[4:5], 1, ["en"])[0] == -1).all()
    assert np.array_equal(index.vectors(IDS[[1, 0]]), ROWS[[1, 4]])


def test_ids_are_ascending_and_of_everybody(index: MilvusIndex, milvus: RunningMilvus) -> None:
    assert len(index.ids()) == 0
    order = np.random.default_rng(1).permutation(COUNT)
    index.add(IDS[order], ROWS[order])
    index.remove(IDS[:5])
    with MilvusIndex.open(milvus.address("kb"), index.name, D) as other:
        assert np.array_equal(other.ids(), IDS[5:])
        other.add(np.array([2**60]), ROWS[:1])
    assert np.array_equal(index.ids(), [*IDS[5:], 2**60])


def test_several_batches_are_one_addition(
    index: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyseek.store.milvus.BATCH_BYTES", 4 * D * 100)
    assert 4 * D * 100 < BATCH_BYTES
    index.add_rows(IDS, ROWS, LANGUAGES)
    assert np.array_equal(index.vectors(IDS[::-1]), ROWS[::-1])
    same(index, 10, ("ja",))


def test_the_stamp_is_kept_with_the_rows(index: MilvusIndex, milvus: RunningMilvus) -> None:
    assert index.stamp == ""
    index.stamp = "4f1c07"
    index.stamp = "4f1c08"
    index.stamp = "4f1c08"
    with MilvusIndex.open(milvus.address("kb"), index.name, D) as other:
        assert other.stamp == "4f1c08"
    with pytest.raises(BadInput, match="the stamp 'state 9' is not"):
        index.stamp = "state 9"
    assert index.stamp == "4f1c08"


def test_the_graph_finds_what_the_exact_index_finds(index: MilvusIndex) -> None:
    """Not before Milvus has 1,024 rows in a sealed segment does it make a graph."""
    rows, ids = clustered(4000, D, seed=5), np.arange(4000)
    index.add(ids, rows)
    index.settle(60)
    twin = ExactIndex(D)
    twin.add(ids, rows)
    wanted, found = twin.search(QUERIES, 10), index.search(QUERIES, 10)
    assert (
        np.mean([len(np.intersect1d(a, b)) for a, b in zip(found[0], wanted[0], strict=True)]) > 9.9
    )
    assert np.allclose(found[1], wanted[1], atol=1e-3)


def test_a_missing_vector_is_named(index: MilvusIndex) -> None:
    index.add(IDS[:2], ROWS[:2])
    with pytest.raises(StoreError, match="has no vector 77: run index again"):
        index.vectors(np.array([IDS[0], 77]))


def test_many_may_open_what_is_not_there(milvus: RunningMilvus) -> None:
    name = f"test_{uuid4().hex}"
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: MilvusIndex.open(milvus.address("kb"), name, D), range(3)))
    made[0].add(IDS[:3], ROWS[:3])
    assert [each.ids().tolist() for each in made] == [IDS[:3].tolist()] * 3
    made[0].drop()
    for each in made:
        each.close()


def test_other_dimensions_and_other_collections_are_refused(
    index: MilvusIndex, milvus: RunningMilvus
) -> None:
    with pytest.raises(StoreError, match=f"has {D} dimensions, wanted 8"):
        MilvusIndex.open(milvus.address("kb"), index.name, 8)
    from pymilvus import MilvusClient

    other, name = MilvusClient(uri=milvus.address("kb").uri), f"foreign_{uuid4().hex}"
    other.create_collection(name, dimension=D)
    with pytest.raises(StoreError, match="is not ours"):
        MilvusIndex.open(milvus.address("kb"), name, D)
    other.drop_collection(name)
    other.close()


@pytest.mark.parametrize(
    ("ids", "languages", "told"),
    [([1, 2], ["en"], "2 ids have 1 languages"), ([1], ["x" * 65], "65")],
)
def test_wrong_rows_are_refused(
    index: MilvusIndex, ids: list[int], languages: list[str], told: str
) -> None:
    with pytest.raises((BadInput, StoreError), match=told):
        index.add_rows(np.array(ids), ROWS[: len(ids)], languages)
    assert len(index.ids()) == 0


def test_more_than_milvus_gives_is_refused(index: MilvusIndex) -> None:
    with pytest.raises(BadInput, match="k is 20000: Milvus gives at most 16384"):
        index.search(QUERIES, 20_000)


def test_a_killed_server_is_said_and_what_it_acknowledged_is_there_again(
    tmp_path: Path, milvus: RunningMilvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of its own, because `kill -9` would end the others' tests."""
    own = RunningMilvus(tmp_path)
    own.start()
    try:
        index = MilvusIndex.open(own.address("kb"), "killed", D)
        index.add_rows(IDS, ROWS, LANGUAGES)
        index.remove(IDS[:10])
        index.stamp = "before"
        own.kill()
        monkeypatch.setattr(milvus_server, "ASKING_S", 0.5)
        with pytest.raises(StoreError, match=r"milvus://127.*/kb does not answer .*start it"):
            index.search(QUERIES, 3)
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(index.add, np.array([1]), ROWS[:1])  # waits for the server
            own.start()
            written.result()
        assert np.array_equal(index.ids(), [1, *IDS[10:]])
        assert index.stamp == "before"
        index.add_rows(IDS[:10], ROWS[:10], LANGUAGES[:10])
        same(index, 10, ("en", "zh"))
        index.close()
    finally:
        own.kill()


def test_a_server_that_is_not_there_is_said_at_once() -> None:
    start = monotonic()
    address = milvus_address("milvus://root:s3cr3t@127.0.0.1:9/kb")
    with pytest.raises(StoreError, match=r"milvus://127\.0\.0\.1:9/kb does not answer") as caught:
        MilvusIndex.open(address, "kb", D)
    assert "s3cr3t" not in str(caught.value)
    assert monotonic() - start < 2 * milvus_server.CONNECTING_S


def test_without_pymilvus_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(BadInput, match=r"pip install 'polyseek\[milvus\]'"):
        MilvusIndex.open(MilvusAddress("milvus", "127.0.0.1", 9, "kb"), "kb", D)
