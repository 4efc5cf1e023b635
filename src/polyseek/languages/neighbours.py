"""What is near the passages of a collection, in each other language."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from polyseek.languages.nearest import NEAREST, NOBODY, Near, nearest, nearest_both_ways
from polyseek.languages.passages import Bools, Ints, Passages

Floats = npt.NDArray[np.float32]

CROWD = np.float32(1e-6)
"""Least mean cosine of neighbours; nothing is divided by 0."""


class Neighbours:
    """The nearest rows of those rows that have been asked for.

    `near[row, language]` (NEAREST,) are rows, nearest first, NOBODY where there are too few;
    `cosine[row, language]` their cosines, 0 there.
    """

    def __init__(self, passages: Passages, vectors: Floats) -> None:
        self.passages = passages
        in_order = np.array_equal(passages.given, np.arange(len(vectors)))
        self._vectors = vectors if in_order else vectors[passages.given]
        shape = len(passages.ids), len(passages.languages), NEAREST
        self.near = np.full(shape, NOBODY, np.int32)
        self.cosine = np.zeros(shape, np.float32)
        self._asked = np.zeros(shape[:2], bool)

    def vectors(self, rows: Ints) -> Floats:
        """Vectors (k, D) of these rows."""
        found: Floats = self._vectors[rows]
        return found

    def _vectors_in(self, language: int) -> Floats:
        """Those of all rows of a language, not copied."""
        start, end = self.passages.bounds[language : language + 2]
        return self._vectors[start:end]

    def ask_all(self) -> None:
        """Find the neighbours of every row in every other language."""
        languages = range(len(self.passages.languages))
        rows = [self.passages.rows_in(language) for language in languages]
        vectors = [self._vectors_in(language) for language in languages]
        for left in languages:
            for right in languages[left + 1 :]:
                ahead, back = nearest_both_ways(vectors[left], vectors[right])
                self._keep(rows[left], right, ahead)
                self._keep(rows[right], left, back)

    def ask(self, rows: Ints, languages: Iterable[int]) -> None:
        """Find the neighbours of these rows in these languages, if that has not been done."""
        for language in languages:
            new = ~self._asked[rows, language] & (self.passages.language[rows] != language)
            some = np.unique(rows[new])
            if some.size:
                self._keep(some, language, nearest(self.vectors(some), self._vectors_in(language)))

    def _keep(self, rows: Ints, language: int, found: Near) -> None:
        near, cosine = found
        first = self.passages.bounds[language]
        self.near[rows, language] = np.where(near == NOBODY, NOBODY, near + first)
        self.cosine[rows, language] = cosine
        self._asked[rows, language] = True

    def cosines(self, one: Ints, other: Ints) -> Floats:
        """Cosines (k,) of rows one[i] and other[i]."""
        found: Floats = np.einsum("kd,kd->k", self.vectors(one), self.vectors(other))
        return found

    def margins(self, one: Ints, other: Ints, cosine: Floats) -> Floats:
        """Cosine (k,) over the mean of both sides' nearest in the other's language.

        Of a language with fewer than NEAREST passages it is the mean of those there are: beside a
        single passage nothing stands out.
        """
        language = self.passages.language
        crowd = (self._crowd(one, language[other]) + self._crowd(other, language[one])) / 2
        found: Floats = (cosine / np.maximum(crowd, CROWD)).astype(np.float32)
        return found

    def _crowd(self, rows: Ints, languages: Ints) -> Floats:
        there = (self.near[rows, languages] != NOBODY).sum(axis=1, dtype=np.float32)
        found: Floats = self.cosine[rows, languages].sum(axis=1) / np.maximum(there, 1)
        return found

    def mutual(self, one: Ints, other: Ints) -> Bools:
        """Whether (k,) rows one[i] and other[i] are each other's nearest."""
        language = self.passages.language
        there = self.near[one, language[other], 0] == other
        found: Bools = there & (self.near[other, language[one], 0] == one)
        return found
