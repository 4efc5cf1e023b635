"""The rows that a quantised index fetches: one .npy file, mapped into memory and read where needed.

Fetching 400 rows of 384 numbers takes 0.3 ms here and 1.3 ms from SQLite, which also serves one
thread at a time. Float32, not fp16: then a score is the same to the bit whether a collection is
large or small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from polyseek.errors import StoreError
from polyseek.store.arrays import Ids, Vectors

FLOAT = np.dtype("<f4")


def write_rows(path: Path, count: int, dimensions: int, blocks: Iterable[Vectors]) -> None:
    """Write blocks (n, D) float32, `count` rows in all, as one array.

    Written, not mapped: where a mapped write meets a full disk, the process is killed.
    """
    header = {"descr": FLOAT.str, "fortran_order": False, "shape": (count, dimensions)}
    try:
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for block in blocks:
                file.write(block.astype(FLOAT, copy=False).tobytes())
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}): free space, run again") from error


def map_rows(path: Path, ids: Ids) -> Callable[[Ids], Vectors]:
    """A function from ids (m,) to their rows (m, D) float32, of a file whose n rows belong to
    these ids (n,), ascending."""
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be mapped ({error}): build it anew") from error
    if len(rows) != len(ids):
        raise StoreError(f"{path} has {len(rows)} rows, wanted {len(ids)}: build it anew")

    def fetch(wanted: Ids) -> Vectors:
        return np.asarray(rows[np.searchsorted(ids, wanted)], np.float32)

    return fetch
