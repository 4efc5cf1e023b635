"""What stays the same in every language, and how much two texts agree in it.

A translation keeps numbers, code, names and links. A mark weighs the more the rarer it is,
ln(items / items that have it), so a year in two texts of one subject says more than a 1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from polyseek.languages.words import identifiers

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

CODE = re.compile(r"(?<!`)(`+)(?!`)([^\n]{1,80}?)(?<!`)\1(?!`)")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|\bhttps?://[^\s)>\]\"'`]*[\w/]")
SITE = re.compile(r"(?<=/)[a-z]{2}(?:[-_][A-Za-z]{2,4})?/")
"""The folder of a language: links of a translation lead to translations."""
NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:[ '’]\d{3})+(?!\d)|\d+(?:[.,]\d+)*")
"""1,200.5 and 1 200 000 are one number each, 1969-1973 and 3:24 are two: which sign stands between
them is a matter of the language, what it joins is not."""
ABBREVIATION = re.compile(r"#(?:[a-z]\.)+[a-z]")
""""e.g", "z.B", "u.s": identifiers by their form, and every language has its own."""

UNSEEN = 30.0
"""Weight of marks that nobody has seen, half of which are taken to agree: a text without marks
agrees to 0.5, and one mark proves little. Some seven rare marks weigh as much. Recall on XQuAD-R
with 10: 0.894, 20: 0.914, this: 0.925, 40: 0.929, with as many wrong links; documents of several
passages have so many marks that they do not notice."""


def marks(text: str) -> frozenset[str]:
    """The marks of a text: identifiers as in `words`, inline code, link targets, numbers.

    Numbers are their digits alone, in ASCII: 1,200.5 is 1.200,5 elsewhere, and 500,000 is 500 000.
    """
    normal = unicodedata.normalize("NFKC", text)
    digits = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in normal)
    targets = {"](" + SITE.sub("", match[1] or match[0]) for match in LINK.finditer(digits)}
    code = {"`" + match[2].strip() for match in CODE.finditer(digits)}
    rest = LINK.sub(" ", digits)
    numbers = {re.sub(r"\D", "", match[0]) for match in NUMBER.finditer(rest)}
    names = {name for name in identifiers(rest) if not ABBREVIATION.fullmatch(name)}
    return frozenset(targets | code | numbers | names)


@dataclass(frozen=True, slots=True)
class Marked:
    """The marks of n items, as numbers."""

    starts: Ints
    """(n + 1,): those of item i are numbers[starts[i] : starts[i + 1]], ascending."""
    numbers: Ints
    weights: Doubles
    """Of each mark, by its number."""

    @classmethod
    def of(cls, sets: Sequence[Collection[str]]) -> Marked:
        """Items with these marks, weighed among themselves."""
        names = sorted(set(chain.from_iterable(sets)))
        number = {name: at for at, name in enumerate(names)}
        numbers = np.fromiter(map(number.__getitem__, chain.from_iterable(sets)), np.int64)
        items = np.repeat(np.arange(len(sets)), [len(each) for each in sets])
        having = np.bincount(numbers, minlength=len(names))
        return _sorted(items, numbers, len(sets), np.log(len(sets) / np.maximum(having, 1)))

    def united(self, items: Ints, groups: Ints, n: int) -> Marked:
        """n items; the one numbered groups[i] has the marks of items[i], among others."""
        place, numbers = self._listed(items)
        return _sorted(groups[place], numbers, n, self.weights)

    def shared(self, one: Ints, other: Ints) -> Doubles:
        """Weight (k,) of what items one[i] and other[i] have in common."""
        left, right = self._keys(one), self._keys(other)
        both = np.intersect1d(left, right, assume_unique=True)
        row, number = np.divmod(both, max(1, len(self.weights)))
        weight: Doubles = np.bincount(row, self.weights[number], minlength=len(one)).astype(
            np.float64
        )
        return weight

    def agreement(self, one: Ints, other: Ints) -> Doubles:
        """Share (k,) of the weight of the marks of one[i] and other[i] that both have; 0.5 if
        there are none (see UNSEEN)."""
        shared = self.shared(one, other)
        items = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        weight = np.bincount(items, self.weights[self.numbers], minlength=len(self.starts))
        agreed: Doubles = (shared + UNSEEN / 2) / (weight[one] + weight[other] - shared + UNSEEN)
        return agreed

    def _keys(self, items: Ints) -> Ints:
        """place * (number of marks) + mark, for each mark of each of `items`; ascending."""
        place, numbers = self._listed(items)
        keys: Ints = place * len(self.weights) + numbers
        return keys

    def _listed(self, items: Ints) -> tuple[Ints, Ints]:
        """The marks of each of `items` one after the other, and the place in `items` of each."""
        counts = self.starts[items + 1] - self.starts[items]
        place = np.repeat(np.arange(len(items)), counts)
        inside = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        return place, self.numbers[np.repeat(self.starts[items], counts) + inside]


def _sorted(items: Ints, numbers: Ints, n: int, weights: Doubles) -> Marked:
    # np.unique hashes, which takes ten times as long.
    keys = np.sort(items * len(weights) + numbers)
    keys = keys[np.diff(keys, prepend=-1) > 0]
    items, numbers = np.divmod(keys, max(1, len(weights)))
    return Marked(np.searchsorted(items, np.arange(n + 1)), numbers, weights)
