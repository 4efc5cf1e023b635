"""Sections → pieces under heads: which heading path each passage carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from polyseek.chunking.pack import Head, Piece
from polyseek.chunking.ruler import Ruler
from polyseek.chunking.structure import Path, Section

_SMALL = 8
"""A section that takes less than this part of the room may share a chunk with its neighbour."""
_LARGEST = 3
"""A heading path takes at most this part of the room."""


def under_heads(text: str, sections: Sequence[Section], ruler: Ruler) -> list[Piece]:
    """Every block of `sections` as a piece, under the head that it will be embedded with."""
    ruler.learn(_step(title) for section in sections for title in section.path)
    blocks = [block for section in sections for block in section.blocks]
    costs = ruler.span_costs(text, blocks)
    measured = iter(zip(blocks, costs, strict=True))
    pieces: list[Piece] = []
    for path, length in _runs(sections, costs, ruler):
        head = _head(path, ruler)
        pieces += [Piece(block, head, cost) for block, cost in islice(measured, length)]
    return pieces


def _runs(
    sections: Sequence[Section], costs: Sequence[int], ruler: Ruler
) -> Iterator[tuple[Path, int]]:
    """Path and number of blocks of each run of sections that share a head.

    A very small section joins its neighbour if both fit in one chunk and it is the other's
    sibling or parent. Their head is then the path that they have in common: what it says is
    true of all of the chunk, and their own headings are in its text.
    """
    path: Path = ()
    depth = length = size = read = 0  # of the run so far; `depth` is its first section's
    for section in sections:
        new = len(section.blocks)
        new_size = sum(costs[read : read + new])
        read += new
        common = _common(path, section.path)
        room = ruler.room - _head(common, ruler).cost
        small = min(size, new_size) * _SMALL < ruler.room
        if length and len(common) >= depth - 1 and small and size + new_size <= room:
            path, length, size = common, length + new, size + new_size
            continue
        if length:
            yield path, length
        path, depth, length, size = section.path, len(section.path), new, new_size
    if length:
        yield path, length


def _step(title: str) -> str:
    """A title with the separator that `Chunk.embedded_text` gives it."""
    return f"{title} > "


def _head(path: Path, ruler: Ruler) -> Head:
    """The innermost titles of `path`, as many as take at most a third of the room."""
    kept: Path = ()
    cost = 0
    for title in reversed(path):
        step = ruler.cost(_step(title))
        if (cost + step) * _LARGEST > ruler.room:
            break
        kept = (title, *kept)
        cost += step
    return Head(kept, cost)


def _common(one: Path, other: Path) -> Path:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return tuple(title for title, _ in same)
