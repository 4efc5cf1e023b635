"""Document → chunks: passages that are whole to a reader and never too long for the model."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

from polyseek.chunking.fit import fit, settle
from polyseek.chunking.heads import under_heads
from polyseek.chunking.ruler import Count, Ruler
from polyseek.chunking.structure import sections
from polyseek.types import Chunk, Document

Line = Callable[[int], int]


def chunk(
    document: Document, max_tokens: int, count: Count, line: Line | None = None
) -> list[Chunk]:
    """`document` as chunks of at most `max_tokens` tokens, headings and context included.

    `count` maps texts to their numbers of tokens, in batches; `line` maps an offset in the text
    to its 1-based line in the file (by default, in the text). A chunk is `text[start:end]` of one
    section; chunks are in order, do not overlap and leave out nothing but white space. A code
    block, table, list or paragraph that fits in a chunk is never cut.
    """
    ruler = Ruler(count, max_tokens)
    line = line or _line_of(document.text)
    pieces = fit(document.text, under_heads(document.text, sections(document), ruler), ruler)
    return [
        replace(chunk, line_start=line(chunk.start), line_end=line(chunk.end - 1))
        for chunk in settle(document.text, pieces, ruler)
    ]


def _line_of(text: str) -> Line:
    newlines = [match.start() for match in re.finditer("\n", text)]
    return lambda offset: bisect_left(newlines, offset) + 1
