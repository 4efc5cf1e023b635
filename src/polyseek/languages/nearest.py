"""The nearest rows of one matrix among those of another, exactly, a block at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

NEAREST = 4
"""Neighbours kept: the best is the candidate, their mean says how crowded its place is."""
NOBODY = -1
BLOCK = 1024
"""Rows multiplied at once: with 12,500 rows on the other side 51 MB of cosines."""
STRIDE = 32
"""Columns to a group. The four largest of a row are in the four groups with the largest maxima,
and maxima are 80 times as fast to find as a partition of the row (5 ms to 405 ms a block)."""

Near = tuple[Ints, Floats]
"""Row numbers (n, NEAREST), nearest first, NOBODY where there are too few; cosines (n, NEAREST),
0 where there are too few."""


def nearest(rows: Floats, base: Floats) -> Near:
    """The neighbours of each of the unit `rows` (n, D) among those of `base` (m, D)."""
    blocks = [_largest(rows[at : at + BLOCK] @ base.T) for at in range(0, len(rows), BLOCK)] or [
        _largest(rows @ base.T)
    ]
    return np.concatenate([b[0] for b in blocks]), np.concatenate([b[1] for b in blocks])


def nearest_both_ways(left: Floats, right: Floats) -> tuple[Near, Near]:
    """nearest(left, right) and nearest(right, left), for one multiplication."""
    there: list[Near] = []
    back = _largest(right @ left[:0].T)
    for at in range(0, len(left), BLOCK):
        cosines = left[at : at + BLOCK] @ right.T
        there.append(_largest(cosines))
        ids, values = _largest(np.ascontiguousarray(cosines.T))
        back = _merged(back, (np.where(ids == NOBODY, NOBODY, ids + at), values))
    there = there or [_largest(left @ right.T)]
    ahead = np.concatenate([b[0] for b in there]), np.concatenate([b[1] for b in there])
    return ahead, back


def _largest(cosines: Floats) -> Near:
    """The NEAREST largest of each row of `cosines` (n, m), equal ones in the order of columns."""
    n, m = cosines.shape
    columns = np.broadcast_to(np.arange(m), (n, m))
    if m > STRIDE * NEAREST * 2:
        groups = m // STRIDE
        maxima = cosines[:, : groups * STRIDE].reshape(n, STRIDE, groups).max(axis=1)
        best = np.argpartition(maxima, groups - NEAREST, axis=1)[:, groups - NEAREST :]
        inside = np.sort(best, axis=1)[:, None, :] + groups * np.arange(STRIDE)[:, None]
        rest = np.broadcast_to(np.arange(groups * STRIDE, m), (n, m - groups * STRIDE))
        columns = np.concatenate([inside.reshape(n, -1), rest], axis=1)
        cosines = np.take_along_axis(cosines, columns, axis=1)
    return _first(columns, cosines)


def _first(columns: Ints, cosines: Floats) -> Near:
    """The NEAREST largest `cosines` (n, m) and their `columns`; padded where m is smaller."""
    if cosines.shape[1] > NEAREST:
        best = np.sort(np.argpartition(cosines, -NEAREST, axis=1)[:, -NEAREST:], axis=1)
        columns = np.take_along_axis(columns, best, axis=1)
        cosines = np.take_along_axis(cosines, best, axis=1)
    order = np.argsort(-cosines, axis=1, kind="stable")
    ids = np.take_along_axis(columns, order, axis=1)
    values = np.take_along_axis(cosines, order, axis=1)
    short = ((0, 0), (0, NEAREST - ids.shape[1]))
    return np.pad(ids, short, constant_values=NOBODY), np.pad(values, short)


def _merged(one: Near, other: Near) -> Near:
    """The nearest of two lists; a place that nobody has comes last."""
    ids = np.concatenate([one[0], other[0]], axis=1)
    values = np.concatenate([one[1], other[1]], axis=1)
    order = np.argsort(np.where(ids == NOBODY, np.inf, -values), axis=1, kind="stable")
    order = order[:, :NEAREST]
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(values, order, axis=1)
