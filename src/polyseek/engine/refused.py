"""What an endpoint means that says no: in its status, its headers and its own words."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from polyseek.errors import ModelError

if TYPE_CHECKING:
    import httpx2

SIZE = {400, 413, 422, 500}
"""Statuses that servers give to what is too long or too much. With any other, such words are about
something else: a key that is an invalid token (401), or tokens per minute (429)."""
LONG = re.compile(
    r"too long|context (length|size|window)|max.{0,40}length|input length|length of the input"
    r"|physical batch|\b(than|most|max(imum)?|takes|exceeds?)\b.{0,40}\btokens"
    r"|\btokens\b.{0,80}\b(than|max(imum)?|takes|exceeds?)\b",
    re.IGNORECASE,
)
"""In an error's words: a text has more than the model takes."""
MUCH = re.compile(
    r"too (large|big)|too many (inputs?|texts|tokens|items|strings|documents|prompts|sequences)"
    r"|batch.?size|in one batch|at most \d+|texts .{0,60}a request",
    re.IGNORECASE,
)
"""In an error's words: the request has, whatever its texts."""


class Refused(ModelError):
    """An answer that says no, and would again."""

    def __init__(self, told: str, status: int, reason: str) -> None:
        super().__init__(told)
        self.status = status
        self.reason = reason
        """In the endpoint's own words."""

    @property
    def too_long(self) -> bool:
        """Whether a text is, and not the request."""
        return self.status in SIZE and LONG.search(self.reason) is not None

    @property
    def too_much(self) -> bool:
        """Whether no second try helps, and less text does."""
        much = self.status == 413 or MUCH.search(self.reason) is not None
        return self.status in SIZE and (much or self.too_long)


def refusal(answer: httpx2.Response, key: str, asked_s: float) -> Refused:
    """An error's answer with what to do about it. `key`: the one that was sent; `asked_s`: how
    long the endpoint asks to wait."""
    status, reason = answer.status_code, reason_of(answer, key)
    todo = ""
    if status == 401:
        wrong = "the key that was sent is wrong" if key else "no key was sent"
        todo = f"; {wrong}: set POLYSEEK_MODEL_KEY to one that it knows"
    elif status == 403:
        wrong = "the key that was sent may not do this" if key else "no key was sent"
        todo = f"; {wrong}: set POLYSEEK_MODEL_KEY to one that may"
    elif status == 404:
        todo = "; --model-url ends with /v1 at most servers, and --model is a name it knows"
    elif asked_s:
        todo = f"; it asks to come again in {asked_s:g} s: run it again then"
    elif there := answer.headers.get("location"):
        todo = f"; it points to {there[:200]}: set --model-url to where that is"
    return Refused(f"{answer.url} answers {status}: {reason}{todo}", status, reason)


def reason_of(answer: httpx2.Response, secret: str = "") -> str:
    """What an error's body says, in any of the forms that servers use; some repeat the key."""
    try:
        told: Any = answer.json()
    except (ValueError, RecursionError):
        told = answer.text
    for name in ("error", "message", "detail"):
        while isinstance(told, dict) and told.get(name):
            told = told[name]
    words = " ".join(str(told or answer.reason_phrase).split())
    return (words.replace(secret, "…") if secret else words)[:300]


def waits_s(retry_after: str) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 if it is neither."""
    with suppress(ValueError):
        return max(0.0, float(retry_after))
    with suppress(ValueError, OverflowError):
        when = parsedate_to_datetime(retry_after)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)  # HTTP knows no other zone
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return 0.0
