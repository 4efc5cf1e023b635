"""The CPU backend: OpenVINO runs the graph, NumPy gathers the word embeddings."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from polyseek.engine.batch import pad, rounded
from polyseek.engine.int8 import load_ranges
from polyseek.engine.int8_cache import VERSION, rounded_weights
from polyseek.engine.pool import Floats, pool
from polyseek.engine.shapes import WORDS, Qwen3Shape, check_ids, check_tensors, read_shape
from polyseek.models.directory import positions, read_config
from polyseek.models.sources import weights_digest
from polyseek.models.spec import ModelSpec, known_spec
from polyseek.models.tensors import Tensors, read_tensors

if TYPE_CHECKING:
    import openvino as ov

Precision = Literal["int8", "fp32"]
ANY = 0
"""Id of the padding, which no token sees."""
KEPT_SHAPES = 128
BATCH_TOKENS = 512
"""Padded tokens a batch: what one core's cache holds (docs/decisions/0003-int8.md)."""
GROUP = 32
"""Channels of an activation that share a scale where it is rounded as it comes, token by token
(docs/decisions/0012-qwen3-cpu.md)."""
WIDE, SHARED_CORES = 1024, 4
"""From this hidden size on a batch runs on so many cores: its products are large enough to be
shared, and a lone question would take too long on one."""


class OpenVINOForward:
    """Token ids of B texts -> pooled vectors (B, D) float32.

    Of a small model, a call runs on one core, and as many calls at once as there are cores: two
    cores that share each product wait for one another, at 1.3 times the cost
    (docs/decisions/0003-int8.md). The graph is compiled when it is first needed, in half a second:
    who only wants to know what a collection was made with does not wait for it.
    """

    batch_tokens = BATCH_TOKENS

    def __init__(
        self,
        directory: Path,
        spec: ModelSpec,
        precision: Precision,
        threads: int = 0,
        weights: str = "",
    ) -> None:
        """For the model in `directory`; `threads` 0 takes all cores. `weights`: their digest, if
        it is known.

        Raises:
            ModelError: the directory does not hold a model of this architecture.
        """
        self._directory = directory
        self._spec = spec
        self._threads = threads
        self._weights = weights
        self._int8 = precision == "int8"
        self._config = read_config(directory, spec)
        self._shape = read_shape(self._config, directory)
        self._vocabulary = self._config.whole("vocab_size")
        self._positions = positions(self._config)
        # Not for a model of another table that happens to be called the same.
        measured = self._int8 and known_spec(spec.name) == spec
        self._ranges = load_ranges(spec.name if measured else "")
        how = self._ranges.digest or f"g{GROUP}v{VERSION}"
        self.precision = f"int8-{how}" if self._int8 else "fp32"
        self._compiling = threading.Lock()

    @property
    def lanes(self) -> int:
        """Two for each batch that is computed at a time, so that the next one is ready."""
        with self._compiling:
            return 2 * int(self._model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    def pooled(self, rows: Sequence[Sequence[int]]) -> Floats:
        """Token ids of B texts, in any order and of any lengths -> (B, D) float32.

        Raises:
            BadInput: an id that the model has no row for.
        """
        check_ids(rows, self._vocabulary, self._spec.name)
        ids, mask = pad(rows, ANY)
        made = self._run(ids, mask)
        return made if self._one else pool(made[:, : ids.shape[1]], mask, self._spec.pooling)

    def _run(self, ids: npt.NDArray[np.int64], mask: Floats) -> Floats:
        """ids (B, T), mask (B, T) -> the graph's output: hidden states (B, >= T, H) float32, or
        of each text one of them (B, H)."""
        with self._compiling:  # one at a time: the graph reads what was mapped for it
            model, tensors = self._model, self._tensors
        texts, longest = ids.shape
        padded = min(rounded(longest), self._positions)
        words = np.zeros((texts, padded, self._shape.hidden), np.float32)
        words[:, :longest] = tensors.stored(WORDS[self._spec.architecture]).rows(ids)
        shown = np.zeros((texts, padded), np.float32)
        shown[:, :longest] = mask
        last = self._spec.pooling == "last"
        chosen = mask.sum(axis=1).astype(np.int64) - 1 if last else np.zeros(texts, np.int64)
        given = {"words": words, "mask": shown, "chosen": chosen}
        wanted = {each.any_name: given[each.any_name] for each in model.inputs}
        # Never model(...), which shares its inputs: where both kinds are mixed, OpenVINO 2026.4
        # writes to memory that is freed.
        made: Floats = model.infer_new_request(wanted)[0]
        return made

    @property
    def _one(self) -> bool:
        """Whether a text's vector is that of one token, and the graph makes no others."""
        return self._spec.pooling != "mean"

    @cached_property
    def _tensors(self) -> Tensors:
        tensors = read_tensors(self._directory).below(WORDS[self._spec.architecture])
        check_tensors(tensors, self._config, self._shape)
        return tensors

    @cached_property
    def _rounded(self) -> Tensors | None:
        """The weights in 8 bits; None where they are in 32, or in 8 by the calibrated ranges."""
        if not self._int8 or self._ranges.by_name:
            return None
        return rounded_weights(self._tensors, self._weights or weights_digest(self._directory))

    @cached_property
    def _model(self) -> ov.CompiledModel:
        import openvino as ov

        from polyseek.engine import bert, qwen3
        from polyseek.engine.layers import Layers

        # The compiled graph goes on reading the files that _tensors and _rounded map.
        layers = Layers(self._tensors, self._int8, self._ranges.by_name, self._rounded)
        if isinstance(self._shape, Qwen3Shape):
            graph = qwen3.build(layers, self._shape, self._one)
        else:
            graph = bert.build(layers, self._shape, self._one)
        return ov.Core().compile_model(graph, "CPU", self._options())

    def _options(self) -> dict[str, object]:
        options: dict[str, object] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            # Half precision would be chosen silently where the CPU has it.
            "INFERENCE_PRECISION_HINT": "f32",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP if self._int8 else 0,
            # Kernels are kept for each shape of batch, 5 MB a shape; by default for 5,000.
            "CPU_RUNTIME_CACHE_CAPACITY": KEPT_SHAPES,
        }
        if self._threads:
            options["INFERENCE_NUM_THREADS"] = self._threads
        if self._shape.hidden >= WIDE:
            cores = self._threads or os.cpu_count() or 1
            options["NUM_STREAMS"] = -(-cores // SHARED_CORES)
        return options
