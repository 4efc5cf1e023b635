"""Below the sentence: words, and below them graphemes, by ICU's rules and dictionaries.

Both come in runs of about `grain` characters: a text of a million words is not a million spans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from icu4py.breakers import CharacterBreaker, WordBreaker

from polyseek.chunking.spans import Level, Span, between

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u1a20-\u1aaf"
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uaa60-\uaa7f\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Tai Tham, kana and Han: written without spaces between words."""


def words(text: str, span: Span, grain: int) -> list[Span]:
    """Runs of whole words of at least `grain` characters; cut after white space, and between
    words of the scripts that use none, but not before a punctuation mark."""
    return _runs(text, span, grain, "words", Level.WORD)


def letters(text: str, span: Span, grain: int) -> list[Span]:
    """Runs of whole graphemes of at least `grain` characters."""
    return _runs(text, span, grain, "letters", Level.LETTER)


def _runs(text: str, span: Span, grain: int, kind: str, level: Level) -> list[Span]:
    starts = _word_starts(text, span) if level == Level.WORD else _letter_starts(text, span)
    borders = []
    last = span.start
    for start in starts:
        if start - last >= max(grain, 1):
            borders.append(start)
            last = start
    return between(text, borders, span, kind if grain > 1 else kind[:-1], level)


def _word_starts(text: str, span: Span) -> Iterator[int]:
    # Positions are counted from the strings: ICU's own are in UTF-16 units.
    position = span.start
    for piece in WordBreaker(text[span.start : span.end], "en"):
        if position > span.start and not piece.isspace():
            before = text[position - 1]
            if before.isspace() or (_UNSPACED.match(piece) and _UNSPACED.match(before)):
                yield position
        position += len(piece)


def _letter_starts(text: str, span: Span) -> Iterator[int]:
    position = span.start
    for piece in CharacterBreaker(text[span.start : span.end], "en"):
        if position > span.start:
            yield position
        position += len(piece)
