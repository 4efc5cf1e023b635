"""A question to the passages that answer it, whatever their language.

gather   candidates: the nearest in neutral space, and those that share words or identifiers
score    each candidate's parts, which add up to its score
arrange  by the policy
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polyseek.languages.words import MARK, words
from polyseek.lexical import coverage
from polyseek.policy import Policy
from polyseek.store.rows import Row
from polyseek.store.view import View
from polyseek.types import Hit

Floats = npt.NDArray[np.float32]

DEPTH = 100
"""Candidates from each leg, at least; ten times the hits wanted if that is more."""
WORDS = 0.4
"""Weight of words beside meaning where passages of one language are put in order."""
NAMES = 0.15
"""What a passage in any language gains that has all the question's rare identifiers."""
RARE = 0.01
"""An identifier is rare if at most this share of the passages has it."""
NEIGHBOURS = 2
"""Passages of one section that are at most so many apart are shown once, by the best of them."""
PREFERRED = 0.1
"""What `prefer` adds: language versions of one passage lie closer together than that."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, ready to search with."""

    text: str
    language: str
    vector: Floats
    """(D,) float32, centred by its language."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with the parts of its score."""

    id: int
    language: str
    parts: dict[str, float]

    @property
    def score(self) -> float:
        return sum(self.parts.values())


def search(
    view: View, question: Question, k: int, policy: Policy, every_passage: bool = False
) -> list[Hit]:
    """The `k` best passages of the view, best first.

    Of neighbours in one section only the best is shown, unless `every_passage` is wanted.
    """
    found = ranked(view, question, k, policy)
    order = _balance(found) if policy.kind == "balanced" else found
    return [
        Hit(
            path=row.path,
            title=row.title,
            text=row.chunk.text,
            score=scored.score,
            language=row.chunk.language,
            line_start=row.chunk.line_start,
            line_end=row.chunk.line_end,
            start=row.chunk.start,
            end=row.chunk.end,
            headings=row.chunk.headings,
            context=row.chunk.context,
            parts=scored.parts,
        )
        for scored, row in _shown(view, order, k, every_passage)
    ]


def _shown(
    view: View, order: Sequence[Scored], k: int, every_passage: bool
) -> list[tuple[Scored, Row]]:
    """The first `k` of `order` with their rows, neighbours in a section left out.

    A section of a few passages would fill the first hits with itself, and the same section in
    another language would not be among them. Ids of a document's passages follow each other.
    """
    shown: list[tuple[Scored, Row]] = []
    for scored in order:
        if len(shown) == k:
            break
        row = view.rows([scored.id])[0]
        near = [
            other
            for _, other in shown
            if abs(other.id - row.id) <= NEIGHBOURS
            and (other.path, other.chunk.headings) == (row.path, row.chunk.headings)
        ]
        if every_passage or not near or not row.chunk.headings:
            shown.append((scored, row))
    return shown


def ranked(view: View, question: Question, k: int, policy: Policy) -> list[Scored]:
    """Every candidate for `k` hits with the parts of its score, highest score first."""
    if not len(view.ids):
        return []
    depth = min(max(DEPTH, 10 * k), len(view.ids))  # tantivy allocates what it is asked for
    pool = list(policy.languages) if policy.kind == "only" else view.present()
    terms = words(question.text)
    by_word: dict[int, float] = {}
    for language in pool:
        by_word |= coverage(view.lexical, terms, depth, [language])
    by_name = coverage(view.lexical, _rare(view, terms), depth, pool)
    dense = _dense(view, question, depth, policy)
    _complete(view, question, dense, [*by_word, *by_name])
    languages = _languages(view, dense)
    moved: dict[int, float] = {}
    for language in pool:
        moved |= _reorder(dense, by_word, [id for id in dense if languages[id] == language])
    scored = [
        Scored(id, languages[id], _parts(id, languages[id], dense, moved, by_name, policy))
        for id in dense
    ]
    return sorted(scored, key=lambda each: (-each.score, each.id))


def _rare(view: View, terms: Sequence[str]) -> list[str]:
    """The identifiers that few passages have: error codes rather than a product's name."""
    most = max(RARE * len(view.ids), len(view.present()))
    named = [term for term in terms if term.startswith(MARK)]
    return [term for term in named if view.lexical.document_frequency(term) <= most]


def _parts(
    id: int,
    language: str,
    dense: dict[int, float],
    moved: dict[int, float],
    by_name: dict[int, float],
    policy: Policy,
) -> dict[str, float]:
    parts = {"meaning": dense[id], "words": moved[id] - dense[id]}
    if id in by_name:
        parts["identifiers"] = NAMES * by_name[id]
    if policy.kind == "prefer" and language in policy.languages:
        parts["preferred"] = PREFERRED
    return parts


def _dense(view: View, question: Question, depth: int, policy: Policy) -> dict[int, float]:
    """Candidates by meaning: id -> cosine in neutral space."""
    pools: list[Sequence[str] | None] = [None]
    if policy.kind == "only":
        pools = [policy.languages]
    elif policy.kind == "prefer":
        pools = [None, policy.languages]
    elif policy.kind == "balanced":
        pools = [[language] for language in view.present()]
    found: dict[int, float] = {}
    for pool in pools:
        allowed = None if pool is None else view.allowed(pool)
        ids, scores = view.index.search(question.vector[None], depth, allowed)
        found.update((int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0)
    return found


def _complete(view: View, question: Question, dense: dict[int, float], more: Sequence[int]) -> None:
    """Give the candidates that words found their cosine too."""
    missing = np.array(sorted({id for id in more if id not in dense}), np.int64)
    if len(missing):
        scores = view.prepared(missing) @ question.vector  # (n,)
        dense.update(zip(missing.tolist(), scores.tolist(), strict=True))


def _languages(view: View, ids: dict[int, float]) -> dict[int, str]:
    at = np.searchsorted(view.ids, list(ids))
    return dict(zip(ids, view.languages[at].tolist(), strict=True))


def _reorder(
    dense: dict[int, float], by_word: dict[int, float], alike: Sequence[int]
) -> dict[int, float]:
    """Passages of one language, put in order by meaning and words together, with the scores that
    meaning gave to them: the first by both gets the highest of those scores, and so on down.

    Words are evidence within a language. Were they simply added, every passage in the question's
    language would move ahead of its translations (docs/decisions/0005-lexical.md).
    """
    both = sorted(alike, key=lambda id: (-(dense[id] + WORDS * by_word.get(id, 0.0)), id))
    scores = sorted((dense[id] for id in alike), reverse=True)
    return dict(zip(both, scores, strict=True))


def _balance(ranked: Sequence[Scored]) -> list[Scored]:
    """The best of each language, then the second best of each, and so on."""
    turns: dict[str, int] = {}
    order = []
    for scored in ranked:
        turn = turns[scored.language] = turns.get(scored.language, 0) + 1
        order.append((turn, -scored.score, scored.id, scored))
    return [scored for *_, scored in sorted(order)]
