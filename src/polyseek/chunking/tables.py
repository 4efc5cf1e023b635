"""Cutting a table that is too big: between rows, each piece readable as a table by itself."""

from __future__ import annotations

import re
from dataclasses import replace

from polyseek.chunking.spans import Level, Span, between, line_starts

_BORDER = re.compile(r"(?<!\\)\|(?=[^\n|]*\S)")


def rows(text: str, table: Span) -> list[Span]:
    """The header with its delimiter row, then each row with that header as its context.

    `context + "\\n" + text` of a piece that starts at a row is a Markdown table.
    """
    starts = line_starts(text, table.start, table.end)
    spans = between(text, starts[2:], table, "row", Level.ITEM)
    header = "\n".join(line.strip() for line in text[spans[0].start : spans[0].end].splitlines())
    # The first row is what the header is for.
    return [
        span if i == 0 else replace(span, context=header, sticks=i == 1)
        for i, span in enumerate(spans)
    ]


def cells(text: str, row: Span) -> list[Span]:
    """The cells of one row, each from the border before it. Only the first keeps the row's
    context: below that header the others would stand in the wrong column."""
    borders = [m.start() for m in _BORDER.finditer(text, row.start + 1, row.end)]
    return between(text, borders, row, "cell", Level.CLAUSE)
