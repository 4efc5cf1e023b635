"""A measure for every language of questions and every language of passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from polyseek.evaluate.dataset import Dataset
from polyseek.evaluate.measures import Values, measured
from polyseek.evaluate.run import Run


@dataclass(frozen=True, slots=True)
class Pair:
    """Questions in one language, answered by passages in one language."""

    asked: str
    answered: str
    queries: int
    means: Mapping[str, float]
    """By measure."""


def by_pair(dataset: Dataset, run: Run, names: Sequence[str]) -> list[Pair]:
    """Every pair for which there are questions, in the order of the codes. Passages in all other
    languages are passed over, as if the documents were in that one alone."""
    spoken = {query.id: query.language for query in dataset.queries}
    pairs = []
    for answered in sorted({a.language for q in dataset.queries for a in q.answers}):
        values = measured(dataset, run, names, answered.__eq__)
        for asked in sorted({spoken[id] for id in values[names[0]]}):
            kept = _asked_in(values, {id for id, of in spoken.items() if of == asked})
            queries = len(kept[names[0]])
            means = {name: fmean(of.values()) for name, of in kept.items()}
            pairs.append(Pair(asked, answered, queries, means))
    return sorted(pairs, key=lambda pair: (pair.asked, pair.answered))


def within(pairs: Sequence[Pair], name: str) -> float | None:
    """Mean over the languages that are both asked and answered in, of that language alone."""
    same = [pair.means[name] for pair in pairs if pair.asked == pair.answered]
    return fmean(same) if same else None


def across(pairs: Sequence[Pair], name: str) -> float | None:
    """Mean over the pairs of two languages."""
    other = [pair.means[name] for pair in pairs if pair.asked != pair.answered]
    return fmean(other) if other else None


def _asked_in(values: Values, ids: set[str]) -> Values:
    return {
        name: {id: value for id, value in of.items() if id in ids} for name, of in values.items()
    }
