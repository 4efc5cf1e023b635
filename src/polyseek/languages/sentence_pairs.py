"""Which sentences of a text and its translation say the same: monotone alignment.

Dynamic programming over the cosines of sentence vectors, in the manner of Gale and Church: one
sentence with one, with two, or with none. A small model's cosines are weak evidence for short
sentences, so order and length have a say as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
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
MOVES = ((1, 1), (1, 2), (2, 1))


def align(
    one: Floats, other: Floats, lengths: tuple[Floats, Floats], ratio: float, shared: Floats
) -> list[Pair]:
    """The best monotone alignment of sentences `one` (n, D) with `other` (m, D), unit rows.

    `lengths` are those of the sentences, (n,) and (m,) float32, in characters; `ratio` is how many
    characters of the other text a character of the one usually makes.
    """
    if not len(one) or not len(other):
        return [*(((i, i + 1), (0, 0)) for i in range(len(one)))] + [
            ((len(one), len(one)), (j, j + 1)) for j in range(len(other))
        ]
    scores = [_scores(one, other, lengths, ratio, shared, move).tolist() for move in MOVES]
    return list(_traced(_best(scores, len(one), len(other)), len(one), len(other)))


def _scores(
    one: Floats,
    other: Floats,
    lengths: tuple[Floats, Floats],
    ratio: float,
    shared: Floats,
    move: tuple[int, int],
) -> Floats:
    """(n - move[0] + 1, m - move[1] + 1) float32: what it is worth to pair the spans there."""
    left, right = _spans(one, move[0]), _spans(other, move[1])
    if not len(left) or not len(right):
        return np.zeros((len(left), len(right)), np.float32)
    cosines = left @ right.T
    background = (_usual(left @ other.T)[:, None] + _usual(right @ one.T)[None]) / 2
    long = np.convolve(lengths[0], np.ones(move[0]), "valid") * ratio
    wide = np.convolve(lengths[1], np.ones(move[1]), "valid")
    off = np.log((long[:, None] + 5) / (wide[None] + 5)) / LENGTH_SPREAD
    loss = np.minimum(LENGTH_WEIGHT * off**2, 0.5)
    if move[0] > 1:
        shared = np.maximum(shared[1:], shared[:-1])
    if move[1] > 1:
        shared = np.maximum(shared[:, 1:], shared[:, :-1])
    scores: Floats = (
        cosines - background - loss - MERGE_LOSS * (sum(move) - 2) + SHARED_WEIGHT * shared
    )
    return scores


def _spans(rows: Floats, size: int) -> Floats:
    """Unit sums of `size` rows that follow each other."""
    if size == 1:
        return rows
    sums = rows[:-1] + rows[1:]
    unit: Floats = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return unit


def _usual(cosines: Floats) -> Floats:
    """Mean of each row's largest values but the largest: how near it is to what it is not."""
    few = np.sort(cosines, axis=1)[:, ::-1][:, 1 : NEAREST + 1]
    if not few.shape[1]:
        return np.full(len(cosines), 0.2, np.float32)
    usual: Floats = few.mean(axis=1)
    return usual


def _best(scores: Sequence[list[list[float]]], n: int, m: int) -> list[list[int]]:
    """The last move of the best way to each place: an index into MOVES, or 3 or 4 for a gap."""
    total = [[0.0] * (m + 1) for _ in range(n + 1)]
    move = [[4] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(m + 1):
            if not i and not j:
                continue
            top, how = (total[i - 1][j] + GAP, 3) if i else (total[i][j - 1] + GAP, 4)
            if i and j:
                if (value := total[i][j - 1] + GAP) > top:
                    top, how = value, 4
                for k, (a, b) in enumerate(MOVES):
                    if i >= a and j >= b:
                        value = total[i - a][j - b] + scores[k][i - a][j - b]
                        if value > top:
                            top, how = value, k
            total[i][j], move[i][j] = top, how
    return move


def _traced(move: list[list[int]], i: int, j: int) -> Iterator[Pair]:
    steps = (*MOVES, (1, 0), (0, 1))
    found = []
    while i or j:
        a, b = steps[move[i][j]]
        found.append(((i - a, i), (j - b, j)))
        i, j = i - a, j - b
    yield from reversed(found)
