"""Which texts run together."""

from __future__ import annotations

import threading
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.engine.batch import each, pad, plan

LENGTHS = st.lists(st.integers(1, 600), max_size=60)
BUDGETS = st.integers(1, 2048)


@given(LENGTHS, BUDGETS)
def test_every_position_is_in_one_batch(lengths: list[int], budget: int) -> None:
    positions = [position for batch in plan(lengths, budget) for position in batch]
    assert sorted(positions) == list(range(len(lengths)))


@given(LENGTHS, BUDGETS)
def test_a_batch_is_within_the_budget_or_one_text(lengths: list[int], budget: int) -> None:
    for batch in plan(lengths, budget):
        longest = max(lengths[position] for position in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget


@given(LENGTHS, BUDGETS)
def test_longest_come_first_and_equals_keep_their_order(lengths: list[int], budget: int) -> None:
    positions = [position for batch in plan(lengths, budget) for position in batch]
    assert positions == sorted(positions, key=lambda i: (-lengths[i], i))


@given(LENGTHS, BUDGETS)
def test_a_batch_is_closed_only_when_the_next_text_does_not_fit(
    lengths: list[int], budget: int
) -> None:
    batches = plan(lengths, budget)
    for batch in batches[:-1]:
        assert lengths[batch[0]] * (len(batch) + 1) > budget


def test_a_plan_by_hand() -> None:
    assert plan([3, 9, 4, 4, 1], budget=12) == [[1], [2, 3, 0], [4]]
    assert plan([], budget=12) == []


@given(st.lists(st.lists(st.integers(0, 250_000), min_size=1, max_size=20), min_size=1))
def test_padding_is_on_the_right_and_masked(rows: list[list[int]]) -> None:
    ids, mask = pad(rows, pad_id=-7)
    assert ids.dtype == np.int64
    assert mask.dtype == np.float32
    assert ids.shape == mask.shape == (len(rows), max(map(len, rows)))
    for row, padded, ones in zip(rows, ids.tolist(), mask.tolist(), strict=True):
        rest = len(padded) - len(row)
        assert padded == row + [-7] * rest
        assert ones == [1.0] * len(row) + [0.0] * rest


@given(LENGTHS)
def test_batches_run_at_once_and_come_back_in_order(lengths: list[int]) -> None:
    batches = plan(lengths, 700)
    assert list(each(lambda batch: sum(lengths[i] for i in batch), batches)) == [
        sum(lengths[i] for i in batch) for batch in batches
    ]


def test_a_batch_that_fails_fails_the_call() -> None:
    def run(batch: list[int]) -> int:
        if batch == [3]:
            raise ValueError("the third")
        return batch[0]

    with pytest.raises(ValueError, match="the third"):
        list(each(run, [[1], [2], [3], [4]]))


def test_closing_drops_the_batches_that_have_not_begun() -> None:
    begun: list[int] = []
    release = threading.Event()

    def run(batch: list[int]) -> int:
        begun.append(batch[0])
        if batch[0]:
            release.wait(5)
        return batch[0]

    with closing(each(run, [[n] for n in range(500)])) as made:
        assert next(made) == 0
        release.set()
    assert len(begun) < 500
