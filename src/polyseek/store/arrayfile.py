"""Named arrays in one file, and their errors in our words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

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
