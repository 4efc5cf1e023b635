"""What figures are called where people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BIAS = {
    "first_own": "first hit in the question's language",
    "every_language": "answers of every language found",
    "preference": "first answer in the question's language",
}
"""Figure of bias.language_bias -> what it says; where languages do not matter it is what
`expected_…` is, where that is known."""


def told_name(measure: str) -> str:
    """A measure of ir-measures as papers write it."""
    name, _, cut = measure.partition("@")
    at = f"@{cut}" if cut else ""
    return {"RR": "MRR", "R": "recall", "AP": "mAP"}.get(name, name) + at


def told_p(p: float) -> str:
    """A probability that is small is not nothing."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def told_difference(value: float) -> str:
    """With its sign, and none where it rounds to nothing."""
    return f"{value:+.3f}" if round(value, 3) else "0.000"


def told_size(parameters: float) -> str:
    """Of a model; "" if it is not known."""
    if parameters > 1e9:
        return f"{parameters / 1e9:.1f} B"
    return f"{parameters / 1e6:.0f} M" if parameters else ""


def main_of(record: Mapping[str, Any]) -> str:
    """The measure that results are compared by: the first."""
    return str(next(iter(record["figures"])))
