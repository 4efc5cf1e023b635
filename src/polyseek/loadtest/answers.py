"""What an answer says: tokens, or why there are no vectors."""

from __future__ import annotations

import json
import re
from typing import Any

from polyseek.loadtest.client import Failed

TOKENS = re.compile(rb'"(?:prompt|total)_tokens"\s*:\s*(\d+)')
WORDS = 200
"""Characters of an error's own words that are shown."""


def tokens_of(status: int, body: bytes) -> int:
    """The tokens that `usage` tells, 0 if it tells none. The vectors are not read: to read a
    thousand numbers takes longer than all the rest of a request.

    Raises:
        Failed: there are no vectors; its kind is the status, or what is amiss.
    """
    if status != 200:
        raise Failed(str(status), reason_of(body))
    if b'"embedding"' not in body:
        raise Failed("no vectors", reason_of(body))
    at = body.rfind(b'"usage"')
    if at > 0 and (found := TOKENS.search(body, at)):
        return int(found[1])
    found = TOKENS.search(body)  # before the vectors, in some servers' answers
    return int(found[1]) if found else 0


def reason_of(body: bytes) -> str:
    """What an error's body says, in any of the forms that servers use."""
    try:
        told: Any = json.loads(body)
    except ValueError:
        return " ".join(body.decode("utf-8", "replace").split())[:WORDS]
    for name in ("error", "message", "detail"):
        while isinstance(told, dict) and told.get(name):
            told = told[name]
    return " ".join(str(told).split())[:WORDS]
