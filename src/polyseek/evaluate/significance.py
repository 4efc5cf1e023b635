"""How sure a figure is, and a difference between two.

Questions are drawn again with replacement (the bootstrap: Efron 1979; for retrieval Sakai 2006).
Questions with the same answers, such as translations of each other, are drawn together: they are
found or missed together, and to count them one by one would make intervals too narrow (the cluster
bootstrap: Davison and Hinkley 1997, 3.8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polyseek.errors import BadInput

Doubles = npt.NDArray[np.float64]
DRAWS = 10_000
SEED = 20_261_125
BLOCK = 500


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two means over the same questions, second less first."""

    interval: Interval
    p: float
    """How often so large a difference comes about, in either direction, if both runs are equally
    good: signs of the differences drawn at random (the randomisation test: Smucker et al. 2007)."""
    queries: int


def interval(values: Mapping[str, float], families: Mapping[str, object]) -> Interval:
    """The mean of a measure over questions. `families`: of each, what it is drawn together by.

    Raises:
        BadInput: no question.
    """
    sums, counts = _by_family(values, families)
    return _interval(sums, counts)


def difference(
    first: Mapping[str, float], second: Mapping[str, float], families: Mapping[str, object]
) -> Difference:
    """The second run's mean less the first's, over the same questions.

    Raises:
        BadInput: they are not of the same questions, or of none.
    """
    if first.keys() != second.keys():
        odd = min(first.keys() ^ second.keys())
        raise BadInput(
            f"the two runs are not of the same questions: {odd!r} is in one of them only; compare "
            "runs of one data set"
        )
    sums, counts = _by_family({id: second[id] - first[id] for id in first}, families)
    return Difference(_interval(sums, counts), _p(sums), len(first))


def _by_family(
    values: Mapping[str, float], families: Mapping[str, object]
) -> tuple[Doubles, Doubles]:
    """Sum and number of the values of each family."""
    if not values:
        raise BadInput("there is no question to take a mean over")
    numbers: dict[object, int] = {}
    at = [numbers.setdefault(families[id], len(numbers)) for id in values]
    given = np.fromiter(values.values(), np.float64, len(values))
    return np.bincount(at, given).astype(np.float64), np.bincount(at).astype(np.float64)


def _interval(sums: Doubles, counts: Doubles) -> Interval:
    """Percentiles of the means of DRAWS draws."""
    rng, n = np.random.default_rng(SEED), len(sums)
    means = []
    for size in _blocks():
        times = rng.multinomial(n, np.full(n, 1 / n), size)  # (size, n)
        means.append(times @ sums / (times @ counts))
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high))


def _p(sums: Doubles) -> float:
    """Share of the draws of signs whose sum is as far from 0 as the one observed, which is one of
    them."""
    rng, n = np.random.default_rng(SEED), len(sums)
    seen = abs(sums.sum()) * (1 - 1e-12)  # equal sums differ in their last bit
    as_far = 0
    for size in _blocks():
        signs = rng.integers(0, 2, (size, n)) * 2 - 1
        as_far += int((np.abs(signs @ sums) >= seen).sum())
    return (as_far + 1) / (DRAWS + 1)


def _blocks() -> Iterator[int]:
    """Draws at a time, so that those of many questions fit into memory."""
    for start in range(0, DRAWS, BLOCK):
        yield min(BLOCK, DRAWS - start)
