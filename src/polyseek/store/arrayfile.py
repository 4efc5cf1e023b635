"""Named arrays in one file or value, and their errors in our words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save, save_file

from polyseek.errors import StoreError


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write them, of any shapes."""
    try:
        save_file(dict(arrays), path)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path} cannot be written ({error}): free space, run again") from error


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path} holds no arrays ({error}): build it anew") from error


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """As one value."""
    return save(dict(arrays))


def unpacked(value: bytes) -> dict[str, np.ndarray]:
    """What `packed` made of them."""
    try:
        return load(value)
    except SafetensorError as error:
        raise StoreError(f"a stored value holds no arrays ({error}): index again") from error
