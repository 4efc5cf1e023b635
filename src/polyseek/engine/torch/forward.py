"""The backend: which device, which type, and one batch at a time on it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from polyseek.engine.pool import Floats
from polyseek.engine.shapes import WORDS, Qwen3Shape, check_ids, check_tensors, read_shape
from polyseek.engine.torch.bert import Bert
from polyseek.engine.torch.packed import pack
from polyseek.engine.torch.qwen3 import Qwen3
from polyseek.engine.torch.weights import Weights
from polyseek.errors import ModelError
from polyseek.models.directory import read_config
from polyseek.models.spec import ModelSpec
from polyseek.models.tensors import read_tensors

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
BATCH_TOKENS = {"cuda": 32_768, "mps": 8_192, "cpu": 2_048}
"""A large card is busy from 16 k tokens on; the 8B's widest activation then takes 1.6 GB."""


class TorchForward:
    """Token ids of B texts -> pooled vectors (B, D) float32; nothing is padded.

    One batch runs at a time: a device is filled by one, and memory is that of one. The weights are
    read when they are first needed.
    """

    lanes = 1

    def __init__(
        self,
        directory: Path,
        spec: ModelSpec,
        precision: str = "",
        device: str = "",
        threads: int = 0,
    ) -> None:
        """For the model in `directory`. `device`: as PyTorch names it; "" takes the GPU if there
        is one. `precision`: fp32, bf16 or fp16; "" takes what the device is made for. `threads`:
        of a CPU, 0 for all, for all that PyTorch does in this process.

        Raises:
            ModelError: no such device or precision; the directory holds another model.
        """
        self.device = _device(device)
        self.precision = precision or _precision(self.device)
        if self.precision not in TYPES:
            raise ModelError(
                f"PyTorch computes {', '.join(TYPES)} and not {precision!r}; ask for one of them, "
                "or for --backend openvino"
            )
        self.batch_tokens = BATCH_TOKENS.get(self.device.type, BATCH_TOKENS["mps"])
        self._directory, self._spec = directory, spec
        self._config = read_config(directory, spec)
        self._vocabulary = self._config.whole("vocab_size")
        self._shape: Any = read_shape(self._config, directory)
        self._lock = threading.Lock()
        if threads:
            torch.set_num_threads(threads)

    def pooled(self, rows: Sequence[Sequence[int]]) -> Floats:
        """Token ids of B texts, in any order and of any lengths -> (B, D) float32.

        Raises:
            BadInput: an id that the model has no row for.
        """
        check_ids(rows, self._vocabulary, self._spec.name)
        with self._lock, torch.inference_mode():
            packed = pack(rows, self.device)
            made: Floats = self._model(packed).float().cpu().numpy()
        vectors = np.empty_like(made)
        vectors[packed.places] = made
        return vectors

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - Qwen3 or Bert
        words = WORDS[self._spec.architecture]
        check_tensors(read_tensors(self._directory).below(words), self._config, self._shape)
        weights = Weights(self._directory, words, self.device, TYPES[self.precision])
        build = Qwen3 if isinstance(self._shape, Qwen3Shape) else Bert
        return build(weights, self._shape, self._spec.pooling)


def has_gpu() -> bool:
    """Whether PyTorch finds one that it is fast on."""
    return bool(torch.cuda.is_available())


def gpus() -> list[str]:
    """The devices of all GPUs that PyTorch may use."""
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def _device(asked: str) -> torch.device:
    try:
        device = torch.device(asked or ("cuda" if has_gpu() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # PyTorch's words for what is not there
        raise ModelError(
            f"PyTorch {torch.__version__} has no device {asked!r} here ({error}); leave the device "
            "out, or install the build of PyTorch for it"
        ) from error
    return device


def _precision(device: torch.device) -> str:
    if device.type != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"
