"""8-bit products: weights per output channel, activations per tensor after smoothing.

A product x Wᵀ of a quantised layer is computed as (x s) (W / s)ᵀ, where the scale s (one number a
channel) moves the large channels of the activations into the weights (SmoothQuant,
arXiv:2211.10438). x s is rounded to 256 levels between fixed limits, so a text's vector does not
depend on its batch. The scales and limits are measured once on the calibration texts
(scripts/calibrate) and ship with the package, a file per model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from safetensors.numpy import load

from polyseek.engine.pool import Floats

LEVELS = 256


@dataclass(frozen=True, slots=True)
class Range:
    """How one activation is quantised."""

    scale: Floats
    """(C,) float32, multiplied onto the channels."""
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ranges:
    """The calibrated ranges of one model, by name of the activation; empty if there are none."""

    by_name: Mapping[str, Range]
    digest: str


def load_ranges(model: str) -> Ranges:
    """The ranges that ship for `model`; empty if none do."""
    source = files("polyseek.engine") / "ranges" / f"{model}.safetensors"
    if not source.is_file():
        return Ranges({}, "")
    data = source.read_bytes()
    tensors, digest = load(data), hashlib.sha256(data).hexdigest()[:8]
    names = sorted({name.removesuffix(".scale") for name in tensors if name.endswith(".scale")})
    found = {
        name: Range(
            tensors[f"{name}.scale"].astype(np.float32),
            float(tensors[f"{name}.limits"][0]),
            float(tensors[f"{name}.limits"][1]),
        )
        for name in names
    }
    return Ranges(found, digest)


def zero_aligned(low: float, high: float) -> tuple[float, float]:
    """The limits moved so that 0 is exactly one of the levels, which the integer kernels need."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / (LEVELS - 1)
    zero = round(-low / step)
    return -zero * step, (LEVELS - 1 - zero) * step


def quantize_rows(weight: Floats) -> tuple[np.ndarray, Floats]:
    """weight (out, in) -> int8 (out, in) and scale (out, 1), symmetric for each output channel."""
    scale = np.abs(weight).max(axis=1, keepdims=True) / 127
    scale = np.where(scale == 0, 1, scale).astype(np.float32)
    return np.round(weight / scale).astype(np.int8), scale
