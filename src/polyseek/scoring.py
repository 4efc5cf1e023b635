"""What a candidate is worth, in parts that add up.

meaning    its cosine with the question, in neutral space
sentence   what its best sentence adds or takes away
document   what the document around it does
language   what makes scores of different languages comparable
identifiers, preferred
versions   what makes its score that of it and its versions together
words      where the question's words put it among those they speak for
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polyseek.candidates import WORDS, Candidates, Question
from polyseek.policy import Policy
from polyseek.store.view import View

Floats = npt.NDArray[np.float32]

QUESTION_SENTENCE, TITLE_SENTENCE = 0.7, 0.4
"""Weight of the best sentence beside the whole passage. A question is answered by a sentence; a
title names what a whole passage is about (docs/decisions/0008-sentences.md)."""
QUESTION_DOCUMENT, TITLE_DOCUMENT = 0.1, 0.4
"""Weight of the whole document beside its passage, which leaves unsaid what those before it say
(docs/decisions/0008-sentences.md)."""
NAMES = 0.15
"""What a passage in any language gains that has all the question's rare identifiers."""
PREFERRED = 0.1
"""What `prefer` adds: language versions of one passage lie closer together than that."""
BEST_VERSION = 0.75
"""Weight of the best version beside the mean of all (docs/decisions/0009-versions.md)."""
LEAST_DEVIATION = 1e-6
TIE = 9
"""Decimals in which equal scores agree, however they were added up."""

Links = Mapping[int, Sequence[int]]
"""A passage -> its versions."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with the parts of its score."""

    id: int
    language: str
    parts: dict[str, float]

    @property
    def score(self) -> float:
        return sum(self.parts.values())

    def plus(self, name: str, more: float) -> Scored:
        """With another part, or more of it."""
        parts = {**self.parts, name: self.parts.get(name, 0.0) + more}
        return Scored(self.id, self.language, parts)


def scored(view: View, question: Question, found: Candidates, policy: Policy) -> list[Scored]:
    """Every candidate with the parts of its score, highest score first."""
    own = _own(view, question, found, policy)
    return _ordered_by_words(question, found, _with_versions(own, found.links))


def _own(view: View, question: Question, found: Candidates, policy: Policy) -> dict[int, Scored]:
    """Every candidate with the parts that it has by itself."""
    ids = list(found.meaning)
    meaning = np.array([found.meaning[id] for id in ids])  # (n,)
    near = meaning + _sentence_part(view, question, ids, meaning)
    mixed = near + _document_part(view, question, ids, near)
    even = _comparable(view, question, [found.languages[id] for id in ids], mixed)
    return {
        id: Scored(
            id,
            found.languages[id],
            {
                "meaning": float(meaning[at]),
                "sentence": float(near[at] - meaning[at]),
                "document": float(mixed[at] - near[at]),
                "language": float(even[at] - mixed[at]),
                **_extra(id, found, policy),
            },
        )
        for at, id in enumerate(ids)
    }


def _extra(id: int, found: Candidates, policy: Policy) -> dict[str, float]:
    parts = {"identifiers": NAMES * found.names[id]} if id in found.names else {}
    if policy.kind == "prefer" and found.languages[id] in policy.languages:
        parts["preferred"] = PREFERRED
    return parts


def _sentence_part(
    view: View, question: Question, ids: Sequence[int], meaning: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """What the best sentence of each of ids (n) adds to its cosine (n,); 0 where there is none."""
    said = view.sentences(ids)
    part = np.zeros(len(ids))
    if len(said.owners):
        scores = said.vectors @ question.vector  # (s,)
        owners, starts = np.unique(said.owners, return_index=True)
        best = dict(zip(owners.tolist(), np.maximum.reduceat(scores, starts), strict=True))
        weight = TITLE_SENTENCE if question.title else QUESTION_SENTENCE
        for at, id in enumerate(ids):
            if id in best:
                part[at] = weight * (best[id] - meaning[at])
    return part


def _document_part(
    view: View, question: Question, ids: Sequence[int], scores: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """What the document of each of ids (n) adds to its score (n,); 0 where it has no other
    passage."""
    weight = TITLE_DOCUMENT if question.title else QUESTION_DOCUMENT
    documents = view.members.documents[view.members.places(np.array(ids, np.int64))]
    whole = view.directions.scores(question.vector, documents)  # (n,)
    part: npt.NDArray[np.float64] = np.where(
        np.isnan(whole), 0.0, weight / (1 + weight) * (whole - scores)
    )
    return part


def _comparable(
    view: View, question: Question, languages: Sequence[str], scores: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Scores (n,) of passages in these languages (n), moved to where they would be if the cosines
    of all passages had the same mean and spread in every language."""
    spread = view.moments.spread(question.vector)
    mean, deviation = np.mean(list(spread.values()), axis=0)
    own = np.array([spread[language] for language in languages])  # (n, 2)
    factor = deviation / np.maximum(own[:, 1], LEAST_DEVIATION)
    even: npt.NDArray[np.float64] = (scores - own[:, 0]) * factor + mean
    return even


def _with_versions(own: Mapping[int, Scored], links: Links) -> dict[int, Scored]:
    """Every candidate with what its versions add.

    The score of a passage with versions is a mean of the best of them and of their mean, each
    language counted once, by its best: they answer together, so they stand together.
    """
    scores = {id: each.score for id, each in own.items()}
    together = {}
    for id, scored in own.items():
        by_language = {scored.language: scores[id]}
        for other in links.get(id, ()):
            language = own[other].language
            by_language[language] = max(scores[other], by_language.get(language, scores[other]))
        if len(by_language) > 1:
            every = by_language.values()
            group = BEST_VERSION * max(every) + (1 - BEST_VERSION) * sum(every) / len(every)
            scored = scored.plus("versions", group - scores[id])
        together[id] = scored
    return together


def _ordered_by_words(
    question: Question, found: Candidates, scores: Mapping[int, Scored]
) -> list[Scored]:
    """Passages put in order by score and words together, with the scores that they had: the first
    by both gets the highest, and so on down; then all of them, highest score first.

    Words are evidence within a language. Were they simply added, every passage in the question's
    language would move ahead of those in others (docs/decisions/0005-lexical.md). So those that
    have a version in the question's language are put in order among themselves, by what any
    version has of the words; the others among those of their own language.
    """
    alike: dict[str, list[int]] = {}
    words: dict[int, float] = {}
    for id in scores:
        versions = (id, *found.links.get(id, ()))
        spoken = question.language in (found.languages[each] for each in versions)
        alike.setdefault(question.language if spoken else found.languages[id], []).append(id)
        words[id] = max(found.words.get(each, 0.0) for each in versions)
    out = []
    for ids in alike.values():
        value = {id: scores[id].score for id in ids}
        both = sorted(ids, key=lambda id: (-(value[id] + WORDS * words[id]), id))
        given = sorted(value.values(), reverse=True)
        for place, (id, score) in enumerate(zip(both, given, strict=True)):
            moved = scores[id].plus("words", score - value[id])
            # Versions have one score: among equals, words decide before the id does.
            out.append((-round(score, TIE), place, id, moved))
    return [each for *_, each in sorted(out, key=lambda each: each[:3])]
