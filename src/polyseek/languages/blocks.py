"""The blocks of a passage: paragraphs, items of lists, headings, rows of tables, code.

Translators keep them. A block more or less is therefore much stronger evidence that something was
left out than a sentence more or less, which may have been joined with its neighbour.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

FENCE_MARK = r"[ \t>]*(`{3,}|~{3,})"
FENCE_LINE = re.compile(FENCE_MARK)
BEGINS = re.compile(
    r"[ \t>]*(?:[*+-][ \t]|\d+[.)][ \t]|#{1,6}[ \t]|\||///|:::|!!!|\?\?\?|\{[*!%]|</?\w)"
)
"""A line that begins a block even without a blank line before it."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a Markdown passage, in order."""

    starts: Sequence[int]
    """Where each begins, in characters."""
    code: Sequence[bool]
    """Whether it is fenced code."""
    fence: str
    """The line that opens the code which goes on in the next passage; or ""."""

    def at(self, place: int) -> int:
        """Which block the character at `place` stands in."""
        return max(bisect_right(self.starts, place) - 1, 0)


def blocks_of(text: str, fence: str = "") -> Blocks:
    """The blocks of `text`; `fence` is the line that opens the code which it begins in."""
    found: list[int] = [0] if fence else []
    code: list[bool] = [True] if fence else []
    at, fresh = 0, not fence
    for line in text.splitlines(keepends=True):
        mark = FENCE_LINE.match(line)
        if fence:
            if _closes(line, fence):
                fence, fresh = "", True
        elif mark:
            found.append(at)
            code.append(True)
            fence = line.rstrip()
        elif not line.strip():
            fresh = True
        elif fresh or BEGINS.match(line):
            found.append(at)
            code.append(False)
            fresh = False
        at += len(line)
    return Blocks(found, code, fence)


def whole(text: str, opened: str, left: str) -> str:
    r"""A passage as Markdown by itself: with the line that opens the code which it begins in, and
    one that closes what it leaves open; a line ends with \n, and no character more or less."""
    before = f"{opened}\n" if opened else ""
    mark = FENCE_LINE.match(left)
    lines = text.replace("\r\n", " \n").replace("\r", "\n")
    return before + lines + (f"\n{mark[0]}" if mark else "")


def _closes(line: str, fence: str) -> bool:
    mark, opened = FENCE_LINE.match(line), FENCE_LINE.match(fence)
    if not mark or not opened:
        return False
    return mark[1].startswith(opened[1]) and not line[mark.end() :].strip()
