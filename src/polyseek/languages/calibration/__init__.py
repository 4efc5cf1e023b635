"""Calibration texts: 24 questions, 24 passages and 10 titles in each of some thirty languages.

Written for polyseek, on the same topics in every language (one `.jsonl` a language: kind, topic,
text). They tell where a model puts each language (languages/neutral) and how large its
activations grow (scripts/calibrate).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

Texts = dict[str, tuple[str, ...]]


@cache
def languages() -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that have calibration texts, sorted."""
    found = files(__name__).iterdir()
    return tuple(sorted(f.name.removesuffix(".jsonl") for f in found if f.name.endswith(".jsonl")))


@cache
def texts(language: str) -> Texts:
    """The texts of one language by kind: "question", "title" and "passage"."""
    lines = (files(__name__) / f"{language}.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {
        kind: tuple(row["text"] for row in rows if row["kind"] == kind)
        for kind in ("question", "title", "passage")
    }
