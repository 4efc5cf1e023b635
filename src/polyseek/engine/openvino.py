"""The CPU backend: OpenVINO runs the graph, NumPy gathers the word embeddings."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from polyseek.engine.batch import rounded
from polyseek.engine.int8 import load_ranges
from polyseek.engine.pool import Floats, pool_padded
from polyseek.models.directory import read_config
from polyseek.models.spec import ModelSpec
from polyseek.models.tensors import Array, read_tensors

if TYPE_CHECKING:
    import openvino as ov

Precision = Literal["int8", "fp32"]
WORDS = "embeddings.word_embeddings.weight"
KEPT_SHAPES = 64
BATCH_TOKENS = 512
"""Padded tokens a batch: what one core's cache holds (docs/decisions/0003-int8.md)."""


class OpenVINOForward:
    """Token ids of B texts -> pooled vectors (B, D) float32.

    A call runs on one core, and as many calls at once as there are cores: two cores that share
    each product wait for one another, at 1.3 times the cost (docs/decisions/0003-int8.md).
    The graph is compiled when it is first needed, in half a second: who only wants to know what
    a collection was made with does not wait for it.
    """

    batch_tokens = BATCH_TOKENS

    def __init__(
        self, directory: Path, spec: ModelSpec, precision: Precision, threads: int = 0
    ) -> None:
        """For the model in `directory`; `threads` 0 takes all cores.

        Raises:
            ModelError: the directory does not hold a model of this architecture.
        """
        self._directory = directory
        self._pooling = spec.pooling
        self._threads = threads
        self._int8 = precision == "int8"
        self._config = read_config(directory, spec)
        self._ranges = load_ranges(spec.name if self._int8 else "")
        self.precision = f"{precision}-{self._ranges.digest}".removesuffix("-")
        self._pad_id = int(self._config.get("pad_token_id", 0))
        self._compiling = threading.Lock()

    def pooled(self, rows: Sequence[Sequence[int]]) -> Floats:
        return pool_padded(self._hidden, rows, self._pad_id, self._pooling)

    def _hidden(self, ids: npt.NDArray[np.int64], mask: Floats) -> Floats:
        """ids (B, T), mask (B, T) -> hidden states (B, T, H) float32."""
        texts, longest = ids.shape
        padded = min(rounded(longest), self._config["max_position_embeddings"])
        words = np.zeros((texts, padded, self._config["hidden_size"]), np.float32)
        words[:, :longest] = self._tensors[WORDS][ids]
        shown = np.zeros((texts, padded), np.float32)
        shown[:, :longest] = mask
        with self._compiling:
            model = self._model
        # Never model(...), which shares its inputs: where both kinds are mixed, OpenVINO 2026.4
        # writes to memory that is freed.
        hidden: Floats = model.infer_new_request([words, shown])[0]  # (B, padded, H)
        return hidden[:, :longest]

    @cached_property
    def _tensors(self) -> Mapping[str, Array]:
        return read_tensors(self._directory)

    @cached_property
    def _model(self) -> ov.CompiledModel:
        import openvino as ov

        from polyseek.engine.bert import Layers, Shape, build

        shape = Shape.read(self._config)
        layers = Layers(self._tensors, shape, self._int8, self._ranges.by_name)
        options: dict[str, object] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            # Half precision would be chosen silently where the CPU has it.
            "INFERENCE_PRECISION_HINT": "f32",
            # Kernels are kept for each shape of batch, 5 MB a shape; by default for 5,000.
            "CPU_RUNTIME_CACHE_CAPACITY": KEPT_SHAPES,
        }
        if self._threads:
            options["INFERENCE_NUM_THREADS"] = self._threads
        return ov.Core().compile_model(build(layers), "CPU", options)
