"""What makes scores comparable across languages: each language's mean is taken away.

A multilingual model puts a text where its language is plus where its meaning is, so passages in
the question's own language score higher whatever they say. Subtracting, on both sides, most of
the mean of the text's language leaves the meaning (docs/decisions/0004-neutral.md has the
evidence): v <- normalise(v - STRENGTH * mean(language of v)).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Means = Mapping[str, Floats]
Sums = Mapping[str, tuple[int, npt.NDArray[np.float64]]]

STRENGTH = 0.9
TRUST = 20
"""A collection's own mean of a language weighs as much as calibration's at so many passages."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Means (D,) float32 of one model's vectors of the calibration texts, by language."""

    query: Means
    passage: Means


class Neutral:
    """Centres vectors of one collection, as it is now.

    `sums` are the collection's own: language -> (passages, sum of their vectors (D,) float64).
    """

    def __init__(self, calibrated: Calibrated, sums: Sums) -> None:
        self._query = calibrated.query
        self._passage = {
            language: _blend(calibrated.passage, language, *sums[language]) for language in sums
        }
        self._overall_query = _overall(calibrated.query)
        parts = [part for name in sorted(self._passage) for part in (name, self._passage[name])]
        self.salt = hashlib.sha256(
            b"".join(p.encode() if isinstance(p, str) else p.tobytes() for p in parts)
        ).hexdigest()[:16]

    def passages(self, vectors: Floats, languages: Sequence[str]) -> Floats:
        """Unit rows (n, D) float32 of the passages `vectors` (n, D) in `languages` (n)."""
        rows = np.array(vectors, np.float32)
        named = np.asarray(languages)
        for language in set(languages):
            rows[named == language] -= STRENGTH * self._passage[language]
        return _unit(rows)

    def query(self, vector: Floats, language: str) -> Floats:
        """Unit vector (D,) float32 of a question's `vector` (D,) in `language`.

        A language without calibration texts gets the mean of all of them.
        """
        mean = self._query.get(language, self._overall_query)
        centred: Floats = _unit((vector - STRENGTH * mean)[None])[0]
        return centred


def _blend(calibrated: Means, language: str, count: int, total: npt.NDArray[np.float64]) -> Floats:
    """The collection's mean, held near calibration's while it rests on few passages."""
    prior = calibrated.get(language)
    if prior is None:
        prior = _overall(calibrated)
    mean = (total + TRUST * prior.astype(np.float64)) / (count + TRUST)
    return mean.astype(np.float32)


def _overall(means: Means) -> Floats:
    mean: Floats = np.mean([means[name] for name in sorted(means)], axis=0, dtype=np.float32)
    return mean


def _unit(rows: Floats) -> Floats:
    """Rows (n, D) scaled to length 1; a row of zeros stays one."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit
