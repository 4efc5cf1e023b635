"""Moments against what they stand for: the scores of every row, averaged one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from store_samples import DIMENSIONS, derive, put, unit

from polyseek.errors import StoreError
from polyseek.store import build
from polyseek.store.arrays import Vectors
from polyseek.store.collection import Collection
from polyseek.store.moments import TRUST, Moments

LANGUAGES = ("en", "zh", "ja", "")


def moments_of(rows: Vectors, languages: Sequence[str]) -> Moments:
    moments = Moments(rows.shape[1])
    moments.add(rows, languages)
    return moments


def directly(
    rows: Vectors, languages: Sequence[str], query: Vectors
) -> dict[str, tuple[float, float]]:
    """Mean and deviation over the scores themselves: each of the language's own counts once, and
    all n of the collection count TRUST / n more."""
    scores = rows.astype(np.float64) @ query.astype(np.float64)  # (n,)
    found = {}
    for language in set(languages):
        weights = TRUST / len(rows) + (np.array(languages) == language)
        mean = np.average(scores, weights=weights)
        found[language] = (
            float(mean),
            float(np.average((scores - mean) ** 2, weights=weights) ** 0.5),
        )
    return found


def assert_alike(
    got: dict[str, tuple[float, float]], want: dict[str, tuple[float, float]], off: float = 1e-5
) -> None:
    assert set(got) == set(want)
    for language, pair in want.items():
        assert got[language] == pytest.approx(pair, abs=off), language


@pytest.mark.parametrize("dimensions", [1, 3, 384])
def test_they_are_those_of_the_scores(dimensions: int) -> None:
    rows = unit(900, dimensions)
    languages = ["en"] * 850 + ["zh"] * 40 + ["ja"] * 9 + [""]
    moments = moments_of(rows, languages)
    for query in unit(5, dimensions, seed=1):
        assert_alike(moments.spread(query), directly(rows, languages, query))


@given(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=60), st.integers(0, 1000))
def test_they_are_those_of_the_scores_however_few(languages: list[str], seed: int) -> None:
    """Even of one row; rounding can make no square root of less than nothing of it."""
    rows = unit(len(languages), 4, seed=seed)
    query = unit(1, 4, seed=seed + 1)[0]
    got = moments_of(rows, languages).spread(query)
    # A deviation of nothing is the root of what float32 leaves over.
    assert_alike(got, directly(rows, languages, query), off=1e-3)


def test_a_language_of_many_rows_is_itself() -> None:
    """With 20,000 rows TRUST is a thousandth; with 20 it is the half."""
    rows = unit(20_020, 8)
    rows[20_000:] = np.eye(8, dtype=np.float32)[0]
    languages = ["en"] * 20_000 + ["zh"] * 20
    query = unit(1, 8, seed=3)[0]
    spread = moments_of(rows, languages).spread(query)
    english = rows[:20_000] @ query
    assert spread["en"] == pytest.approx((english.mean(), english.std()), abs=2e-3)
    everything = float((rows @ query).mean())
    assert spread["zh"][0] == pytest.approx((float(query[0]) + everything) / 2, abs=1e-5)


def test_one_language_has_its_own_mean_and_deviation() -> None:
    rows, query = unit(30), unit(1, seed=1)[0]
    scores = rows @ query
    spread = moments_of(rows, ["en"] * 30).spread(query)
    assert spread["en"] == pytest.approx((scores.mean(), scores.std()), abs=1e-6)


@given(st.lists(st.integers(0, 50), max_size=4), st.integers(0, 50))
def test_blocks_do_not_matter(cuts: list[int], seed: int) -> None:
    rows = unit(50, seed=seed)
    languages = [LANGUAGES[at * at % 3] for at in range(50)]
    query = unit(1, seed=seed + 1)[0]
    moments = Moments(DIMENSIONS)
    borders = [0, *sorted(cuts), 50]
    for start, end in pairwise(borders):
        moments.add(rows[start:end], languages[start:end])
    assert_alike(moments.spread(query), directly(rows, languages, query))


def test_the_rows_are_left_as_they_are() -> None:
    rows = unit(9)
    kept = rows.copy()
    moments = moments_of(rows, ["en"] * 9)
    query = unit(1, seed=1)[0]
    before = moments.spread(query)
    assert np.array_equal(rows, kept)
    rows[:] = 0
    assert moments.spread(query) == before == moments.spread(query)


def test_of_nothing() -> None:
    assert Moments(4).spread(unit(1, 4)[0]) == {}
    assert moments_of(np.empty((0, 4), np.float32), []).spread(unit(1, 4)[0]) == {}


# On the disk.


def test_saved_and_loaded_they_are_equal(tmp_path: Path) -> None:
    rows, languages = unit(40), [LANGUAGES[at % 4] for at in range(40)]
    moments = moments_of(rows, languages)
    moments.save(tmp_path / "moments")
    loaded = Moments.load(tmp_path / "moments")
    for query in unit(3, seed=1):
        assert loaded.spread(query) == moments.spread(query)
    for each in (moments, loaded):
        each.add(unit(7, seed=2), ["en"] * 7)
    query = unit(1, seed=1)[0]
    assert loaded.spread(query) == moments.spread(query)
    Moments(3).save(tmp_path / "empty")
    assert Moments.load(tmp_path / "empty").spread(query[:3]) == {}


@pytest.mark.parametrize("content", [None, b"", b"no tensors" * 100])
def test_a_file_that_holds_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "moments").write_bytes(content)
    with pytest.raises(StoreError, match="build it anew"):
        Moments.load(tmp_path / "moments")


@pytest.mark.parametrize(
    "gone",
    [
        "dimensions",
        pytest.param("sum.en"),
    ],
)
def test_a_file_that_lacks_some(tmp_path: Path, gone: str) -> None:
    moments_of(unit(3), ["en"] * 3).save(tmp_path / "moments")
    arrays = load_file(tmp_path / "moments")
    del arrays[gone]
    save_file(arrays, tmp_path / "moments")
    with pytest.raises(StoreError, match="build it anew"):
        Moments.load(tmp_path / "moments")


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        moments_of(unit(3), ["en"] * 3).save(tmp_path / "missing" / "moments")


# In a view.


@pytest.mark.parametrize("quantised_from", [build.QUANTISED_FROM, 1])
def test_a_view_has_those_of_its_prepared_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quantised_from: int
) -> None:
    monkeypatch.setattr(build, "QUANTISED_FROM", quantised_from)
    query = unit(1, seed=1)[0]
    with Collection.open(tmp_path, write=True) as collection:
        for number in range(3):
            put(collection.catalog, f"{number}.md", [f"text {n}" for n in range(50)], number)
        built = collection.view(derive)
        collection.publish(derive)
        loaded = collection.view(derive)
        for view in (built, loaded):
            with view:
                rows = view.prepared(view.ids)
                want = directly(rows, view.languages.tolist(), query)
                assert_alike(view.moments.spread(query), want)
