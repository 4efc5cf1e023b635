"""Markdown text → a forest of block spans, from the line maps of markdown-it-py.

Only its block rules run: offsets are needed, not HTML, and inline parsing is most of the time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from polyseek.chunking.spans import Level, Span, line_starts, tight

_PARSER = MarkdownIt("commonmark").enable("table")
_PARSER.core.ruler.enableOnly(["normalize", "block"])

_KINDS = {
    "heading": "heading",
    "paragraph": "paragraph",
    "fence": "code",
    "code_block": "code",
    "html_block": "html",
    "hr": "hr",
    "table": "table",
    "bullet_list": "list",
    "ordered_list": "list",
    "list_item": "item",
    "blockquote": "quote",
}
_HOLDS_BLOCKS = {"list", "item", "quote"}
_INDENTED = {"code", "list", "item"}

_FRONT_MATTER = re.compile(r"\ufeff?(---|\+\+\+)[ \t]*\r?\n(?=\w)(?:.*\n)*?\1[ \t]*(?:\r?\n|$)")
_INTRODUCES = re.compile(r"[:：][*_`)）\]]*$")
_OPENS = re.compile(r"<[a-zA-Z][^<>]*>$|(?:///|:::|!!!|\?\?\?) *\w.*$")
_CLOSES = re.compile(r"</[a-zA-Z][^<>]*>$|(?:///|:::)$")


@dataclass(frozen=True, slots=True)
class Heading:
    """A top-level heading: where it starts, its level from 1 to 6, and its title as written."""

    start: int
    level: int
    title: str


@dataclass(slots=True)
class _Open:
    """A block that is being read: its children are not all there yet."""

    kind: str
    start: int
    end: int
    children: list[Span] = field(default_factory=list)


def parse(text: str) -> tuple[list[Span], list[Heading]]:
    """The top-level blocks of `text`, which cover all of it but white space, and its headings."""
    matter = _FRONT_MATTER.match(text)
    body = matter.end() if matter else 0
    lines = [*line_starts(text, 0, len(text)), len(text)]
    # Blank lines instead of the front matter: the parser's line numbers stay the file's.
    blank = "\n" * len(line_starts(text, 0, body)) if matter else ""
    tokens = _PARSER.parse(blank + text[body:])
    root = _Open("root", 0, len(text))
    if matter:
        root.children.append(Span(*tight(text, 0, body), "html", Level.BLOCK))
    _read(text, tokens, lines, root)
    return list(_settled(text, root, Level.BLOCK)), _headings(tokens, lines)


def _read(text: str, tokens: Sequence[Token], lines: Sequence[int], root: _Open) -> None:
    """Hang the blocks of `tokens` below `root`. A stack instead of recursion: quotes may nest."""
    stack = [root]
    for token in tokens:
        kind = _KINDS.get(token.type.removesuffix("_open").removesuffix("_close"), "")
        if token.nesting == -1 and kind in _HOLDS_BLOCKS:
            block = stack.pop()
            stack[-1].children.append(_span(text, block, stack))
        elif kind and token.map is not None:
            first, last = (lines[min(line, len(lines) - 1)] for line in token.map)
            block = _Open(kind, first, last)
            if kind in _HOLDS_BLOCKS:
                stack.append(block)
            else:
                stack[-1].children.append(_span(text, block, stack))


def _span(text: str, block: _Open, above: Sequence[_Open]) -> Span:
    """The finished span of `block`, whose ancestors are `above`."""
    level = Level.BLOCK
    if len(above) > 1:
        level = Level.ITEM if block.kind == "item" and len(above) == 2 else Level.PART
    start, end = tight(text, block.start, block.end, indented=block.kind in _INDENTED)
    return Span(start, end, block.kind, level, _settled(text, block, Level.PART))


def _settled(text: str, parent: _Open, level: Level) -> tuple[Span, ...]:
    """The children of `parent` in order, without overlap, and with what no child covers (link
    definitions, for one, are no blocks to the parser) as paragraphs of their own."""
    if parent.kind not in _HOLDS_BLOCKS and parent.kind != "root":
        return ()
    settled: list[Span] = []
    cursor = parent.start
    for child in (*parent.children, Span(parent.end, parent.end, "end", level)):
        first, last = tight(text, cursor, max(cursor, child.start))
        if last > first and not text[first:last].isspace():
            settled.append(Span(first, last, "paragraph", level))
        if child.end > max(cursor, child.start):
            settled.append(replace(child, start=max(cursor, child.start)))
            cursor = child.end
    for i in range(1, len(settled)):
        if _together(text, settled[i - 1], settled[i]):
            settled[i] = replace(settled[i], sticks=True)
    return tuple(settled)


def _together(text: str, before: Span, after: Span) -> bool:
    """Whether a cut between two neighbours would part what is one to a reader."""
    if before.kind == "heading":
        return True
    if before.kind == "paragraph" and _INTRODUCES.search(text, before.end - 8, before.end):
        return True
    opened = before.kind in ("paragraph", "html") and _OPENS.match(text, before.start, before.end)
    closes = after.kind in ("paragraph", "html") and _CLOSES.match(text, after.start, after.end)
    return bool(opened or closes)


def _headings(tokens: Sequence[Token], lines: Sequence[int]) -> list[Heading]:
    """Headings within lists and quotes are not the document's."""
    return [
        Heading(lines[token.map[0]], int(token.tag[1]), tokens[i + 1].content)
        for i, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map is not None
    ]
