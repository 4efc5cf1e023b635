"""Cutting code that is too big: between its top-level blocks, then between its lines."""

from __future__ import annotations

import re
from dataclasses import replace

from polyseek.chunking.spans import Level, Span, between, line_starts

_INDENTATION = re.compile(r"[^\S\r\n]*")
_BLANK_LINES = r"(?:\r\n?|\n)(?:[^\S\r\n]*(?:\r\n?|\n))+"
_WORD = re.compile(r"\w")


def blocks(text: str, code: Span) -> list[Span]:
    """Top-level blocks of code: one starts after a blank line, at a line that is indented no
    deeper than the first.

    That is a function, a class or a paragraph of a script in most languages. Spans are exact:
    indentation is never lost.
    """
    depth = _indentation(text, code)
    top_level = re.compile(rf"{_BLANK_LINES}(?=[^\S\r\n]{{0,{depth}}}\S)")
    borders = (m.end() for m in top_level.finditer(text, code.start, code.end))
    spans = between(text, borders, code, "code block", Level.ITEM, indented=True)
    return _closed(text, spans)


def lines(text: str, block: Span) -> list[Span]:
    """The lines of a block, each with its indentation."""
    borders = line_starts(text, block.start, block.end)[1:]
    spans = between(text, borders, block, "line", Level.LINE, indented=True)
    return _closed(text, spans)


def _indentation(text: str, code: Span) -> int:
    """Characters that the first line is indented by; few, or `re` would not take them."""
    first = _INDENTATION.match(text, code.start, code.end)
    return min(len(first[0]), 99) if first else 0


def _closed(text: str, spans: list[Span]) -> list[Span]:
    """What has no word, such as a closing bracket or fence, stays with what it closes."""
    return [
        replace(span, sticks=i > 0 and not _WORD.search(text, span.start, span.end))
        for i, span in enumerate(spans)
    ]
