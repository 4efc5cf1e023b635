"""A knowledge base put to a data set: index, ask, measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from polyseek.errors import BadInput
from polyseek.evaluate.bias import first_languages, language_bias
from polyseek.evaluate.dataset import Dataset
from polyseek.evaluate.measures import CUTS, Values, measure_names, measured
from polyseek.evaluate.pairs import Pair, across, by_pair, within
from polyseek.evaluate.record import FORMAT, made_with
from polyseek.evaluate.run import Place, ask
from polyseek.evaluate.significance import Interval, interval
from polyseek.evaluate.speed import TEXTS, Speed, peak_memory_mb, tokens_per_s
from polyseek.knowledge_base import KnowledgeBase
from polyseek.meter import Progress, Watch
from polyseek.models.spec import TASK, ModelSpec
from polyseek.types import Hit

DEPTH = 100
"""Hits asked for; an answer that is not among them counts as not found."""


@dataclass(frozen=True, slots=True)
class Options:
    """How questions are put."""

    policy: str = "any"
    grouped: bool = True
    instruction: str = ""
    cuts: Sequence[int] = CUTS
    depth: int = DEPTH


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out."""

    dataset: Dataset
    options: Options
    spec: ModelSpec
    fingerprint: Mapping[str, Any]
    passages: int
    run: Mapping[str, Sequence[Place]]
    values: Values
    speed: Speed
    failed: Mapping[str, str] = field(default_factory=dict)
    """Documents that could not be read, and why."""

    @property
    def figures(self) -> dict[str, Interval]:
        """Of each measure the mean over all questions, with 95 % confidence."""
        return {name: interval(of, self._families) for name, of in self.values.items()}

    @property
    def bias(self) -> dict[str, float]:
        """Among the first hits, as many as the smallest cut."""
        return language_bias(self.dataset, self.run, min(self.options.cuts))

    @property
    def first_languages(self) -> Mapping[str, Mapping[str, float]]:
        """Language of the question -> language of the first hit -> share."""
        return first_languages(self.dataset, self.run)

    @property
    def pairs(self) -> list[Pair]:
        """MRR and recall of each pair of languages."""
        cut = min(self.options.cuts)
        return by_pair(self.dataset, self.run, [f"RR@{cut}", f"R@{cut}"])

    @property
    def _families(self) -> dict[str, frozenset[str]]:
        return {query.id: query.family for query in self.dataset.queries}

    @property
    def record(self) -> dict[str, Any]:
        """All of it for JSON (record.write)."""
        pairs, main = self.pairs, f"RR@{min(self.options.cuts)}"
        numbers: dict[frozenset[str], int] = {}
        return {
            "kind": "eval",
            "format": FORMAT,
            **made_with(),
            "dataset": {
                "name": self.dataset.name,
                "digest": self.dataset.digest,
                "queries": len(self.dataset.queries),
                "documents": len(self.dataset.languages),
                "passages": self.passages,
                "left_out": self.dataset.left_out,
                "failed": self.failed,
            },
            "model": dict(self.fingerprint),
            "parameters": self.spec.parameters,
            "takes_instructions": TASK in self.spec.query_prompt,
            "settings": asdict(self.options),
            "figures": {name: asdict(each) for name, each in self.figures.items()},
            "within": within(pairs, main),
            "across": across(pairs, main),
            "pairs": [asdict(pair) for pair in pairs],
            "bias": self.bias,
            "first_languages": self.first_languages,
            "speed": asdict(self.speed),
            "questions": [
                {
                    "id": query.id,
                    "language": query.language,
                    "text": query.text,
                    "family": numbers.setdefault(query.family, len(numbers)),
                    "values": {name: of[query.id] for name, of in self.values.items()},
                }
                for query in self.dataset.queries
            ],
        }


def evaluate(
    base: KnowledgeBase,
    dataset: Dataset,
    options: Options = Options(),
    watch: Watch = lambda _: None,
    *,
    index: bool = True,
) -> Evaluation:
    """Bring `base` in step with the documents of the data set, and put its questions. Not `index`:
    take it as it is.

    Raises:
        BadInput: it is taken as it is, and lacks a document that answers.
        PolyseekError: as KnowledgeBase.index and search.
    """
    if not index:
        _check_documents(base, dataset)
    start = perf_counter()
    base.embedder.embed([dataset.queries[0].text], "query")
    start_s = perf_counter() - start
    failed = base.index(list(dataset.documents), watch).failed if index else {}
    timed = _Timed(base, options, lambda done: watch(_asking(done / len(dataset.queries))))
    run = ask(timed.search, dataset, options.depth)
    status = base.status()
    return Evaluation(
        dataset,
        options,
        base.embedder.spec,
        status.fingerprint,
        status.statistics.chunks,
        run,
        measured(dataset, run, measure_names(options.cuts)),
        timed.speed(start_s),
        failed,
    )


def _asking(share: float) -> Progress:
    return Progress(0, 0, 0, share, "asking")


class _Timed:
    """Searches, and keeps how long each took and what was found."""

    def __init__(self, base: KnowledgeBase, options: Options, step: Callable[[int], None]) -> None:
        self._base, self._options, self._step = base, options, step
        self._took: list[float] = []
        self._texts: dict[str, None] = {}

    def search(self, question: str, k: int) -> Sequence[Hit]:
        options, begun = self._options, perf_counter()
        hits = self._base.search(
            question, k, options.policy, grouped=options.grouped, instruction=options.instruction
        )
        self._took.append(perf_counter() - begun)
        self._texts.update((hit.text, None) for hit in hits if len(self._texts) < TEXTS)
        self._step(len(self._took))
        return hits

    def speed(self, start_s: float) -> Speed:
        median, late = (float(ms) for ms in np.percentile(self._took, (50, 95)) * 1e3)
        rate = tokens_per_s(self._base.embedder, list(self._texts))
        return Speed(start_s, rate, median, late, peak_memory_mb())


def _check_documents(base: KnowledgeBase, dataset: Dataset) -> None:
    there = set(base.documents())
    for query in dataset.queries:
        for answer in query.answers:
            if answer.path not in there:
                raise BadInput(
                    f"{base.path} has no document {answer.path!r}, which answers {query.id!r}; "
                    "index the data set's folder into a new one, or leave out --kb"
                )
