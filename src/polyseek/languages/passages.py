"""Passages as finding versions sees them, in an order that does not depend on how they came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Passage(NamedTuple):
    """A chunk, as far as finding its versions needs it. A tuple, since there are many."""

    id: int
    document: str
    """Name of the document, such as "ja/tutorial/x.md"."""
    ordinal: int
    """Place within its document, from 0."""
    language: str
    depth: int
    """Length of the heading path."""
    marks: Collection[str]
    """What stays the same in every language, as `marks` finds it; each once."""


class Passages:
    """n passages by language, document, place and id; a row is a number in that order.

    Documents and languages are numbers too, in the order of their names.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        keys = [(p.language, p.document, p.ordinal, p.id, at) for at, p in enumerate(passages)]
        keys.sort()
        self.given = np.array([key[4] for key in keys], np.int64)
        """Place (n,) of each row in `passages`."""
        self.ids = np.array([key[3] for key in keys], np.int64)
        self.languages, self.language = _numbered([key[0] for key in keys])
        """Names of the languages; number (n,) of each row's."""
        self.documents, self.document = _numbered([key[1] for key in keys])
        self.depth = np.array([p.depth for p in passages], np.int64)[self.given]
        ordinals = np.array([key[2] for key in keys], np.int64)
        self.reading = np.lexsort((self.ids, ordinals, self.document))
        """Rows (n,) by document and place in it, whatever their language."""
        self.heads = _bounds(self.document[self.reading], len(self.documents))
        self.bounds = _bounds(self.language, len(self.languages))

    def rows_in(self, language: int) -> Ints:
        """Rows of a language, ascending."""
        return np.arange(self.bounds[language], self.bounds[language + 1])

    def rows_of(self, document: int) -> Ints:
        """Rows of a document in the order of reading."""
        found: Ints = self.reading[self.heads[document] : self.heads[document + 1]]
        return found

    @property
    def sizes(self) -> Ints:
        """Passages of each document."""
        return np.diff(self.heads)

    def main_language(self) -> Ints:
        """The language of most passages of each document; the first by name if two are level."""
        spoken = len(self.languages)
        pairs, counts = np.unique(self.document * spoken + self.language, return_counts=True)
        document, language = np.divmod(pairs, max(1, spoken))
        order = np.lexsort((-language, counts, document))
        main = np.zeros(len(self.documents), np.int64)
        main[document[order]] = language[order]
        return main

    def fresh(self, names: Collection[str] | None) -> Bools:
        """For each document whether it is one of these; all are if there are no names."""
        if names is None:
            return np.ones(len(self.documents), bool)
        known = frozenset(names)
        return np.array([name in known for name in self.documents], bool)


def _numbered(names: list[str]) -> tuple[list[str], Ints]:
    """The different names, sorted, and the number of each of `names` among them."""
    known = sorted(set(names))
    number = {name: at for at, name in enumerate(known)}
    return known, np.array([number[name] for name in names], np.int64)


def _bounds(numbers: Ints, n: int) -> Ints:
    """Where each of 0 ... n begins in the ascending `numbers`, (n + 1,)."""
    found: Ints = np.searchsorted(numbers, np.arange(n + 1))
    return found
