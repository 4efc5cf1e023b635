"""An HTML table as a GFM table: one line a row, the first row as its header."""

from __future__ import annotations

from collections.abc import Iterator

from polyseek.documents.html_inline import one_line
from polyseek.documents.html_tree import CELLS, HEADINGS, SECTIONS, TABLE, Element, Text
from polyseek.documents.lines import Line

MAX_SPAN = 100
"""Widest cell believed; browsers stop at 1000, and a typing error must not make a huge row."""


def is_layout(table: Element) -> bool:
    """Whether a table only arranges the page: it holds what no Markdown cell can."""
    return table.attributes.get("role") == "presentation" or _holds(
        table, HEADINGS | TABLE | {"pre"}
    )


def table_lines(table: Element) -> list[Line]:
    """The lines of `table`; a cell over several rows is repeated in each of them."""
    rows = list(_grid(table))
    width = max((len(cells) for _, cells in rows), default=0)
    lines = [_row(offset, cells, width) for offset, cells in rows]
    if lines:
        lines.insert(1, Line("|" + " --- |" * width))
    return lines


def cells(table: Element) -> Iterator[Element]:
    """All cells of `table`, in order."""
    for row in _rows(table):
        yield from _cells(row)


def strays(part: Element) -> Iterator[Element | Text]:
    """What stands in `part` of a table but in no cell: its caption, and what broken HTML has."""
    for child in part.children:
        if isinstance(child, Element) and child.tag in SECTIONS | {"tr"}:
            yield from strays(child)
        elif isinstance(child, Text) or child.tag not in CELLS:
            yield child


def _grid(table: Element) -> Iterator[tuple[int, list[Line]]]:
    """Offset and cells of each row that has a word in it."""
    above: dict[int, tuple[int, Line]] = {}  # column: (rows still to fill, cell)
    for row in _rows(table):
        filled: list[Line] = []
        for cell in _cells(row):
            _fill(filled, above)
            line = one_line(cell.children, in_cell=True)
            if (rows := _span(cell, "rowspan")) > 1:
                above[len(filled)] = (rows - 1, line)
            filled += [line] + [Line("")] * (_span(cell, "colspan") - 1)
        _fill(filled, above)
        if any(cell.text for cell in filled):
            yield row.offset, filled


def _fill(filled: list[Line], above: dict[int, tuple[int, Line]]) -> None:
    """Repeat the cells that reach down into the next columns of this row."""
    while (column := len(filled)) in above:
        rows, line = above.pop(column)
        if rows > 1:
            above[column] = (rows - 1, line)
        filled.append(Line(line.text))  # no marks: its place is in a row above


def _row(offset: int, row: list[Line], width: int) -> Line:
    text, marks = "|", [(0, offset)]
    for cell in row + [Line("")] * (width - len(row)):
        marks += [(len(text) + 1 + column, at) for column, at in cell.marks]
        text += f" {cell.text} |" if cell.text else "  |"
    return Line(text, tuple(marks))


def _rows(table: Element) -> Iterator[Element]:
    for child in table.children:
        if isinstance(child, Element) and child.tag == "tr":
            yield child
        elif isinstance(child, Element) and child.tag in SECTIONS:
            yield from _rows(child)


def _cells(row: Element) -> Iterator[Element]:
    return (c for c in row.children if isinstance(c, Element) and c.tag in CELLS)


def _span(cell: Element, name: str) -> int:
    value = cell.attributes.get(name, "").strip()
    return min(max(int(value), 1), MAX_SPAN) if value.isascii() and value.isdigit() else 1


def _holds(element: Element, tags: frozenset[str]) -> bool:
    return any(
        child.tag in tags or _holds(child, tags)
        for child in element.children
        if isinstance(child, Element)
    )
