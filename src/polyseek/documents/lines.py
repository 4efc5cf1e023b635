"""Lines of text that remember where in a file they came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and its marks: (column, offset in the file), ascending by column."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()

    def after(self, prefix: str) -> Line:
        """This line behind `prefix`; the prefix belongs to the first mark's place."""
        if not self.text:
            return replace(self, text=prefix.rstrip())
        shifted = tuple((column + len(prefix) if column else 0, at) for column, at in self.marks)
        return Line(prefix + self.text, shifted)

    def under(self, prefix: str, offset: int) -> Line:
        """This line behind `prefix`, which comes from `offset`."""
        shifted = tuple((column + len(prefix), at) for column, at in self.marks)
        return Line(prefix + self.text, ((0, offset), *shifted))

    def at(self, offset: int) -> Line:
        """This line with its beginning marked as coming from `offset`."""
        return replace(self, marks=((0, offset), *(mark for mark in self.marks if mark[0])))


def join(blocks: Iterable[list[Line]]) -> tuple[str, list[tuple[int, int]]]:
    """Blocks, an empty line between two, as one text with marks (offset in it, in the file)."""
    parts: list[str] = []
    marks: list[tuple[int, int]] = []
    length = 0
    for block in blocks:
        if parts:
            parts.append("\n")
            length += 1
        for line in block:
            marks.extend((length + column, at) for column, at in line.marks)
            parts.append(line.text + "\n")
            length += len(line.text) + 1
    return "".join(parts), marks
