"""Which texts run together: similar lengths, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Made = TypeVar("Made")
Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]
STEP = 8
"""Lengths count as the next multiple of this, so that there are few shapes of batches: a backend
may need kernels for each, 30 ms in OpenVINO, and they are the faster for whole registers."""


def rounded(length: int) -> int:
    """`length` tokens as a batch holds them."""
    return -(-length // STEP) * STEP


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions of the texts of each batch, longest first.

    A batch holds at most `budget` padded tokens (texts times the longest of them), or one text.
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        longest = lengths[batches[-1][0]] if batches else 0
        if not batches or longest * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(position)
    return batches


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> Batch:
    """Token ids (B, T) int64 padded on the right, and mask (B, T) float32: 1 where a token is."""
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad_id, np.int64)
    mask = np.zeros((len(rows), longest), np.float32)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return ids, mask


def each(
    run: Callable[[list[int]], Made], batches: Sequence[list[int]]
) -> Generator[Made, None, None]:
    """run(batch) for every batch, in order; many at once. Close it to drop those not yet begun."""
    if len(batches) < 2:
        yield from map(run, batches)
        return
    workers = ThreadPoolExecutor()
    try:
        yield from workers.map(run, batches)
    finally:
        workers.shutdown(cancel_futures=True)
