"""Which sentences of a text and its translation say the same: monotone alignment.

Dynamic programming over the cosines of sentence vectors, in the manner of Gale and Church: one
sentence with one, with two, or with none. A small model's cosines are weak evidence for short
sentences, so order and length have a say as well. Many pairs of texts are aligned at once, padded
to one size: a text has about ten sentences, too few for an array of its own to be worth it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]
Span = tuple[int, int]
Pair = tuple[Span, Span]
"""Sentences [start, end) of one side and of the other; one of the spans may be empty."""

GAP = -0.12
"""Score of a sentence without counterpart; that of a match is its cosine beyond what is usual."""
LENGTH_WEIGHT, LENGTH_SPREAD = 0.08, 0.35
"""What a pair loses whose lengths differ by one LENGTH_SPREAD (natural logarithm), squared."""
MERGE_LOSS = 0.05
SHARED_WEIGHT = 0.2
NEAREST = 3
ALONE = 0.2
"""Usual cosine where there is nothing else to be near to."""
CELLS = 1 << 17
"""Padded pairs of sentences that are aligned at once, about."""
STEPS = ((1, 1), (1, 2), (2, 1), (1, 0), (0, 1))
"""Moves of an alignment: how many sentences of either side a pair takes."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Two texts of n and m sentences that are to be aligned."""

    cosines: Floats
    """(n, m) of their sentences."""
    beside: tuple[Floats, Floats]
    """(n - 1,) and (m - 1,): cosines of sentences that follow each other."""
    lengths: tuple[Floats, Floats]
    """(n,) and (m,) in characters, those of the one as long as the other's usually are for it."""
    shared: Floats
    """(n, m) from 0 to 1: names that both sentences have."""


def unpaired(pair: Pair) -> bool:
    """Whether the first side's sentences have no counterpart."""
    return pair[1][0] == pair[1][1]


def texts(
    one: Floats, other: Floats, lengths: tuple[Floats, Floats], ratio: float, shared: Floats
) -> Texts:
    """Sentences `one` (n, D) and `other` (m, D), unit rows, to be aligned.

    `lengths` are those of the sentences, (n,) and (m,) float32, in characters; `ratio` is how many
    characters of the other text a character of the one usually makes.
    """
    return Texts(
        one @ other.T, (beside(one), beside(other)), (lengths[0] * ratio, lengths[1]), shared
    )


def beside(rows: Floats) -> Floats:
    """(n - 1,) float32: the cosine of each row (n, D) with the next."""
    found: Floats = np.einsum("ij,ij->i", rows[:-1], rows[1:])
    return found


def align_all(given: Sequence[Texts]) -> list[list[Pair]]:
    """The best monotone alignment of each."""
    found: list[list[Pair]] = [[] for _ in given]
    order = sorted(range(len(given)), key=lambda at: given[at].cosines.shape)
    start = 0
    while start < len(order):
        end, n, m = start, 0, 0
        while end < len(order):
            more = given[order[end]].cosines.shape
            n, m = max(n, more[0]), max(m, more[1])
            if end > start and (end + 1 - start) * (n + 1) * (m + 1) > CELLS:
                break
            end += 1
        some = order[start:end]
        for at, move in zip(some, _moves([given[at] for at in some]), strict=True):
            found[at] = _traced(move, *given[at].cosines.shape)
        start = end
    return found


def _moves(some: Sequence[Texts]) -> Bytes:
    """(B, N + 1, M + 1): the last move of the best way to each place, an index into STEPS."""
    sizes = np.array([each.cosines.shape for each in some], np.int64)  # (B, 2)
    cosines = _padded([each.cosines for each in some])  # (B, N, M)
    shared = _padded([each.shared for each in some])  # (B, N, M)
    beside = [_padded([each.beside[k] for each in some]) for k in (0, 1)]
    lengths = [_padded([each.lengths[k] for each in some]) for k in (0, 1)]
    one, two, both = (_scores(cosines, shared, beside, lengths, sizes, move) for move in STEPS[:3])
    return _best(one, two, both)


def _padded(arrays: Sequence[Floats]) -> Floats:
    """(B, ...) float32: the arrays with zeros behind."""
    shape = np.max([array.shape for array in arrays], axis=0)
    found = np.zeros((len(arrays), *shape), np.float32)
    for at, array in enumerate(arrays):
        found[at][tuple(slice(length) for length in array.shape)] = array
    return found


