"""The tiny models of golden/ and what the reference makes of them (scripts/golden-tiny)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from polyseek.models.directory import spec_of
from polyseek.models.spec import Pooling
from toy import Floats

GOLDEN = Path(__file__).parent / "golden"
CASES: tuple[tuple[str, Pooling], ...] = (
    ("tiny-qwen3", "last"),
    ("tiny-bert", "mean"),
    ("tiny-bert", "first"),
    ("tiny-xlmr", "mean"),
    ("tiny-xlmr", "first"),
)


@dataclass(frozen=True, slots=True)
class Tiny:
    """Rows of token ids and the reference's vectors of them."""

    directory: Path
    rows: list[list[int]]
    vectors: Floats
    """(len(rows), 32) float32, pooled and not normalised."""


def tiny(name: str, pooling: Pooling) -> Tiny:
    told = json.loads((GOLDEN / name / "golden.json").read_text())
    return Tiny(GOLDEN / name, told["rows"], np.array(told["vectors"][pooling], np.float32))


def own_pooling(name: str) -> Pooling:
    return spec_of(GOLDEN / name).pooling


def off(a: Floats, b: Floats) -> float:
    """How far the worst row is off: 1 - cosine, in float64."""
    left, right = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return float((1 - (left * right).sum(axis=1) / lengths).max())
