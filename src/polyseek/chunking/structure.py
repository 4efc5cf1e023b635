"""A document → its sections, each with its heading path and its blocks.

A section is a heading and what stands below it up to the next heading of any level. Its path
leads from the document's title down to its own heading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from polyseek.chunking.markdown import Heading, parse
from polyseek.chunking.spans import Level, Span, between
from polyseek.types import Document

_BLANK_LINE = re.compile(r"(?:\r\n?|\n)[^\S\r\n]*(?:\r\n?|\n)\s*")
_ATTRIBUTES = re.compile(r"\s*\{[^{}]*\}\s*$")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_MARKS = re.compile(
    r"""(`+)(?P<code>.+?)\1            # a code span: what is in it stays as it is
      | \\(?P<escaped>[!-/:-@\[-`{-~])
      | </?[a-zA-Z][^<>]*>
      | \*+(?=\S) | (?<=\S)\*+        # but not the star of 2 * 3
      | (?<!\w)_+(?=\w) | (?<=\w)_+(?!\w)""",
    re.VERBOSE,
)

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the blocks below it; the heading is the first of the blocks."""

    path: Path
    blocks: tuple[Span, ...]


def sections(document: Document) -> list[Section]:
    """The sections of `document`, in order; every character but white space is in a block."""
    text = document.text
    if document.format != "markdown":
        whole = Span(0, len(text), "text", Level.BLOCK)
        borders = (m.end() for m in _BLANK_LINE.finditer(text))
        return _gather(
            between(text, borders, whole, "paragraph", Level.BLOCK), _paths([], document.title)
        )
    blocks, headings = parse(text)
    return _gather(blocks, _paths(headings, document.title))


def title_text(title: str) -> str:
    """A heading's words: no `{ #anchor }`, link targets, tags or marks of emphasis."""
    words = _LINK.sub(r"\1", _ATTRIBUTES.sub("", title))
    return " ".join(_MARKS.sub(lambda m: m["code"] or m["escaped"] or "", words).split())


def _paths(headings: Sequence[Heading], title: str) -> dict[int, Path]:
    """Path by the offset of a section's start; 0 is there for what precedes all headings.

    The document's title stands in for the level-1 heading where the text has none.
    """
    top: Path = (title_text(title),) if title and all(h.level > 1 for h in headings) else ()
    paths: dict[int, Path] = {0: top}
    stack: list[tuple[int, str]] = []
    for heading in headings:
        while stack and stack[-1][0] >= heading.level:
            stack.pop()
        stack.append((heading.level, title_text(heading.title)))
        paths[heading.start] = top + tuple(words for _, words in stack if words)
    return paths


def _gather(blocks: Sequence[Span], paths: dict[int, Path]) -> list[Section]:
    """Blocks → sections. A heading with nothing below it but a deeper heading is part of that
    one's section: alone it would be a passage that says nothing."""
    found: list[Section] = []
    path, gathered = paths[0], list[Span]()
    for block in blocks:
        if block.kind == "heading" and block.start in paths:
            new = paths[block.start]
            bare = all(b.kind == "heading" for b in gathered)
            if gathered and not (bare and new[: len(path)] == path):
                found.append(Section(path, tuple(gathered)))
                gathered = []
            path = new
        gathered.append(block)
    return [*found, Section(path, tuple(gathered))] if gathered else found
