"""How the rows of each language lie: what a query's scores in a language have for mean and spread.

For rows x of one language and a query q, the mean of q·x is q·μ and its variance qᵀ M q - (q·μ)²,
with μ the mean of the rows and M that of x xᵀ. So both are exact for every query, without looking
at a single row; only the first and second moments of each language are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from polyseek.errors import StoreError
from polyseek.store.arrayfile import load_arrays, save_arrays
from polyseek.store.arrays import Vectors

TRUST = 20
"""A language's moments weigh as much as those of all rows at so many rows."""


class Moments:
    """Counts, sums and sums of outer products of the rows of each language."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._counts: dict[str, int] = {}
        self._sums: dict[str, npt.NDArray[np.float64]] = {}
        self._outer: dict[str, Vectors] = {}

    def add(self, rows: Vectors, languages: Sequence[str]) -> None:
        """rows (n, D) float32 of these n languages."""
        self._shift(rows, languages, 1)

    def remove(self, rows: Vectors, languages: Sequence[str]) -> None:
        """rows (n, D) float32 of these n languages, which were added."""
        self._shift(rows, languages, -1)

    def _shift(self, rows: Vectors, languages: Sequence[str], sign: int) -> None:
        named = np.asarray(languages)
        for language in sorted(set(languages)):
            chosen = rows[named == language]  # (m, D)
            zero = np.zeros(self._dimensions)
            self._counts[language] = self._counts.get(language, 0) + sign * len(chosen)
            self._sums[language] = self._sums.get(language, zero) + sign * chosen.sum(axis=0)
            outer = sign * (chosen.T @ chosen)  # (D, D)
            self._outer[language] = self._outer.get(language, np.zeros_like(outer)) + outer

    def languages(self) -> list[str]:
        """Those that have rows, sorted."""
        return sorted(self._counts)

    def spread(self, query: Vectors) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation of the scores of query (D,) in each language.

        Of a language with few rows they are held near those of all languages together.
        """
        counts = np.array([self._counts[name] for name in self._counts], np.float64)  # (L,)
        first = np.array([self._sums[name] @ query for name in self._counts])
        second = np.array([query @ (self._outer[name] @ query) for name in self._counts])
        total = max(counts.sum(), 1.0)
        weight = counts + TRUST
        mean = (first + TRUST * first.sum() / total) / weight
        square = (second + TRUST * second.sum() / total) / weight
        deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
        pairs = zip(mean.tolist(), deviation.tolist(), strict=True)
        return dict(zip(self._counts, pairs, strict=True))

    def arrays(self) -> dict[str, np.ndarray]:
        """All that there is to keep."""
        arrays: dict[str, np.ndarray] = {"dimensions": np.array([self._dimensions])}
        for language, count in self._counts.items():
            arrays[f"count.{language}"] = np.array([count])
            arrays[f"sum.{language}"] = self._sums[language]
            arrays[f"outer.{language}"] = self._outer[language]
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Moments:
        """Those of which `arrays` was kept; a KeyError if something is missing."""
        made = cls(int(arrays["dimensions"][0]))
        for name in sorted(arrays):
            kind, _, language = name.partition(".")
            if kind == "count":
                made._counts[language] = int(arrays[name][0])
                made._sums[language] = arrays[f"sum.{language}"]
                made._outer[language] = arrays[f"outer.{language}"]
        return made

    def save(self, path: Path) -> None:
        """Write them to one file."""
        save_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: Path) -> Moments:
        """Read what `save` wrote."""
        try:
            return cls.of_arrays(load_arrays(path))
        except KeyError as error:
            raise StoreError(f"{path} holds no moments ({error}): build it anew") from error
