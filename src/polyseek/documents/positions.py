"""From an offset in a document's text back to the place in its file."""

from __future__ import annotations

import re
from bisect import bisect_right

from polyseek.types import Document

LINE_END = re.compile(r"\r\n|\n|\r")


class Positions:
    """Lines and offsets in the file of one document; each answer takes O(log n).

    Where the text was made from the file (HTML), an offset leads to the start of the piece it is
    in: the tag of a block, a line of code, the first word of a line of the file.
    """

    def __init__(self, document: Document) -> None:
        self._made = bool(document.offsets)
        if self._made:
            self._starts = [at for at, _, _ in document.offsets]
            self._places = [(source, line) for _, source, line in document.offsets]
        else:
            self._starts = line_starts(document.text)
        self._length = len(document.text)

    def line(self, offset: int) -> int:
        """The 1-based line of the file on which the character at `offset` stands.

        An offset past either end counts as the nearest one in the text.
        """
        piece = self._piece(offset)
        return self._places[piece][1] if self._made else piece + 1

    def source(self, offset: int) -> int:
        """The character offset in the decoded file that `offset` in the text leads back to."""
        if self._made:
            return self._places[self._piece(offset)][0]
        return min(max(offset, 0), self._length)

    def _piece(self, offset: int) -> int:
        return max(0, bisect_right(self._starts, offset) - 1)


def line_starts(text: str) -> list[int]:
    r"""The offset at which each line of `text` begins; \n, \r\n and \r end a line."""
    return [0, *(end.end() for end in LINE_END.finditer(text))]
