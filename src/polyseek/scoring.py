"""What a candidate is worth, in parts that add up.

meaning    its cosine with the question, in neutral space
sentence   what its best sentence adds or takes away
language   what makes scores of different languages comparable
words      where the question's words put it among the passages of its language
identifiers, preferred, versions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from polyseek.candidates import WORDS, Candidates, Question
from polyseek.policy import Policy
from polyseek.store.view import View

Floats = npt.NDArray[np.float32]

QUESTION_SENTENCE, TITLE_SENTENCE = 0.7, 0.3
"""Weight of the best sentence beside the whole passage. A question is answered by a sentence; a
title names what a whole passage is about (docs/decisions/0008-sentences.md)."""
NAMES = 0.15
"""What a passage in any language gains that has all the question's rare identifiers."""
PREFERRED = 0.1
"""What `prefer` adds: language versions of one passage lie closer together than that."""
BEST_VERSION = 0.75
"""Weight of the best version beside the mean of all (docs/decisions/0009-versions.md)."""
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with the parts of its score."""

    id: int
    language: str
    parts: dict[str, float]

    @property
    def score(self) -> float:
        return sum(self.parts.values())


def scored(view: View, question: Question, found: Candidates, policy: Policy) -> dict[int, Scored]:
    """Every candidate with the parts of its own score."""
    ids = list(found.meaning)
    meaning = np.array([found.meaning[id] for id in ids])  # (n,)
    mixed = meaning + _sentence_part(view, question, ids, meaning)
    even = _comparable(view, question, [found.languages[id] for id in ids], mixed)
    moved = _reordered(dict(zip(ids, even.tolist(), strict=True)), found)
    return {
        id: Scored(
            id,
            found.languages[id],
            {
                "meaning": float(meaning[at]),
                "sentence": float(mixed[at] - meaning[at]),
                "language": float(even[at] - mixed[at]),
                "words": moved[id] - float(even[at]),
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


def _reordered(scores: Mapping[int, float], found: Candidates) -> dict[int, float]:
    """Passages of each language, put in order by meaning and words together, with the scores that
    meaning gave to them: the first by both gets the highest of those scores, and so on down.

    Words are evidence within a language. Were they simply added, every passage in the question's
    language would move ahead of its translations (docs/decisions/0005-lexical.md). What a version
    in the question's language has of its words speaks for the versions in other languages too.
    """
    words = {
        id: max([found.words.get(each, 0.0) for each in (id, *found.links.get(id, ()))])
        for id in scores
    }
    moved: dict[int, float] = {}
    for language in set(found.languages.values()):
        alike = [id for id in scores if found.languages[id] == language]
        both = sorted(alike, key=lambda id: (-(scores[id] + WORDS * words[id]), id))
        moved |= zip(both, sorted((scores[id] for id in alike), reverse=True), strict=True)
    return moved


def with_versions(own: Mapping[int, Scored], links: Mapping[int, Sequence[int]]) -> list[Scored]:
    """Every candidate with what its versions add, highest score first.

    The score of a passage with versions is a mean of the best of them and of their mean, each
    language counted once, by its best: they answer together, so they stand together.
    """
    together = []
    for id, scored in own.items():
        by_language = {scored.language: scored.score}
        for other in links.get(id, ()):
            language, score = own[other].language, own[other].score
            by_language[language] = max(score, by_language.get(language, score))
        if len(by_language) > 1:
            scores = list(by_language.values())
            group = BEST_VERSION * max(scores) + (1 - BEST_VERSION) * sum(scores) / len(scores)
            scored = replace(scored, parts={**scored.parts, "versions": group - scored.score})
        together.append(scored)
    return sorted(together, key=lambda each: (-each.score, each.id))
