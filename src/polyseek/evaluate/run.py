"""What a search found for each question, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from polyseek.evaluate.dataset import Answer, Dataset, Query
from polyseek.types import Hit

HALF = 0.5
"""Of a passage or of an answer, the shorter of them: what has to lie in the other."""


@dataclass(frozen=True, slots=True)
class Place:
    """A passage at its place in a ranking."""

    path: str
    start: int
    end: int
    language: str
    hit: int = 0
    """Which hit it belongs to, from 0: a hit is a passage with its versions."""


Run = Mapping[str, Sequence[Place]]
"""By id of the question; best first, each hit followed by its versions."""

Search = Callable[[str, int], Sequence[Hit]]
"""A question and how many hits -> the hits."""


def places(hits: Iterable[Hit], languages: Mapping[str, str]) -> list[Place]:
    """Hits and their versions as places; `languages` of documents, where they are known."""
    return [
        Place(each.path, each.start, each.end, languages.get(each.path, each.language), at)
        for at, hit in enumerate(hits)
        for each in (hit, *hit.versions)
    ]


def ask(
    search: Search, dataset: Dataset, k: int, step: Callable[[], None] = lambda: None
) -> dict[str, list[Place]]:
    """Put every question, for `k` hits each; `step` hears of each that is answered."""
    run = {}
    for query in dataset.queries:
        run[query.id] = places(search(query.text, k), dataset.languages)
        step()
    return run


@dataclass(frozen=True, slots=True)
class Judged:
    """A place, and the answer that it is the first to find."""

    place: Place
    answer: Answer | None

    @property
    def name(self) -> str:
        """Unique in a ranking: the answer's, or its own."""
        at = self.place
        return self.answer.name if self.answer else f"{at.path}:{at.start}+{at.end}"


def judge(query: Query, found: Sequence[Place], *, whole: bool) -> list[Judged]:
    """Each place with the answer that it finds, if no better one has found it.

    Where answers are documents as a whole, each document stands at the place of its best passage,
    as rankings of documents are measured. Where they are ranges, a further passage of what has
    been found takes a place, as it does before the reader's eyes.
    """
    judged: list[Judged] = []
    left = {answer.name: answer for answer in query.answers}
    seen: set[str] = set()
    for place in found:
        if whole:
            if place.path in seen:
                continue
            seen.add(place.path)
        answer = _found(place, left.values())
        if answer:
            del left[answer.name]
        judged.append(Judged(place, answer))
    return judged


def _found(place: Place, answers: Iterable[Answer]) -> Answer | None:
    """The answer that lies most in a place, if half of it does."""
    shares = [(each.shared(place.path, place.start, place.end), each) for each in answers]
    share, best = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    return best if share >= HALF else None
