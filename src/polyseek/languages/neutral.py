"""What makes scores comparable across languages: each language's mean is taken away.

A multilingual model puts a text where its language is plus where its meaning is, so passages in
the question's own language score higher whatever they say. Subtracting, on both sides, most of
the mean of the text's language leaves the meaning: v <- normalise(v - t * mean(language of v)).
The passages' means are the collection's own; a question comes alone, so the means of questions
come from calibration. docs/decisions/0004-neutral.md has the evidence for every number here.
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

PASSAGE_STRENGTH = 0.9
QUERY_STRENGTH = 0.8
QUESTION_DOMAIN, TITLE_DOMAIN = 0.5, 0.25
"""How far the mean of queries follows the collection's passages away from calibration's; titles
less, since they are made of the collection's own subject, which must not be subtracted."""
TRUST = 20
"""A collection's own mean of a language weighs as much as calibration's at so many passages."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Means (D,) float32 of one model's vectors of the calibration texts, by language."""

    question: Means
    title: Means
    """Headings and keywords, which a model does not put where it puts whole questions."""
    passage: Means


class Neutral:
    """Centres vectors of one collection, as it is now.

    `sums` are the collection's own: language -> (passages, sum of their vectors (D,) float64).
    """

    def __init__(self, calibrated: Calibrated, sums: Sums) -> None:
        self._calibrated = calibrated
        self._passage = {
            language: _blend(calibrated.passage, language, *sums[language]) for language in sums
        }
        parts = [part for name in sorted(self._passage) for part in (name, self._passage[name])]
        self.salt = hashlib.sha256(
            b"".join(p.encode() if isinstance(p, str) else p.tobytes() for p in parts)
        ).hexdigest()[:16]

    def passages(self, vectors: Floats, languages: Sequence[str]) -> Floats:
        """Unit rows (n, D) float32 of the passages `vectors` (n, D) in `languages` (n)."""
        rows = np.array(vectors, np.float32)
        named = np.asarray(languages)
        for language in set(languages):
            rows[named == language] -= PASSAGE_STRENGTH * self._passage[language]
        return _unit(rows)

    def query(self, vector: Floats, language: str, *, title: bool) -> Floats:
        """Unit vector (D,) float32 of the `vector` (D,) of a question in `language`, or of a
        title; a language without calibration texts gets the mean of all of them."""
        means = self._calibrated.title if title else self._calibrated.question
        mean = means[language] if language in means else _overall(means)
        mean = mean + (TITLE_DOMAIN if title else QUESTION_DOMAIN) * self._shift(language)
        centred: Floats = _unit((vector - QUERY_STRENGTH * mean)[None])[0]
        return centred

    def _shift(self, language: str) -> Floats | float:
        """From calibration's passages to the collection's: in this language, or on average."""
        shifts = {
            name: mean - self._calibrated.passage[name]
            for name, mean in self._passage.items()
            if name in self._calibrated.passage
        }
        if language in shifts:
            return shifts[language]
        return _overall(shifts) if shifts else 0.0


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
