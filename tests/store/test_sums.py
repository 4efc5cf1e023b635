"""The sums are exact: any history of putting and removing leaves what is there, to the bit."""

from __future__ import annotations

import sqlite3

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from store_samples import unit

from polyseek.store.arrays import HALF
from polyseek.store.sums import read_sums, shift_sums, sums_of


def table() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE language_sums (language TEXT PRIMARY KEY, count INTEGER, sum BLOB)")
    return db


@given(
    st.lists(st.tuples(st.integers(0, 49), st.booleans()), max_size=60),
    st.integers(0, 2**32 - 1),
)
def test_any_history_leaves_the_sums_of_what_is_there(
    history: list[tuple[int, bool]], seed: int
) -> None:
    random = np.random.default_rng(seed)
    # Components from 1 down to the smallest subnormal: where rounding would show.
    vectors = (unit(50, 8, seed) * 2.0 ** random.integers(-24, 1, (50, 8))).astype(HALF)
    languages = ["", "en", "zh", "ja", "de"] * 10
    db, there = table(), set[int]()
    for place, adding in history:
        if adding == (place not in there):
            there.symmetric_difference_update({place})
            shift_sums(db, [languages[place]], vectors[place : place + 1], 1 if adding else -1)
    rest = sorted(there, reverse=True)  # another order than that of the history
    wanted = sums_of([([languages[place] for place in rest], vectors[rest])])
    stored = read_sums(db)
    assert {code: count for code, (count, _) in stored.items()} == {
        code: count for code, (count, _) in wanted.items()
    }
    assert all(np.array_equal(stored[code][1], wanted[code][1]) for code in wanted)
    db.close()


def test_the_sum_is_that_of_integers() -> None:
    """A stored number is a multiple of 2^-24: counted in those, the sum is one of integers."""
    vectors = unit(5000, 16).astype(HALF)
    units = (vectors.astype(np.float64) * 2**24).astype(np.int64).sum(axis=0)
    ((count, total),) = sums_of([(["en"] * 5000, vectors)]).values()
    assert count == 5000
    assert (total * 2**24).tolist() == units.tolist()
