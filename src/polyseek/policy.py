"""Which languages a search prefers: the caller's choice, never a hidden behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from polyseek.errors import BadInput
from polyseek.languages.identify import check_language

Kind = Literal["any", "prefer", "balanced", "only"]
HELP = (
    "any (best passages whatever their language), prefer:LANG (that language first where it "
    "answers as well), balanced (as many of each language), only:LANG,LANG"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """`kind` and, for "prefer" and "only", the languages it names."""

    kind: Kind = "any"
    languages: tuple[str, ...] = ()


def parse_policy(text: str) -> Policy:
    """From "any", "prefer:ja", "balanced" or "only:zh,en".

    Raises:
        BadInput: it is none of these, or names an unknown language.
    """
    kind, _, named = text.partition(":")
    languages = tuple(check_language(code) for code in named.split(",") if code.strip())
    if kind in ("any", "balanced") and not named:
        return Policy("any" if kind == "any" else "balanced")
    if kind == "prefer" and len(languages) == 1:
        return Policy("prefer", languages)
    if kind == "only" and languages:
        return Policy("only", languages)
    raise BadInput(f"unknown policy {text!r}; use one of: {HELP}")
