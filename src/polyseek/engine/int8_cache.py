"""A model's weights in 8 bits, made once and kept in the cache: a file beside the model's own.

Rounding the 440 M weights of Qwen3-Embedding-0.6B takes seconds at every start, and would need
them in 32 bits first. The file is written matrix by matrix, so that a model of any size can be
converted, and is then mapped. It holds, for every matrix of a layer, the levels (out, in) int8 and
the scales (out, 1) float32; everything else is read from the model's own files.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from polyseek.engine.int8 import quantize_rows
from polyseek.errors import ModelError
from polyseek.models.sources import cache_directory
from polyseek.models.tensors import Tensors, read_file

VERSION = 1
"""Of what is kept: which matrices, under which names, rounded how. Part of the file's name, and of
the fingerprint of what is computed with it; raised with every change to these."""
LEVELS_OF, SCALES_OF = ".levels", ".scales"
LEFT_S = 3600
"""Nobody who still writes to a file has not done so for this long."""
MATRIX = re.compile(r"layers?\.\d+\..*\.weight")


def rounded_weights(tensors: Tensors, digest: str) -> Tensors:
    """The 8-bit form of a model whose weights have this digest; made if need be.

    It appears under its name when it is whole, whoever else makes it at the same time, and is
    made again if it is damaged.

    Raises:
        ModelError: the cache cannot be written.
    """
    path = cache_directory() / "int8" / f"{digest[:32]}-{VERSION}.safetensors"
    if path.exists():
        with suppress(ModelError):
            return read_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path, tensors, digest)
    except OSError as error:
        raise ModelError(
            f"8-bit weights cannot be written to {path.parent} ({error}); make room there, "
            "or name another directory in POLYSEEK_CACHE, or run with --precision fp32"
        ) from error
    return read_file(path)


def _make(path: Path, tensors: Tensors, digest: str) -> None:
    _sweep(path)
    handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, tensors, digest)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the name and not all levels
        Path(made).replace(path)
    finally:
        Path(made).unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what processes that were killed have left of this file, as large as the model."""
    for left in path.parent.glob(f".{path.name}.*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_S:
                left.unlink()


def _write(file: IO[bytes], tensors: Tensors, digest: str) -> None:
    """A safetensors file; scales first, so that they lie at multiples of 4 bytes."""
    shapes = {name: shape for name in tensors if (shape := _matrix(tensors, name))}
    header: dict[str, object] = {"__metadata__": {"source": digest}}
    end = 0
    for name, (out, _) in shapes.items():
        header[name + SCALES_OF] = _entry("F32", (out, 1), end, end := end + 4 * out)
    levels_at = end
    for name, (out, wide) in shapes.items():
        header[name + LEVELS_OF] = _entry("I8", (out, wide), end, end := end + out * wide)
    told = json.dumps(header).encode()
    told += b" " * (-len(told) % 8)
    file.write(len(told).to_bytes(8, "little") + told)
    start, scales = file.tell(), []
    file.seek(start + levels_at)
    for name in shapes:
        levels, scale = quantize_rows(tensors.float32(name))
        file.write(levels.data)
        scales.append(scale.tobytes())
    file.seek(start)
    file.write(b"".join(scales))


def _matrix(tensors: Tensors, name: str) -> tuple[int, int] | None:
    """The shape of a layer's matrix; None for anything else."""
    shape = tensors.stored(name).data.shape
    return (shape[0], shape[1]) if MATRIX.search(name) and len(shape) == 2 else None


def _entry(kind: str, shape: tuple[int, ...], start: int, end: int) -> dict[str, object]:
    return {"dtype": kind, "shape": list(shape), "data_offsets": [start, end]}
