"""The backends that every promise is tested on, and how near each comes to the reference."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.tiny import GOLDEN, off, own_pooling, tiny
from polyseek.engine.embedder import Embedder, Forward
from polyseek.engine.load import load
from polyseek.engine.pool import normalize
from polyseek.models.directory import spec_of
from polyseek.models.spec import ModelSpec, Pooling
from polyseek.settings import Backend, Precision
from toy import Floats

NAMES = ("tiny-qwen3", "tiny-bert", "tiny-xlmr")
POSITIONS = 64
"""Longest text of each tiny model."""


@dataclass(frozen=True, slots=True)
class Runner:
    """A backend on the CPU with a precision."""

    backend: Backend
    precision: Precision
    near: float
    """Most that a vector may be off the reference's: 1 - cosine."""
    length: float
    """Most that its length may be off, of 1."""
    batch: float
    """Most that a component of the unit vector may differ between batches. In int8 a sum's last
    bit, which depends on the batch, may move an activation by one of 255 levels."""

    def __str__(self) -> str:
        return f"{self.backend}-{self.precision}"

    def forward(self, directory: Path, spec: ModelSpec | Pooling) -> Forward:
        """Of the model in the directory, with this row or with this pooling."""
        if isinstance(spec, str):
            spec = replace(spec_of(directory), pooling=spec)
        if self.backend == "torch":
            from polyseek.engine.torch.forward import TorchForward

            return TorchForward(directory, spec, self.precision, "cpu")
        from polyseek.engine.openvino import OpenVINOForward

        return OpenVINOForward(directory, spec, "int8" if self.precision == "int8" else "fp32")

    def load(self, name: str) -> Embedder:
        """A tiny model, as whoever names its directory gets it."""
        return load(
            str(GOLDEN / name), backend=self.backend, device="cpu", precision=self.precision
        )

    def check(self, made: Floats, wanted: Floats) -> None:
        """That the vectors (n, D) are the reference's."""
        assert made.dtype == np.float32
        assert off(made, wanted) <= self.near
        lengths = np.linalg.norm(made, axis=1) / np.linalg.norm(wanted, axis=1)
        assert np.abs(lengths - 1).max() <= self.length

    def check_same(self, made: Floats, wanted: Floats) -> None:
        """That the vectors (n, D) are those that the same backend made in another batch."""
        assert np.abs(normalize(made) - normalize(wanted)).max() <= self.batch


BACKENDS = (
    Runner("torch", "fp32", 1e-6, 1e-5, 2e-6),
    Runner("openvino", "fp32", 1e-6, 1e-5, 2e-6),
    Runner("openvino", "int8", 4e-3, 0.02, 2e-3),
)


def drawn(name: str, lengths: Sequence[int], seed: object) -> list[list[int]]:
    """Rows of random token ids, each ended as the model's are."""
    numbers = random.Random(str(seed))
    last = tiny(name, own_pooling(name)).rows[0][-1]
    highest = json.loads((GOLDEN / name / "config.json").read_text())["vocab_size"]
    return [[*(numbers.randrange(3, highest) for _ in range(n - 1)), last] for n in lengths]
