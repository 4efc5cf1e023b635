"""HTML elements to blocks of Markdown lines: headings, paragraphs, lists, code, tables, quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from polyseek.documents.html_inline import DROPPED, inline, one_line
from polyseek.documents.html_table import cells, is_layout, strays, table_lines
from polyseek.documents.html_tree import BLOCKS, HEADINGS, LISTS, Element, Text
from polyseek.documents.lines import Line

MARKUP = re.compile(r"#{1,6}(?:\s|$)|[-+*](?:\s|$)|>|\||```|~~~|={2,}\s*$|-{2,}\s*$|<[A-Za-z/!?]")
NUMBERED = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
ITEM = re.compile(r"- |\d+\. ")
LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight)-([\w+#.-]+)")

Block = list[Line]


def blocks(parent: Element, dropped: frozenset[str] = DROPPED, language: str = "") -> list[Block]:
    """The blocks of what is in `parent`, in order, without elements of `dropped`.

    `language` is the programming language that an element around states for the code within.
    """
    found: list[Block] = []
    running: list[Element | Text] = []
    for child in [*parent.children, None]:
        if child is not None and (isinstance(child, Text) or not _has_block(child)):
            running.append(child)
            continue
        if paragraph := [_escaped(line) for line in inline(running)]:
            found.append(paragraph)
        running = []
        if child is not None and child.tag not in dropped:
            found += _block(child, dropped, _language(child) or language)
    return found


def _block(element: Element, dropped: frozenset[str], language: str) -> list[Block]:
    """The blocks that one element becomes."""
    if element.tag in HEADINGS:
        line = one_line(element.children)
        return [[line.under("#" * int(element.tag[1]) + " ", element.offset)]] * bool(line.text)
    if element.tag == "pre":
        return _code(element, language)
    if element.tag == "hr":
        return [[Line("---", ((0, element.offset),))]]
    if element.tag in LISTS:
        return _list(element, dropped, language)
    if element.tag == "table":
        return _table(element, dropped, language)
    inner = blocks(element, dropped, language)
    if element.tag == "blockquote" and inner:
        inner = [[line.after("> ") for line in _spaced(inner)]]
    if element.tag == "p" and inner:
        inner[0][0] = inner[0][0].at(element.offset)
    return inner


def _has_block(element: Element) -> bool:
    return element.tag in BLOCKS or any(
        _has_block(child) for child in element.children if isinstance(child, Element)
    )


def _escaped(line: Line) -> Line:
    """A line of a paragraph, with a backslash if it would begin something else in Markdown."""
    if MARKUP.match(line.text):
        return line.after("\\")
    if numbered := NUMBERED.match(line.text):
        at = numbered.end(1)
        marks = tuple((column + (column >= at), offset) for column, offset in line.marks)
        return Line(f"{line.text[:at]}\\{line.text[at:]}", marks)
    return line


def _spaced(inner: list[Block]) -> list[Line]:
    """Blocks as lines, an empty one between two; a list stays close to the text it belongs to."""
    lines: list[Line] = []
    for block in inner:
        if lines and not ITEM.match(block[0].text):
            lines.append(Line(""))
        lines += block
    return lines


def _list(element: Element, dropped: frozenset[str], language: str) -> list[Block]:
    """A list as one block; what an item holds is indented below its bullet or number."""
    start = element.attributes.get("start", "")
    number = int(start) if re.fullmatch(r"[0-9]{1,9}", start) else 1
    lines: list[Line] = []
    prefix = ""
    for child in element.children:
        item = Element("li", child.offset, {}, [child])
        if isinstance(child, Element) and child.tag == "li":
            item = child
        within = _spaced(blocks(item, dropped, language))
        if not within:
            continue
        if isinstance(child, Element) and child.tag in LISTS and lines:
            # Not allowed but common: a list beside the item it belongs in.
            lines += [line.after(" " * len(prefix)) if line.text else line for line in within]
            continue
        prefix = f"{number}. " if element.tag == "ol" else "- "
        lines.append(within[0].under(prefix, child.offset))
        lines += [line.after(" " * len(prefix)) if line.text else line for line in within[1:]]
        number += 1
    return [lines] * bool(lines)


def _table(element: Element, dropped: frozenset[str], language: str) -> list[Block]:
    found = blocks(Element("", element.offset, {}, list(strays(element))), dropped, language)
    if is_layout(element):
        for cell in cells(element):
            found += blocks(cell, dropped, language)
        return found
    lines = table_lines(element)
    return [*found, lines] if lines else found


def _code(element: Element, language: str) -> list[Block]:
    """A <pre> as a fenced block, its text byte for byte apart from entities."""
    lines: list[Line] = []
    text, offset = "", None
    for piece, at in _pieces(element):
        offset = at if offset is None else offset
        text += piece
        if piece.endswith("\n"):
            lines.append(Line(text[:-1], ((0, offset),)))
            text, offset = "", None
    if text and offset is not None:
        lines.append(Line(text, ((0, offset),)))
    if lines and lines[0].text in ("", "\r"):  # HTML ignores a line end right after <pre>
        del lines[0]
    if not any(line.text.strip() for line in lines):
        return []
    ticks = re.findall("`{3,}", "\n".join(line.text for line in lines))
    fence = "`" * (max(map(len, ticks), default=2) + 1)
    return [[Line(fence + language, ((0, element.offset),)), *lines, Line(fence)]]


def _pieces(element: Element) -> Iterator[tuple[str, int]]:
    """The text in a <pre> with its offset, a piece for each line."""
    for child in element.children:
        if isinstance(child, Text):
            at = child.offset
            for raw in child.raw.split("\n"):
                ended = at + len(raw) < child.offset + len(child.raw)
                yield unescape(raw) + "\n" * ended, at
                at += len(raw) + 1
        elif child.tag == "br":
            yield "\n", child.offset
        elif child.tag not in DROPPED and child.tag != "button":  # "Copy" is not code
            yield from _pieces(child)


def _language(element: Element) -> str:
    """The programming language stated by `element` or, for a <pre>, by what it holds."""
    stated = LANGUAGE.search(element.attributes.get("class", ""))
    if stated:
        return "" if stated[1] in ("default", "none") else stated[1]
    inner = element.children if element.tag == "pre" else []
    found = (_language(child) for child in inner if isinstance(child, Element))
    return next(filter(None, found), "")
