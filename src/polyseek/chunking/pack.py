"""Pieces → chunks: where to cut, given that every piece fits.

The best way to cut is found exactly, by dynamic programming over the possible cuts. A chunk
costs 1, so that there are few; what is left empty in it costs its square, so that they are of
like size and none is tiny; and a cut costs the more, the more it hurts to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polyseek.chunking.spans import Level, Span

_CUT = {
    Level.SECTION: 0.0,
    Level.BLOCK: 0.0,
    Level.ITEM: 0.2,
    Level.PART: 0.4,
    Level.LINE: 0.6,
    Level.SENTENCE: 0.6,
    Level.CLAUSE: 2.0,
    Level.WORD: 3.0,
    Level.LETTER: 6.0,
}
_STICKS = 4.0
"""More than a chunk costs: an introduction goes with its block whenever both fit."""
_GRAIN = 16
"""Neighbours that together fill less than this part of the room are not worth a cut between
them. It bounds the cuts to compare per chunk, and with them the time."""


@dataclass(frozen=True, slots=True)
class Head:
    """The heading path that a run of pieces shares; compared by identity."""

    path: tuple[str, ...] = ()
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A span that is to be in one chunk, and what it adds to that in tokens."""

    span: Span
    head: Head
    cost: int
    context_cost: int = 0
    """Of the span's context, needed only if a chunk starts here."""


def total(pieces: Sequence[Piece]) -> int:
    """Tokens of the chunk that `pieces` make, by addition."""
    return pieces[0].head.cost + pieces[0].context_cost + sum(piece.cost for piece in pieces)


def pack(pieces: Sequence[Piece], room: int) -> list[list[Piece]]:
    """The best chunks of at most `room` tokens; a piece that is bigger stands alone."""
    units = _units(pieces, room // _GRAIN)
    costs = [sum(piece.cost for piece in unit) for unit in units]
    best, came_from = [0.0], [0]  # by number of units: the price so far, and the last chunk's start
    for end in range(1, len(units) + 1):
        size = pieces[0].head.cost
        choices: list[tuple[float, int]] = []
        for start in range(end - 1, -1, -1):
            size += costs[start]
            if size > room and choices:
                break
            first = units[start][0]
            filled = size + first.context_cost
            if filled <= room or start == end - 1:
                choices.append((best[start] + _price(first, filled / room, cut=start > 0), start))
        price, start = min(choices)
        best.append(price)
        came_from.append(start)
    return _walk_back(units, came_from)


def _units(pieces: Sequence[Piece], grain: int) -> list[list[Piece]]:
    """Runs of pieces of at most `grain` tokens; a cut within one is no better than that before."""
    units: list[list[Piece]] = []
    size = 0
    for piece in pieces:
        size += piece.cost
        if units and size <= grain and piece.span.level >= units[-1][0].span.level:
            units[-1].append(piece)
        else:
            units.append([piece])
            size = piece.cost
    return units


def _price(first: Piece, fill: float, *, cut: bool) -> float:
    """Of a chunk that starts with `first` and fills this share of the room."""
    price = 1.0 + max(0.0, 1.0 - fill) ** 2
    if cut:
        price += _CUT[first.span.level] + (_STICKS if first.span.sticks else 0.0)
    return price


def _walk_back(units: Sequence[list[Piece]], came_from: Sequence[int]) -> list[list[Piece]]:
    chunks = []
    end = len(units)
    while end:
        start = came_from[end]
        chunks.append([piece for unit in units[start:end] for piece in unit])
        end = start
    return chunks[::-1]
