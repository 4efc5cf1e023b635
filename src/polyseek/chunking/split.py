"""Span → its children: one level down, whatever its kind.

blocks > items > sentences > clauses > words > letters
code > code blocks > lines > words > letters
table > rows > cells > sentences > clauses > words > letters
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from polyseek.chunking import code, tables, words
from polyseek.chunking.sentences import clauses, sentences
from polyseek.chunking.spans import Span

Rule = Callable[[str, Span], list[Span]]


def split(text: str, span: Span, grain: int) -> list[Span]:
    """The children of `span`, at least two of them, or `[]` of a single letter.

    Words and letters come in runs of about `grain` characters; a run is split without runs.
    The first child starts at its parent's border and so inherits what is known of that.
    """
    rules: dict[str, Rule] = {
        "code": code.blocks,
        "code block": code.lines,
        "html": code.lines,
        "table": tables.rows,
        "row": tables.cells,
        "sentence": clauses,
        "clause": partial(words.words, grain=grain),
        "line": partial(words.words, grain=grain),
        "words": partial(words.words, grain=1),
        "word": partial(words.letters, grain=grain),
        "letters": partial(words.letters, grain=1),
    }
    children = [span]
    while len(children) == 1:
        kind = children[0].kind
        if kind == "letter":
            return []
        children = list(children[0].children) or rules.get(kind, sentences)(text, children[0])
    first = replace(children[0], level=span.level, context=span.context, sticks=span.sticks)
    return [first, *children[1:]]
