"""Safetensors as PyTorch's tensors, each read when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from polyseek.errors import ModelError
from polyseek.models.tensors import prefix_of, tensor_files


class Weights:
    """The tensors of a directory, by their names in the architecture.

    A checkpoint may have them below a name of its own ("model.", "bert."): what stands before
    `anchor`, a tensor that every one has.
    """

    def __init__(
        self, directory: Path, anchor: str, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._directory = directory
        self._device, self._dtype = device, dtype
        self._files: dict[str, Any] = {}
        for path in tensor_files(directory):
            file = _open(path, device)
            self._files.update(dict.fromkeys(file.keys(), file))
        self._prefix = prefix_of(self._files, anchor)

    def stored(self, *name: str) -> Tensor:
        """The tensor of this name, its parts put together with dots, as it is in the file."""
        full = self._prefix + ".".join(name)
        if full not in self._files:
            raise ModelError(
                f"{self._directory} has no tensor {full!r}, which a model of its type has; fetch "
                "it again, or name another directory"
            )
        return self._files[full].get_tensor(full)

    def __call__(self, *name: str) -> Tensor:
        """The same in the type that is computed in."""
        return self.stored(*name).to(self._dtype)

    def joined(self, names: tuple[str, ...], *name: str) -> Tensor:
        """Matrices or biases of products of one input, one below the other: one product."""
        before, after = name
        return torch.cat([self(before, each, after) for each in names])


def _open(path: Path, device: torch.device) -> Any:  # noqa: ANN401 - the library names no type
    try:
        return safe_open(path, framework="pt", device=str(device))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is damaged ({error}); delete it and fetch it again") from error
