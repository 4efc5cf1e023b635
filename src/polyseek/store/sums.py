"""The sum of all stored vectors of a language, kept exact, so that it can be kept up to date.

A language's mean is what makes scores comparable between languages. It is sum / count, and both
are changed with every document put or removed. Ordinary floating-point sums would drift apart
from what they should be; these cannot: a stored component is fp16, that is a multiple of 2^-24
(the smallest subnormal), and of unit vectors at most 1. Float64 holds every multiple of 2^-24
below 2^29 without rounding (24 + 29 = 53 bits), so adding and subtracting is exact, in any order,
up to 2^29 vectors a language. `verify` therefore compares with ==, not with a tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from polyseek.store.arrays import DOUBLE, Halves, Sum
from polyseek.store.database import Statements


def sums_of(blocks: Iterable[tuple[Sequence[str], np.ndarray]]) -> dict[str, tuple[int, Sum]]:
    """Per language: number of vectors and their sum (D,) float64.

    blocks: pairs of n language codes and n vectors (n, D).
    """
    found: dict[str, tuple[int, Sum]] = {}
    for languages, vectors in blocks:
        codes = np.asarray(languages, dtype=np.str_)  # (n,)
        for code in np.unique(codes):
            chosen = vectors[codes == code].astype(np.float64)  # (m, D)
            count, total = found.get(str(code), (0, np.zeros(vectors.shape[1])))
            found[str(code)] = (count + len(chosen), total + chosen.sum(axis=0))
    return found


def read_sums(db: Statements) -> dict[str, tuple[int, Sum]]:
    """The stored sums, as in `sums_of`."""
    rows = db.execute("SELECT language, count, sum FROM language_sums ORDER BY language")
    return {
        language: (count, np.frombuffer(blob, DOUBLE).astype(np.float64))
        for language, count, blob in rows
    }


def shift_sums(db: Statements, languages: Sequence[str], vectors: Halves, sign: int) -> None:
    """Add (sign = 1) or subtract (sign = -1) n vectors (n, D) of these n languages."""
    for language, (count, total) in sums_of([(languages, vectors)]).items():
        row = db.execute(
            "SELECT count, sum FROM language_sums WHERE language = ?", (language,)
        ).fetchone()
        old_count, old = (row[0], np.frombuffer(row[1], DOUBLE)) if row else (0, 0.0)
        new_count = old_count + sign * count
        if new_count == 0:
            db.execute("DELETE FROM language_sums WHERE language = ?", (language,))
            continue
        blob = (old + sign * total).astype(DOUBLE).tobytes()
        db.execute(
            "INSERT INTO language_sums VALUES (?, ?, ?) ON CONFLICT (language) "
            "DO UPDATE SET count = excluded.count, sum = excluded.sum",
            (language, new_count, blob),
        )
