"""A run against the answers, in the measures of the field, by ir-measures.

trec_eval, which computes them, sorts by score itself and breaks ties by name, so what it measures
is not what was shown. It is given the places instead: the first of n has the score n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from polyseek.errors import BadInput
from polyseek.evaluate.dataset import Answer, Dataset
from polyseek.evaluate.run import Judged, Run, judge

CUTS = (5, 10)
BY_HIT = ("RR", "Success")
"""Measures of how far one has to read: a hit is read once, with its versions, and takes one place.
In all others each version takes a place of its own, as every passage does."""
Values = dict[str, dict[str, float]]
"""Measure -> id of the question -> value."""
Keep = Callable[[str], bool]
"""Whether passages and answers in a language count."""


def measure_names(cuts: Sequence[int] = CUTS) -> list[str]:
    """MRR, nDCG and recall among the first `cuts` places, and mAP."""
    return [f"{name}@{cut}" for name in ("RR", "nDCG", "R") for cut in cuts] + ["AP"]


def measured(
    dataset: Dataset,
    run: Run,
    names: Sequence[str],
    keep: Keep = lambda language: True,
) -> Values:
    """Each measure of each question that has an answer in a language that counts; only passages
    in these languages take places.

    Raises:
        BadInput: a measure that ir-measures does not know.
    """
    answers: dict[str, list[Answer]] = {}
    judged: dict[str, list[Judged]] = {}
    for query in dataset.queries:
        gold = [each for each in query.answers if keep(each.language)]
        if gold:
            answers[query.id] = gold
            shown = [place for place in run[query.id] if keep(place.language)]
            judged[query.id] = judge(query, shown, whole=dataset.whole)
    by_hit = [name for name in names if name.startswith(BY_HIT)]
    hits = {id: _one_a_hit(ranking) for id, ranking in judged.items()} if by_hit else {}
    values = _calculated(by_hit, answers, hits)
    values |= _calculated([name for name in names if name not in by_hit], answers, judged)
    return {name: values[name] for name in names}


def _one_a_hit(ranking: Sequence[Judged]) -> list[Judged]:
    """Of each hit the first place that finds an answer, or its first."""
    hits: dict[int, Judged] = {}
    for each in ranking:
        before = hits.get(each.place.hit)
        if before is None or (before.answer is None and each.answer is not None):
            hits[each.place.hit] = each
    return list(hits.values())


def _calculated(
    names: Sequence[str],
    answers: Mapping[str, Sequence[Answer]],
    rankings: Mapping[str, Sequence[Judged]],
) -> Values:
    ir_measures = library()
    values: Values = {name: dict.fromkeys(answers, 0.0) for name in names}
    wanted = {_measure(name): name for name in names}
    if wanted:
        for each in ir_measures.iter_calc(list(wanted), _qrels(answers), _scored(rankings)):
            values[wanted[each.measure]][each.query_id] = float(each.value)
    return values


def mean(values: Mapping[str, float]) -> float:
    """Of a measure over questions; NaN of none."""
    return math.fsum(values.values()) / len(values) if values else math.nan


def library() -> ModuleType:
    """ir_measures, which the base install has not.

    Raises:
        BadInput: it is not installed.
    """
    try:
        return import_module("ir_measures")
    except ImportError as error:
        raise BadInput(
            "measures are computed by ir-measures, which is not installed; "
            "pip install 'polyseek[measure]'"
        ) from error


def _measure(name: str) -> Any:  # noqa: ANN401 - of ir_measures
    ir_measures = library()
    try:
        return ir_measures.parse_measure(name)
    except (NameError, ValueError, SyntaxError) as error:
        raise BadInput(
            f"{name!r} is no measure; take some of {', '.join(measure_names())}, or others that "
            "ir-measures has, such as P@3 or Success@5"
        ) from error


def _qrels(answers: Mapping[str, Sequence[Answer]]) -> Iterable[Any]:
    ir_measures = library()
    for id, gold in answers.items():
        for answer in gold:
            yield ir_measures.Qrel(id, answer.name, answer.grade)


def _scored(judged: Mapping[str, Sequence[Judged]]) -> Iterable[Any]:
    ir_measures = library()
    for id, ranking in judged.items():
        for place, each in enumerate(ranking):
            yield ir_measures.ScoredDoc(id, each.name, float(len(ranking) - place))
