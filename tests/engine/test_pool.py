"""Pooling against loops that say the same the long way."""

from __future__ import annotations

import numpy as np
import pytest

from polyseek.engine.pool import normalize, pool
from polyseek.models.spec import Pooling
from toy import Floats

LENGTHS = [5, 1, 3]


@pytest.fixture
def hidden() -> Floats:
    """Hidden states (3, 5, 4) float32; what stands in the padding is huge."""
    values = np.random.default_rng(3).standard_normal((3, 5, 4)).astype(np.float32)
    for text, length in enumerate(LENGTHS):
        values[text, length:] = 1e6
    return values


@pytest.fixture
def mask() -> Floats:
    return np.array([[t < length for t in range(5)] for length in LENGTHS], np.float32)


def by_loops(hidden: Floats, how: Pooling) -> Floats:
    out = np.zeros((3, 4), np.float64)
    for text, length in enumerate(LENGTHS):
        for d in range(4):
            tokens = [float(hidden[text, t, d]) for t in range(length)]
            out[text, d] = {"mean": sum(tokens) / length, "first": tokens[0], "last": tokens[-1]}[
                how
            ]
    return out.astype(np.float32)


@pytest.mark.parametrize("how", ["first", "last"])
def test_first_and_last_pick_a_token(hidden: Floats, mask: Floats, how: Pooling) -> None:
    assert np.array_equal(pool(hidden, mask, how), by_loops(hidden, how))


def test_mean_averages_the_tokens(hidden: Floats, mask: Floats) -> None:
    got = pool(hidden, mask, "mean")
    assert got.dtype == np.float32
    # Padding times a mask of 0 is 0 exactly, so it leaves no trace.
    assert np.allclose(got, by_loops(hidden, "mean"), rtol=0, atol=1e-6)


def test_normalised_rows_have_length_1_and_their_direction() -> None:
    vectors = np.array([[3, 4], [0, 0], [1e-20, 0]], np.float32)
    expected = np.array([[0.6, 0.8], [0, 0], [1, 0]], np.float32)
    assert np.allclose(normalize(vectors), expected, atol=1e-6)
    assert vectors.tolist()[0] == [3, 4]  # the input is left alone
