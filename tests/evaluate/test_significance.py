"""Intervals and tests, on cases that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from polyseek.errors import BadInput
from polyseek.evaluate.significance import difference, interval


def alone(values: dict[str, float]) -> dict[str, object]:
    """Every question for itself."""
    return dict(zip(values, values, strict=True))


def test_the_interval_of_many_draws_of_a_coin_is_the_normal_one() -> None:
    values = {str(n): float(n % 2) for n in range(400)}
    found = interval(values, alone(values))
    half = 1.96 * math.sqrt(0.25 / 400)
    assert found.mean == 0.5
    assert found.low == pytest.approx(0.5 - half, abs=0.003)
    assert found.high == pytest.approx(0.5 + half, abs=0.003)


def test_equal_values_leave_no_doubt() -> None:
    values = {str(n): 0.25 for n in range(10)}
    found = interval(values, alone(values))
    assert (found.mean, found.low, found.high) == (0.25, 0.25, 0.25)


def test_translations_of_a_question_are_no_more_evidence_than_it_is() -> None:
    once = {str(n): float(value) for n, value in enumerate(np.random.default_rng(1).random(50))}
    often = {f"{id} {k}": value for id, value in once.items() for k in range(9)}
    families = {id: id.split()[0] for id in often}
    one, same = interval(once, alone(once)), interval(often, families)
    assert same.low == pytest.approx(one.low)
    assert same.high == pytest.approx(one.high)
    apart = interval(often, alone(often))
    assert apart.high - apart.low == pytest.approx((one.high - one.low) / 3, rel=0.1)


def test_a_large_family_weighs_more() -> None:
    values = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.0}
    assert interval(values, {"a": 1, "b": 1, "c": 1, "d": 2}).mean == 0.75


def test_the_chance_of_five_wins_in_five() -> None:
    """Of 32 ways to draw five signs two are as far from 0."""
    first = {str(n): 0.5 for n in range(5)}
    second = {str(n): 0.75 for n in range(5)}
    found = difference(first, second, alone(first))
    assert found.interval.mean == 0.25
    assert found.p == pytest.approx(2 / 32, abs=0.01)
    assert found.queries == 5


def test_the_chance_of_a_difference_is_that_of_the_exact_test() -> None:
    rng = np.random.default_rng(7)
    first = {str(n): float(value) for n, value in enumerate(rng.random(10))}
    second = {id: value + float(rng.normal(0.1, 0.2)) for id, value in first.items()}
    gained = np.array([second[id] - first[id] for id in first])
    signs = np.array([[1 - 2 * (n >> bit & 1) for bit in range(10)] for n in range(1024)])
    exact = float((np.abs(signs @ gained) >= abs(gained.sum()) - 1e-12).mean())
    assert difference(first, second, alone(first)).p == pytest.approx(exact, abs=0.015)


def test_a_run_against_itself_is_no_difference() -> None:
    values = {str(n): n / 7 for n in range(8)}
    found = difference(values, values, alone(values))
    assert (found.interval.low, found.interval.mean, found.interval.high) == (0, 0, 0)
    assert found.p == 1.0


def test_runs_of_other_questions_are_refused() -> None:
    with pytest.raises(BadInput, match="'b' is in one of them only"):
        difference({"a": 1.0}, {"a": 1.0, "b": 0.0}, {"a": 1, "b": 2})


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="no question"):
        interval({}, {})


def test_it_is_the_same_each_time() -> None:
    values = {str(n): float(value) for n, value in enumerate(np.random.default_rng(3).random(40))}
    assert interval(values, alone(values)) == interval(values, alone(values))
