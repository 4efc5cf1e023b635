"""Which passages come into question: the nearest in neutral space, those that share words or
identifiers, and the versions of the best of them in other languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polyseek.languages.words import MARK, words
from polyseek.lexical import coverage
from polyseek.policy import Policy
from polyseek.store.view import View

Floats = npt.NDArray[np.float32]

DEPTH = 100
"""Candidates from each leg, at least; ten times the hits wanted if that is more."""
SHORTLIST = 12
"""Candidates that are looked at closely in each language, at least; twice the hits wanted if
that is more."""
WORDS = 0.3
"""Weight of words beside the rest where passages are put in order by both."""
RARE = 0.01
"""An identifier is rare if at most this share of the passages has it."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, ready to search with."""

    text: str
    language: str
    vector: Floats
    """(D,) float32, centred by its language."""
    title: bool = False
    """Whether it is a heading or a few keywords rather than a whole question."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages by id, and what speaks for each."""

    languages: dict[int, str]
    meaning: dict[int, float]
    """Cosine in neutral space; every candidate has one."""
    words: dict[int, float]
    """Share of the question's words, by their weight."""
    names: dict[int, float]
    """Share of the question's rare identifiers."""
    links: dict[int, list[int]]
    """The versions of each in other languages; all of them are candidates."""


def gather(
    view: View, question: Question, k: int, policy: Policy, *, grouped: bool = True
) -> Candidates:
    """The candidates for `k` hits; with their versions if they are to be grouped."""
    depth = min(max(DEPTH, 10 * k), len(view.ids))  # tantivy allocates what it is asked for
    present, terms = view.present(), words(question.text)
    by_word: dict[int, float] = {}
    for language in present:
        by_word |= coverage(view.lexical, terms, depth, [language])
    by_name = coverage(view.lexical, _rare(view, terms), depth, present)
    meaning = _nearest(view, question, depth, policy)
    _complete(view, question, meaning, [*by_word, *by_name])
    chosen = _shortlist(view, meaning, by_word, by_name, max(SHORTLIST, 2 * k))
    links = view.links(chosen) if grouped else {}
    known = set(chosen)
    more = list(dict.fromkeys(x for near in links.values() for x in near if x not in known))
    links |= view.links(more) if more else {}
    chosen += more
    _complete(view, question, meaning, chosen)
    languages = _languages(view, chosen)
    return Candidates(
        languages,
        {id: meaning[id] for id in chosen},
        {id: by_word[id] for id in chosen if id in by_word},
        {id: by_name[id] for id in chosen if id in by_name},
        {id: [x for x in links.get(id, []) if x in languages] for id in chosen},
    )


def _rare(view: View, terms: Sequence[str]) -> list[str]:
    """The identifiers that few passages have: error codes rather than a product's name."""
    most = max(RARE * len(view.ids), len(view.present()))
    named = [term for term in terms if term.startswith(MARK)]
    return [term for term in named if view.lexical.document_frequency(term) <= most]


def _nearest(view: View, question: Question, depth: int, policy: Policy) -> dict[int, float]:
    """Candidates by meaning: id -> cosine in neutral space."""
    pools: list[Sequence[str] | None] = [None]
    if policy.kind in ("only", "prefer"):
        pools = [None, policy.languages]
    elif policy.kind == "balanced":
        pools = [[language] for language in view.present()]
    found: dict[int, float] = {}
    for pool in pools:
        ids, scores = view.nearest(question.vector[None], depth, pool)
        found.update((int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0)
    return found


def _complete(
    view: View, question: Question, meaning: dict[int, float], more: Sequence[int]
) -> None:
    """Give the candidates that were found otherwise their cosine too."""
    missing = np.array(sorted({id for id in more if id not in meaning}), np.int64)
    if len(missing):
        scores = view.prepared(missing) @ question.vector  # (n,)
        meaning.update(zip(missing.tolist(), scores.tolist(), strict=True))


def _shortlist(
    view: View,
    meaning: dict[int, float],
    by_word: dict[int, float],
    by_name: dict[int, float],
    size: int,
) -> list[int]:
    """The best `size` of each language by meaning and words, and all with a rare identifier."""
    languages = _languages(view, list(meaning))
    taken: dict[str, int] = {}
    chosen = []
    for id in sorted(meaning, key=lambda id: (-(meaning[id] + WORDS * by_word.get(id, 0.0)), id)):
        taken[languages[id]] = taken.get(languages[id], 0) + 1
        if taken[languages[id]] <= size or id in by_name:
            chosen.append(id)
    return chosen


def _languages(view: View, ids: Sequence[int]) -> dict[int, str]:
    at = np.searchsorted(view.ids, list(ids))
    return dict(zip(ids, view.languages[at].tolist(), strict=True))
