"""Writing systems: how much of a text is in each, and which languages are written in it."""

from __future__ import annotations

import re
from collections import Counter

RANGES = {
    "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f",
    "kana": "\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "hangul": "\uac00-\ud7af\u1100-\u11ff\u3130-\u318f",
    "thai": "\u0e00-\u0e7f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "hebrew": "\u0590-\u05ff",
    "arabic": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
    "tamil": "\u0b80-\u0bff",
    "cyrillic": "\u0400-\u052f",
    "latin": "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff",
}
LETTERS = re.compile("|".join(f"(?P<{name}>[{chars}])" for name, chars in RANGES.items()))

OWN = {  # scripts that give the language away among those polyseek tells apart
    "kana": "ja",
    "hangul": "ko",
    "thai": "th",
    "greek": "el",
    "tamil": "ta",
}
WRITTEN = {  # scripts that several languages share
    "han": {"zh", "ja"},
    "hebrew": {"he", "yi"},
    "arabic": {"ar", "fa", "ur", "ps", "ug", "ku"},
    "devanagari": {"hi", "mr", "ne"},
    "bengali": {"bn", "as"},
    "cyrillic": {"ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg"},
}
DENSE = {"han", "kana", "hangul"}
"""Scripts whose letters say as much as two or three of an alphabet."""
KANA_SHARE = 0.05
"""Japanese prose is a third kana or more; Chinese quotes a Japanese name now and then."""


def letters(text: str) -> Counter[str]:
    """How many letters of each script `text` has."""
    return Counter(str(match.lastgroup) for match in LETTERS.finditer(text))


def dominant(counts: Counter[str]) -> str:
    """The script that carries most of the text, or ""; Chinese and Japanese are told apart.

    Latin has to outweigh the others three to one: names, commands and acronyms are written in it
    inside every other language.
    """
    weights = {name: n * (3 if name in DENSE else 1) for name, n in counts.items()}
    cjk = weights.pop("han", 0) + weights.pop("kana", 0)
    if cjk:
        share = counts["kana"] / (counts["han"] + counts["kana"])
        weights["kana" if share > KANA_SHARE else "han"] = cjk
    weights["latin"] = weights.get("latin", 0) // 3
    best = max(weights, key=lambda name: weights[name])
    if weights[best]:
        return best
    return "latin" if counts["latin"] else ""