def _scores(
    cosines: Floats,
    shared: Floats,
    beside: Sequence[Floats],
    lengths: Sequence[Floats],
    sizes: Ints,
    move: tuple[int, int],
) -> Floats:
    """(B, N - move[0] + 1, M - move[1] + 1) float32: what it is worth to pair the spans there."""
    n, m = sizes[:, 0], sizes[:, 1]
    left = _united(cosines, beside[0]) if move[0] > 1 else cosines  # (B, N', M)
    right = _united(_swapped(cosines), beside[1]) if move[1] > 1 else _swapped(cosines)
    near = left if move[0] > 1 else _swapped(right)  # (B, N', M')
    usual = _usual(left, m)[:, :, None] + _usual(right, n)[:, None]
    long, wide = (_sums(lengths[k], move[k]) for k in (0, 1))
    off: Floats = np.log((long[:, :, None] + 5) / (wide[:, None] + 5)) / LENGTH_SPREAD
    loss: Floats = np.minimum(LENGTH_WEIGHT * off**2, 0.5)
    if move[0] > 1:
        shared = np.maximum(shared[:, 1:], shared[:, :-1])
    if move[1] > 1:
        shared = np.maximum(shared[:, :, 1:], shared[:, :, :-1])
    scores: Floats = near - usual / 2 - loss - MERGE_LOSS * (sum(move) - 2) + SHARED_WEIGHT * shared
    return scores


def _swapped(cosines: Floats) -> Floats:
    return cosines.transpose(0, 2, 1)


def _sums(lengths: Floats, size: int) -> Floats:
    return lengths if size == 1 else lengths[:, 1:] + lengths[:, :-1]


def _united(cosines: Floats, beside: Floats) -> Floats:
    """(B, N - 1, M): cosines of the unit sums of two sentences that follow each other."""
    norms: Floats = np.sqrt(np.maximum(2 + 2 * beside, np.float32(1e-9)))
    united: Floats = (cosines[:, 1:] + cosines[:, :-1]) / norms[:, :, None]
    return united


def _usual(cosines: Floats, count: Ints) -> Floats:
    """(B, N): mean of each row's largest values but the largest, of the first `count` (B,): how
    near a sentence is to what it is not."""
    there = np.arange(cosines.shape[2]) < count[:, None]  # (B, M)
    few = min(NEAREST + 1, cosines.shape[2])
    bare = np.where(there[:, None], cosines, -np.inf)
    top = -np.sort(np.partition(-bare, few - 1, axis=2)[:, :, :few], axis=2)[:, :, 1:]
    known = np.isfinite(top)
    total = np.where(known, top, 0).sum(axis=2)
    usual: Floats = np.where(
        known.any(axis=2), total / np.maximum(known.sum(axis=2), 1), ALONE
    ).astype(np.float32)
    return usual


def _best(one: Floats, two: Floats, both: Floats) -> Bytes:
    """(B, N + 1, M + 1) from the scores of 1-1 (B, N, M), 1-2 (B, N, M - 1), 2-1 (B, N - 1, M)."""
    count, n, m = one.shape
    total = np.zeros((n + 1, count, m + 1), np.float32)
    move = np.full((count, n + 1, m + 1), 4, np.int8)
    behind = (GAP * np.arange(m + 1)).astype(np.float32)
    total[0] = behind
    for i in range(1, n + 1):
        best, how = total[i - 1] + GAP, move[:, i]
        how[:] = 3
        options = [(0, 1, total[i - 1][:, :-1] + one[:, i - 1])]
        if m > 1:
            options.append((1, 2, total[i - 1][:, :-2] + two[:, i - 1]))
        if i > 1:
            options.append((2, 1, total[i - 2][:, :-1] + both[:, i - 2]))
        for step, first, value in options:
            better = value > best[:, first:]
            np.copyto(best[:, first:], value, where=better)
            np.copyto(how[:, first:], np.int8(step), where=better)
        # Sentences of the other side alone, in a row: the best place to begin each such row.
        reached = np.maximum.accumulate(best - behind, axis=1) + behind
        np.copyto(how, np.int8(4), where=reached > best + 1e-6)
        total[i] = np.maximum(reached, best)
    return move


def _traced(move: Bytes, i: int, j: int) -> list[Pair]:
    def steps(i: int, j: int) -> Iterator[Pair]:
        while i or j:
            a, b = STEPS[rows[i][j]]
            yield (i - a, i), (j - b, j)
            i, j = i - a, j - b

    rows = move[: i + 1, : j + 1].tolist()
    return [*steps(i, j)][::-1]
