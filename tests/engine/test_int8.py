"""Rounding to 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.engine.bert import build
from polyseek.engine.int8 import LEVELS, load_ranges, quantize_rows, zero_aligned
from polyseek.engine.layers import Layers
from polyseek.engine.shapes import BertShape
from polyseek.models.spec import DEFAULT
from polyseek.models.tensors import read_tensors

FINITE = st.floats(-1e3, 1e3, allow_nan=False, width=32)


@given(st.integers(0, 2**32), st.floats(1e-6, 1e6))
def test_a_rounded_weight_is_off_by_half_a_step_at_most(seed: int, size: float) -> None:
    weight = (np.random.default_rng(seed).standard_normal((7, 20)) * size).astype(np.float32)
    rounded, scale = quantize_rows(weight)
    assert rounded.dtype == np.int8
    assert scale.shape == (7, 1)
    assert np.abs(rounded).max(axis=1).tolist() == [127] * 7
    # A little more than half, for the division's own rounding.
    assert (np.abs(rounded * scale - weight) <= 0.5001 * scale).all()


def test_rows_of_zeros_stay_zeros() -> None:
    rounded, scale = quantize_rows(np.zeros((2, 3), np.float32))
    assert not rounded.any()
    assert np.isfinite(scale).all()


@given(FINITE, FINITE)
def test_zero_is_exactly_one_of_the_levels(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    if high - low < 1e-3 or max(-low, high) < 1e-3:
        return
    left, right = zero_aligned(low, high)
    step = (right - left) / (LEVELS - 1)
    assert left <= 0 <= right
    level = -left / step
    assert np.isclose(level, round(level), atol=1e-6)
    # The limits move by half a step at most, if they were around zero at all.
    assert abs(left - min(low, 0)) <= 0.5001 * step
    assert abs(right - max(high, 0)) <= 0.5001 * step


def test_a_model_without_ranges_has_none() -> None:
    found = load_ranges("no-such-model")
    assert not found.by_name
    assert found.digest == ""


def test_the_ranges_that_ship_cover_every_product_of_the_default_model(
    model_directory: Path,
) -> None:
    ranges = load_ranges(DEFAULT)
    shape = BertShape(hidden=384, layers=12, heads=12, epsilon=1e-12)
    layers = Layers(read_tensors(model_directory), True, ranges.by_name)
    build(layers, shape)
    assert set(ranges.by_name) == set(layers.inputs)
    assert len(ranges.by_name) == 4 * shape.layers
    for name, found in ranges.by_name.items():
        wide = 1536 if name.endswith(".output") and "attention" not in name else 384
        assert found.scale.shape == (wide,)
        assert found.scale.dtype == np.float32
        assert (found.scale > 0).all()
        assert found.low < found.high


def test_the_digest_of_the_ranges_is_in_the_precision(model_directory: Path) -> None:
    from polyseek.engine.load import load

    digest = load_ranges(DEFAULT).digest
    assert len(digest) == 8
    assert load(directory=model_directory).forward.precision == f"int8-{digest}"
    assert load(directory=model_directory, precision="fp32").forward.precision == "fp32"


@pytest.mark.parametrize("limits", [(-1.0, 3.0), (0.0, 2.0), (-2.0, 0.0), (1.0, 2.0)])
def test_levels_by_hand(limits: tuple[float, float]) -> None:
    low, high = zero_aligned(*limits)
    levels = low + (high - low) / (LEVELS - 1) * np.arange(LEVELS)
    assert np.abs(levels).min() < 1e-12
