"""Safetensors as memory-mapped arrays: a table of 96 million weights costs only the rows read.

Format: https://huggingface.co/docs/safetensors - 8 bytes of header length, a JSON header with the
type, shape and offsets of each tensor, then the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polyseek.errors import ModelError
from polyseek.models.fields import Fields, damaged, read_fields

TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I8": "i1"}
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

Array = npt.NDArray[np.float32] | npt.NDArray[np.float16]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor as its file has it."""

    data: npt.NDArray[Any]
    """Mapped; bfloat16, for which NumPy has no type, as uint16 of the same bits."""
    kind: str
    """As in the file: a key of TYPES."""

    def values(self) -> Array:
        """All of it, mapped; bfloat16 becomes float32 in memory."""
        return _widened(self.data) if self.kind == "BF16" else self.data

    def rows(self, at: npt.NDArray[np.int64]) -> Floats:
        """Those at the indices `at`, of any shape, as float32: only they are read."""
        picked = self.data[at]
        return _widened(picked) if self.kind == "BF16" else np.asarray(picked, np.float32)


class Tensors(Mapping[str, Array]):
    """The tensors of a model by name, mapped and not read."""

    def __init__(self, stored: Mapping[str, Stored], source: Path) -> None:
        self._stored = stored
        self._source = source

    def __getitem__(self, name: str) -> Array:
        return self._stored[name].values()

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def stored(self, name: str) -> Stored:
        """The tensor as its file has it.

        Raises:
            ModelError: there is none of this name.
        """
        if name not in self._stored:
            raise ModelError(
                f"{self._source} has no tensor {name!r}, which a model of its type has; fetch it "
                "again, or name another directory"
            )
        return self._stored[name]

    def check(self, name: str, shape: tuple[int, ...]) -> None:
        """Raises ModelError if the tensor has another shape, or there is none of this name."""
        if (found := self.stored(name).data.shape) != shape:
            raise ModelError(
                f"{self._source} has {name} of shape {found}, and by its config.json it has "
                f"{shape}; fetch the model's directory again, whole"
            )

    def float32(self, name: str) -> Floats:
        """The tensor in memory. Raises ModelError if there is none of this name."""
        return np.asarray(self.stored(name).values(), np.float32)

    def below(self, anchor: str) -> Tensors:
        """The tensors by their names in the architecture: a checkpoint may have them below a name
        of its own ("model.", "bert."), which is what stands before `anchor`."""
        prefix = prefix_of(self, anchor)
        below = {n.removeprefix(prefix): t for n, t in self._stored.items() if n.startswith(prefix)}
        return Tensors(below, self._source)


def prefix_of(names: Iterable[str], anchor: str) -> str:
    """What stands before `anchor`, a tensor that every model of its kind has, in these names."""
    found = [name for name in names if name == anchor or name.endswith(f".{anchor}")]
    return min(found, key=len).removesuffix(anchor) if found else ""


def read_tensors(directory: Path) -> Tensors:
    """All tensors of a model directory, in one file or in shards, mapped and not read.

    Raises:
        ModelError: no safetensors there, or a file that is cut short.
    """
    found: dict[str, Stored] = {}
    for path in tensor_files(directory):
        found.update(_stored(path))
    return Tensors(found, directory)


def read_file(path: Path) -> Tensors:
    """The tensors of one file, mapped and not read. Raises ModelError if it is cut short."""
    return Tensors(_stored(path), path)


def tensor_files(directory: Path) -> list[Path]:
    """The files with the tensors: one, or else all shards of an index, as transformers has it.

    Raises:
        ModelError: no safetensors there, or an index of files that are not.
    """
    if (directory / SINGLE).exists():
        return [directory / SINGLE]
    if (directory / INDEX).exists():
        return _shards(directory, read_fields(directory / INDEX).below("weight_map"))
    raise ModelError(
        f"{directory} has no {SINGLE}; polyseek reads safetensors only, never pickle: "
        "convert the weights, get a revision that has them, or run once with --download if "
        "fetching them was cut short"
    )


def _shards(directory: Path, where: Fields) -> list[Path]:
    """The files of an index, which says where each tensor is."""
    if not where:
        raise damaged(where.path, "its weight_map names no file")
    shards = [directory / name for name in sorted({where.text(tensor) for tensor in where})]
    for shard in shards:
        if not shard.is_file():
            raise ModelError(
                f"{where.path} names {shard.name}, which is not there; fetch the model's directory "
                "again, whole"
            )
    return shards


def _stored(path: Path) -> Mapping[str, Stored]:
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
        raise damaged(path, str(error)) from error


def _tensor(data: npt.NDArray[np.uint8], entry: Mapping[str, Any]) -> Stored:
    start, end = entry["data_offsets"]
    kind = entry["dtype"]
    return Stored(data[start:end].view(TYPES[kind]).reshape(entry["shape"]), kind)


def _widened(bits: npt.NDArray[np.uint16]) -> Floats:
    """bfloat16 is the upper half of a float32."""
    wide: Floats = (bits.astype(np.uint32) << 16).view(np.float32)
    return wide
