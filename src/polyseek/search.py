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
from polyseek.store.view import View
from polyseek.types import Hit

Floats = npt.NDArray[np.float32]

DEPTH = 100
"""Candidates from each leg, at least; ten times the hits wanted if that is more."""
WORDS = 0.3
"""What a passage that covers all the question's words gains within its own language."""
NAMES = 0.15
"""What a passage in any language gains that has all the question's identifiers."""
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


def search(view: View, question: Question, k: int, policy: Policy) -> list[Hit]:
    """The `k` best passages of the view, best first."""
    if not len(view.ids):
        return []
    ranked = sorted(_score(view, question, k, policy), key=lambda s: (-s.score, s.id))
    chosen = _balance(ranked, k) if policy.kind == "balanced" else ranked[:k]
    rows = view.rows([scored.id for scored in chosen])
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
        for scored, row in zip(chosen, rows, strict=True)
    ]


def _score(view: View, question: Question, k: int, policy: Policy) -> list[Scored]:
    """Every candidate, with its parts."""
    depth = max(DEPTH, 10 * k)
    terms = words(question.text)
    plain = [term for term in terms if not term.startswith(MARK)]
    named = [term for term in terms if term.startswith(MARK)]
    only = policy.languages if policy.kind == "only" else None
    spoken = [question.language] if not only or question.language in only else []
    by_word = coverage(view.lexical, plain, depth, spoken)
    by_name = coverage(view.lexical, named, depth, only)
    dense = _dense(view, question, depth, policy)
    _complete(view, question, dense, [*by_word, *by_name])
    languages = _languages(view, dense)
    moved = _reorder(dense, by_word, [id for id in dense if languages[id] == question.language])
    return [
        Scored(id, languages[id], _parts(id, languages[id], dense, moved, by_name, policy))
        for id in dense
    ]


def _parts(
    id: int,
    language: str,
    dense: dict[int, float],
    moved: dict[int, float],
    by_name: dict[int, float],
    policy: Policy,
) -> dict[str, float]:
    parts = {"meaning": dense[id]}
    if id in moved:
        parts["words"] = moved[id] - dense[id]
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
        pools = [[language] for language in sorted(set(view.languages.tolist()))]
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
    dense: dict[int, float], by_word: dict[int, float], own: Sequence[int]
) -> dict[int, float]:
    """The passages in the question's language, ordered by meaning and words together, given the
    scores they have among them.

    Words are evidence within a language only. Were they simply added, every passage in the
    question's language would move ahead of its translations; so the best of them by both gets the
    best score that meaning gave to any of them, and so on down.
    """
    both = sorted(own, key=lambda id: (-(dense[id] + WORDS * by_word.get(id, 0.0)), id))
    scores = sorted((dense[id] for id in own), reverse=True)
    return dict(zip(both, scores, strict=True))


def _balance(ranked: Sequence[Scored], k: int) -> list[Scored]:
    """The best of each language, then the second best of each, and so on."""
    turns: dict[str, int] = {}
    order = []
    for scored in ranked:
        turn = turns[scored.language] = turns.get(scored.language, 0) + 1
        order.append((turn, -scored.score, scored.id, scored))
    return [scored for *_, scored in sorted(order)[:k]]
