"""What queries are for, told to models that take an instruction.

Task texts are English whatever the documents are in: Qwen3-Embedding was trained with English
ones, and its card recommends them for every language.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from polyseek.errors import BadInput
from polyseek.models.spec import SEARCH

PROFILES: Mapping[str, str] = {
    "general": SEARCH,
    "technical": "Given a technical question, retrieve documentation passages that answer it",
    "legal": "Given a legal or compliance question, retrieve the clauses, rules and obligations "
    "that apply to it",
    "marketing": "Given a question about a product or a campaign, retrieve passages about its "
    "audience, its benefits and its messages",
    "faults": "Given a symptom or an error message, retrieve passages that explain its cause or "
    "how to fix it",
}
"""Name -> task text."""


def resolve(told: str) -> str:
    """The task text of the profile called `told`, or `told` itself if it is a text; "" stays "".

    Raises:
        BadInput: a single word that names no profile, or a text of several lines.
    """
    text = told.strip()
    if not text or text.lower() in PROFILES:
        return PROFILES.get(text.lower(), "")
    if len(text.splitlines()) > 1:
        raise BadInput(
            f"the instruction {text[:60]!r} has several lines, and a line's end is where models "
            "expect the question; write one sentence"
        )
    if len(text.split()) == 1 and text.isascii():
        near = difflib.get_close_matches(text.lower(), PROFILES, n=1, cutoff=0.6)
        raise BadInput(
            f"unknown instruction {text!r}; "
            + (f"did you mean {near[0]!r}? " if near else "")
            + f"Profiles are {', '.join(PROFILES)}; or write a sentence"
        )
    return text
