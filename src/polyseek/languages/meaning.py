"""Passages that are versions of each other by their links, and say something else altogether.

How near translations are to each other differs by languages and documents. So the cosine of two
versions is compared with what is usual for their documents, and measured in robust standard
deviations of all pairs in their languages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import TypeVar

import numpy as np

from polyseek.languages.sentence_pairs import Floats
from polyseek.languages.sides import Side, Source

Name = TypeVar("Name", str, Source)

STRANGE = -4.5
"""Robust standard deviations from what is usual, below which a passage is reported. Of FastAPI's
1,065 pairs in English and Japanese none is, and 41 of 109 whose text another passage of the page
replaced."""
PAIRS = 30
"""Pairs in two languages from which on it is known what is usual for them."""
PRIOR = 3
"""The languages' usual cosine counts as so many pairs of each two documents."""
NARROWEST = 0.03
"""Least standard deviation."""
SPREAD = 1.4826
"""Standard deviation of a normal distribution, in median absolute deviations."""


@dataclass(frozen=True, slots=True)
class Strange:
    """The side `odd` of a group is far from the others, of which `other` is one."""

    group: int
    odd: int
    other: int
    cosine: float
    """Of both."""
    usual: float
    """Of their documents."""
    deviations: float
    """Robust standard deviations between them, negative."""


def strange(compared: Sequence[Sequence[Side]]) -> Iterator[Strange]:
    """Those of all groups."""
    cosines = list(_cosines(compared))
    by_languages: dict[tuple[str, str], list[float]] = defaultdict(list)
    by_sources: dict[tuple[Source, Source], list[float]] = defaultdict(list)
    for at, a, b, cosine in cosines:
        one, other = compared[at][a], compared[at][b]
        by_languages[_key(one.language, other.language)].append(cosine)
        by_sources[_key(one.source, other.source)].append(cosine)
    middle = {key: median(values) for key, values in by_languages.items()}
    spread = {
        key: max(SPREAD * median(abs(each - middle[key]) for each in values), NARROWEST)
        for key, values in by_languages.items()
    }
    seen: dict[tuple[int, int], list[Strange]] = defaultdict(list)
    for at, a, b, cosine in cosines:
        one, other = compared[at][a], compared[at][b]
        languages = _key(one.language, other.language)
        if len(by_languages[languages]) < PAIRS:
            continue
        own = by_sources[_key(one.source, other.source)]
        usual = (median(own) * len(own) + middle[languages] * PRIOR) / (len(own) + PRIOR)
        off = (cosine - usual) / spread[languages]
        seen[at, a].append(Strange(at, a, b, cosine, usual, off))
        seen[at, b].append(Strange(at, b, a, cosine, usual, off))
    yield from _odd(seen)


def _odd(seen: dict[tuple[int, int], list[Strange]]) -> Iterator[Strange]:
    """Of each group the side that is farthest from most others, if it is far enough."""
    worst: dict[int, tuple[float, Strange]] = {}
    for (group, _), found in seen.items():
        off = median(each.deviations for each in found)
        if off < min(STRANGE, worst[group][0] if group in worst else 0.0):
            worst[group] = off, min(found, key=lambda each: each.deviations)
    yield from (found for _, found in worst.values())


def _cosines(
    compared: Sequence[Sequence[Side]],
) -> Iterator[tuple[int, int, int, float]]:
    """Group, two of its sides, and the cosine of what they say."""
    for at, sides in enumerate(compared):
        said = [_whole(side) for side in sides]
        for a, b in combinations(range(len(sides)), 2):
            one, other = said[a], said[b]
            if one is not None and other is not None:
                yield at, a, b, float(one @ other)


def _whole(side: Side) -> Floats | None:
    """Unit vector (D,) of the group's sentences, the longer the weightier; None without any."""
    weights = np.sqrt(np.array(side.sizes, np.float32) * np.array(side.core, np.float32))
    total: Floats = weights @ side.vectors
    norm = float(np.linalg.norm(total))
    return total / np.float32(norm) if norm > 0 else None


def _key(one: Name, other: Name) -> tuple[Name, Name]:
    return min(one, other), max(one, other)
