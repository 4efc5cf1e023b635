"""Which languages come first, and whether the answer of every language is found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from polyseek.evaluate.dataset import Dataset, Query
from polyseek.evaluate.run import Judged, Place, Run, judge

Figures = dict[str, float]


def language_bias(dataset: Dataset, run: Run, k: int = 5) -> Figures:
    """Figures of the questions that have answers in several languages; each from 0 to 1, NaN where
    there is no such question.

    first_own        of the passages of the first hit, those in the question's language
    expected_own     of the answers, those in the question's language: what first_own is where
                     languages do not matter
    every_language   whether the first `k` hits hold an answer in every language that has one
    preference       whether the first answer found is in the question's language, of the
                     questions that have one there and one elsewhere (language preference rate,
                     Jang et al. 2026, arXiv 2605.07249: 1 if it always is)
    expected_preference  the same where languages do not matter
    """
    several = [q for q in dataset.queries if len({a.language for a in q.answers}) > 1]
    own = [q for q in several if _share_own(q) > 0]
    firsts = {q.id: _first_answer(judge(q, run[q.id], whole=dataset.whole)) for q in own}
    answered = [q for q in own if firsts[q.id]]
    return {
        "first_own": _mean([_own_first(run[q.id], q.language) for q in several if run[q.id]]),
        "expected_own": _mean([_share_own(q) for q in several if run[q.id]]),
        "every_language": _mean([_every(q, run[q.id], k, dataset.whole) for q in several]),
        "preference": _mean([float(firsts[q.id] == q.language) for q in answered]),
        "expected_preference": _mean([_share_own(q) for q in answered]),
    }


def first_languages(dataset: Dataset, run: Run) -> Mapping[str, Mapping[str, float]]:
    """Language of the question -> language of the first hit's passages -> share."""
    firsts = {id: [place.language for place in of if place.hit == 0] for id, of in run.items()}
    seen = sorted({language for of in firsts.values() for language in of})
    table = {}
    for spoken in sorted({query.language for query in dataset.queries}):
        asked = [firsts[query.id] for query in dataset.queries if query.language == spoken]
        table[spoken] = {
            language: fmean(of.count(language) / len(of) if of else 0.0 for of in asked)
            for language in seen
        }
    return table


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan


def _share_own(query: Query) -> float:
    return fmean(answer.language == query.language for answer in query.answers)


def _own_first(found: Sequence[Place], language: str) -> float:
    return fmean(place.language == language for place in found if place.hit == 0)


def _every(query: Query, found: Sequence[Place], k: int, whole: bool) -> float:
    shown = [place for place in found if place.hit < k]
    got = {each.answer.language for each in judge(query, shown, whole=whole) if each.answer}
    return float(got == {answer.language for answer in query.answers})


def _first_answer(judged: Sequence[Judged]) -> str:
    """Language of the first answer found; "" if there is none."""
    return next((each.answer.language for each in judged if each.answer), "")
