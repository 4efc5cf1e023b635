"""The sentences of a passage: what in it can answer a question by itself.

Paragraphs and list items give sentences, tables give rows. Code has none, and headings are in the
heading path already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from polyseek.chunking import tables
from polyseek.chunking.markdown import parse
from polyseek.chunking.sentences import sentences
from polyseek.chunking.spans import Span

_SILENT = {"code", "heading", "html", "hr"}
_SHORTEST = 8
"""Letters and digits; what has fewer ("Yes.", "1.") says nothing alone and joins its neighbour."""

Border = tuple[int, int]


def passage_sentences(text: str) -> list[Border]:
    """Start and end of each sentence of a passage, in characters of `text`, in order.

    They do not overlap; what lies between them is no sentence. Plain text is read as Markdown
    too, so that the same passage has the same sentences wherever it is from.
    """
    found: list[Border] = []
    for block in _leaves(parse(text)[0]):
        found += _joined(text, [(span.start, span.end) for span in _said(text, block)])
    return found


def _leaves(blocks: list[Span]) -> Iterator[Span]:
    for block in blocks:
        if block.children:
            yield from _leaves(list(block.children))
        elif block.kind not in _SILENT:
            yield block


def _said(text: str, block: Span) -> list[Span]:
    if block.kind == "table":
        # The header stands with the first row; the others are read below it.
        header, *rows = tables.rows(text, block)
        return [replace(header, end=rows[0].end), *rows[1:]] if rows else [header]
    return sentences(text, replace(block, kind="paragraph"))


def _joined(text: str, borders: list[Border]) -> list[Border]:
    """Sentences of one block, the shortest ones joined to the one before, or else after."""
    joined: list[Border] = []
    for start, end in borders:
        if joined and (_short(text, joined[-1]) or _short(text, (start, end))):
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined if joined and not _short(text, joined[0]) else []


def _short(text: str, border: Border) -> bool:
    return sum(char.isalnum() for char in text[slice(*border)]) < _SHORTEST
