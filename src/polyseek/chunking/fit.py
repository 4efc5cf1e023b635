"""Pieces that fit: too big ones are split, and what was planned is checked by counting.

A worklist and not a recursion: each round takes one level of the whole document, so the
tokenizer gets few large batches, and nesting costs no stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from polyseek.chunking.pack import Head, Piece, pack, total
from polyseek.chunking.ruler import Ruler
from polyseek.chunking.spans import Span
from polyseek.chunking.split import split
from polyseek.errors import BadInput
from polyseek.types import Chunk

_RUN = 16
"""Words and letters come in runs of this part of the room: fine enough to fill a chunk well."""
_CONTEXT = 3
"""A table's header takes at most this part of the room; a bigger one is not repeated."""


def fit(text: str, pieces: list[Piece], ruler: Ruler) -> list[Piece]:
    """`pieces`, with those too big for a chunk of their own replaced by smaller ones that fit."""
    while True:
        pieces = _measured(text, pieces, ruler)
        big = [piece for piece in pieces if total([piece]) > ruler.room]
        if not big:
            return pieces
        parts = iter(_parts(text, big, ruler))
        pieces = [
            part
            for piece in pieces
            for part in (next(parts) if total([piece]) > ruler.room else [piece])
        ]


def settle(text: str, pieces: Sequence[Piece], ruler: Ruler) -> list[Chunk]:
    """The chunks that `pieces` make, each counted as it will be embedded.

    The few that turn out longer than the sum of their pieces are cut again.
    """
    runs = (list(run) for _, run in groupby(pieces, key=lambda piece: id(piece.head)))
    todo = [chunk for run in runs for chunk in pack(run, ruler.room)]
    done: list[Chunk] = []
    while todo:
        drafts = [_draft(text, planned) for planned in todo]
        counts = ruler.tokens(draft.embedded_text for draft in drafts)
        again: list[list[Piece]] = []
        for planned, draft, tokens in zip(todo, drafts, counts, strict=True):
            if tokens <= ruler.max_tokens:
                done.append(replace(draft, tokens=tokens))
            else:
                again += _smaller(text, planned, tokens, ruler)
        todo = again
    return sorted(done, key=lambda chunk: chunk.start)


def _measured(text: str, pieces: Sequence[Piece], ruler: Ruler) -> list[Piece]:
    """`pieces`, where those that only seem too big by addition are known to fit."""
    doubtful = [p for p in pieces if ruler.room < total([p]) <= 2 * ruler.room]
    counts = iter(ruler.tokens(_draft(text, [piece]).embedded_text for piece in doubtful))
    measured = []
    for piece in pieces:
        excess = total([piece]) - ruler.room
        if 0 < excess <= ruler.room and next(counts) <= ruler.max_tokens:
            piece = replace(piece, cost=piece.cost - excess)
        measured.append(piece)
    return measured


def _parts(text: str, big: Sequence[Piece], ruler: Ruler) -> Iterator[list[Piece]]:
    """What each of `big` is replaced by."""
    children = [split(text, piece.span, _grain(piece, ruler)) for piece in big]
    for i, piece in enumerate(big):
        children[i] = children[i] or [_bare(text, piece, ruler)]
    costs = iter(ruler.span_costs(text, [child for family in children for child in family]))
    ruler.learn(child.context for family in children for child in family)
    for piece, family in zip(big, children, strict=True):
        whole = len(family) > 1
        yield [
            _piece(child, piece.head if whole else Head(), next(costs), ruler) for child in family
        ]


def _piece(span: Span, head: Head, cost: int, ruler: Ruler) -> Piece:
    context_cost = ruler.cost(span.context)
    if context_cost * _CONTEXT > ruler.room:
        return Piece(replace(span, context=""), head, cost)
    return Piece(span, head, cost, context_cost)


def _grain(piece: Piece, ruler: Ruler) -> int:
    """Characters that a run of words may have, by the tokens a character of `piece` takes."""
    length = piece.span.end - piece.span.start
    return max(1, length * (ruler.room // _RUN) // max(1, piece.cost))


def _bare(text: str, piece: Piece, ruler: Ruler) -> Span:
    """A single letter that does not fit: without headings and context it may."""
    if not piece.head.path and not piece.span.context:
        letter = text[piece.span.start : piece.span.end]
        raise BadInput(
            f"the character {letter[:40]!r} at offset {piece.span.start} alone has more than "
            f"max_tokens={ruler.max_tokens} tokens; give a larger max_tokens"
        )
    return replace(piece.span, context="")


def _smaller(text: str, planned: list[Piece], tokens: int, ruler: Ruler) -> list[list[Piece]]:
    """Smaller chunks instead of one that has too many tokens."""
    if len(planned) == 1:
        parts = next(_parts(text, planned, ruler))
        return pack(fit(text, parts, ruler), ruler.room)
    room = min(total(planned) - 1, ruler.room * ruler.max_tokens // tokens)
    chunks = pack(planned, max(1, room))
    half = len(planned) // 2
    return chunks if len(chunks) > 1 else [planned[:half], planned[half:]]


def _draft(text: str, pieces: Sequence[Piece]) -> Chunk:
    """The chunk that `pieces` make, without its count and its lines."""
    first, start, end = pieces[0], pieces[0].span.start, pieces[-1].span.end
    return Chunk(start, end, text[start:end], 0, 0, first.head.path, first.span.context)
