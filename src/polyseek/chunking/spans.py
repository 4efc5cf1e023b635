"""Spans: what every part of this package passes to the next, and how they are kept tight.

A document is a tree of spans that is never built as a whole: Markdown's blocks are there from the
start, and whatever turns out too big for a chunk is split into its children when that is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """The border that a span starts at: the smaller, the better a place to cut."""

    SECTION = 0
    BLOCK = 1
    ITEM = 2
    """Of a list or a table; a top-level block of code."""
    PART = 3
    """A block within a list item or a quote; a nested list's item."""
    LINE = 4
    SENTENCE = 5
    CLAUSE = 6
    WORD = 7
    LETTER = 8
    """A grapheme: what a reader takes for one letter."""


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]`, without white space around it (but see `tight`)."""

    start: int
    end: int
    kind: str
    level: Level
    children: tuple[Span, ...] = ()
    """Only of blocks that hold blocks; other kinds are split on demand, by `split.split`."""
    context: str = ""
    """What a reader needs if a chunk starts here: the header of a table."""
    sticks: bool = False
    """It should not be parted from what stands before it."""


NEWLINE = re.compile(r"\r\n?|\n")


def line_starts(text: str, start: int, end: int) -> list[int]:
    """Where the lines of `text[start:end]` start; `\\r\\n`, `\\n` and `\\r` end a line."""
    return [start, *(m.end() for m in NEWLINE.finditer(text, start, end) if m.end() < end)]


def tight(text: str, start: int, end: int, *, indented: bool = False) -> tuple[int, int]:
    """`start, end` without white space around; with `indented`, the first line's indentation
    stays, as code and nested lists mean something by it."""
    first = start
    while first < end and text[first].isspace():
        first += 1
    while end > first and text[end - 1].isspace():
        end -= 1
    if indented:
        newline = max(text.rfind("\n", start, first), text.rfind("\r", start, first))
        first = start if newline < 0 else newline + 1
    return first, end


def between(
    text: str, borders: Iterable[int], parent: Span, kind: str, level: Level, indented: bool = False
) -> list[Span]:
    """The spans that `borders` cut `parent` into; those of white space alone are left out."""
    spans = []
    start = parent.start
    for border in (*borders, parent.end):
        first, end = tight(text, start, border, indented=indented)
        if end > first and not text[first:end].isspace():
            spans.append(Span(first, end, kind, level))
        start = border
    return spans


def gap_start(text: str, start: int) -> int:
    """Where the white space before `start` starts."""
    while start > 0 and text[start - 1].isspace():
        start -= 1
    return start
