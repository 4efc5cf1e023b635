"""Safetensors as memory-mapped arrays: a table of 96 million weights costs only the rows read.

Format: https://huggingface.co/docs/safetensors - 8 bytes of header length, a JSON header with the
type, shape and offsets of each tensor, then the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polyseek.errors import ModelError

TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I8": "i1"}
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

Array = npt.NDArray[np.float32] | npt.NDArray[np.float16]


def read_tensors(directory: Path) -> dict[str, Array]:
    """All tensors of a model directory, in one file or in shards, mapped and not read.

    bfloat16 has no NumPy type and becomes float32 in memory.

    Raises:
        ModelError: no safetensors there, or a file that is cut short.
    """
    tensors: dict[str, Array] = {}
    for path in tensor_files(directory):
        tensors.update(_read_file(path))
    return tensors


def tensor_files(directory: Path) -> list[Path]:
    """The files with the tensors: one, or all shards.

    Raises:
        ModelError: no safetensors there.
    """
    index = directory / INDEX
    if index.exists():
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        return [directory / name for name in names]
    if (directory / SINGLE).exists():
        return [directory / SINGLE]
    raise ModelError(
        f"{directory} has no {SINGLE}; polyseek reads safetensors only, never pickle: "
        "convert the weights, or get a revision that has them"
    )


def _read_file(path: Path) -> Mapping[str, Array]:
    try:
        data = np.memmap(path, np.uint8, mode="r")
        length = int(data[:8].view("<u8")[0])
        base = 8 + length
        if base > len(data):
            raise ValueError(f"its header has {length} bytes and the file {len(data)}")
        header = json.loads(bytes(data[8:base]))
        header.pop("__metadata__", None)
        return {name: _tensor(data[base:], entry) for name, entry in header.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged ({error}); delete it and fetch it again") from error


def _tensor(data: npt.NDArray[np.uint8], entry: Mapping[str, Any]) -> Array:
    start, end = entry["data_offsets"]
    kind = entry["dtype"]
    array: Array = data[start:end].view(TYPES[kind]).reshape(entry["shape"])
    return (array.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else array
