"""What figures are called where people read them."""

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
