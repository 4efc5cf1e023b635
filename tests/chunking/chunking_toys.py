"""Toy tokenizers with knowable answers, and what every list of chunks must be true of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from polyseek.chunking.ruler import Count
from polyseek.types import Chunk, Document

_WORD = re.compile(r"[^\W\u0e00-\uffff]+|\S")


def words(texts: Sequence[str]) -> list[int]:
    """Each word, and each character of a script without spaces, is a token. Sums are exact."""
    return [len(_WORD.findall(text)) for text in texts]


def subwords(texts: Sequence[str]) -> list[int]:
    """Like a real one: `<s>` and `</s>`, words in pieces of three bytes, white space for a
    piece of its own unless it is one space. Sums come out too large."""
    pieces = re.compile(r" ?[^\W_]+|\s+|[\W_]")
    return [2 + sum(-(-len(p.encode()) // 3) for p in pieces.findall(text)) for text in texts]


def seams(texts: Sequence[str]) -> list[int]:
    """Unlike any real one: what stands between two words costs three. Sums come out too small."""
    return [1 + w + 3 * max(0, w - 1) if (w := n) else 1 for n in words(texts)]


COUNTS: dict[str, Count] = {"words": words, "subwords": subwords, "seams": seams}


def check(document: Document, chunks: Sequence[Chunk], max_tokens: int, count: Count) -> None:
    """Exact ranges in order, only white space between, no chunk over the budget."""
    text = document.text
    cursor = 0
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end] != ""
        assert chunk.start >= cursor
        assert not text[cursor : chunk.start].strip()
        assert not chunk.text[-1].isspace()
        assert not chunk.text.split("\n")[0].isspace()
        assert chunk.tokens == count([chunk.embedded_text])[0] <= max_tokens
        assert chunk.line_start == text.count("\n", 0, chunk.start) + 1
        assert chunk.line_end == text.count("\n", 0, chunk.end - 1) + 1
        cursor = chunk.end
    assert not text[cursor:].strip()
