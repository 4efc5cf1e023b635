"""How many tokens a text has for a model that runs elsewhere: counted by the model's own
tokenizer if it is here, else by the server if it is ours, else estimated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol

from polyseek.engine.endpoint import Endpoint
from polyseek.engine.inputs import Tokenizes
from polyseek.engine.refused import Refused
from polyseek.errors import ModelError
from polyseek.models.spec import Role

TEXTS = 512
"""Most texts of a request for counts."""
INPUT_TYPES: Mapping[Role, str] = {"query": "query", "passage": "document"}
"""What our own server calls a role."""

SCRIPTS = {
    "space": (r"\s", 0.0, 0.0),
    "ascii": ("A-Za-z", 0.35, 0.55),
    "sign": (r"!-@\[-`{-~", 1.0, 1.0),
    "latin": ("\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff", 1.0, 1.5),
    "cyrillic": ("\u0400-\u052f", 0.6, 0.75),
    "greek": ("\u0370-\u03ff\u1f00-\u1fff", 1.0, 1.2),
    "hebrew": ("\u0590-\u05ff", 0.55, 0.7),
    "arabic": ("\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff", 0.65, 0.9),
    "devanagari": ("\u0900-\u097f", 1.2, 1.4),
    "bengali": ("\u0980-\u09ff", 1.3, 1.5),
    "tamil": ("\u0b80-\u0bff", 1.3, 1.5),
    "thai": ("\u0e00-\u0e7f", 0.75, 1.0),
    "hangul": ("\uac00-\ud7af\u1100-\u11ff\u3130-\u318f", 0.95, 1.3),
    "kana": ("\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff\uff66-\uff9f", 0.85, 1.1),
    "han": ("\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff", 0.95, 1.2),
}
"""Script -> its characters; tokens of each, usually and at most. Of characters in none of them,
every byte of UTF-8 is a token. The numbers are from what the tokenizers of Qwen3 and of
multilingual-e5, the one that makes more, make of the calibration texts in 31 languages."""
SHARE = min(usual / most for _, usual, most in SCRIPTS.values() if most)
SPECIAL = 4
"""Special tokens around a text, at most."""
RUNS = re.compile("|".join(f"(?P<{name}>[{row[0]}]+)" for name, row in SCRIPTS.items()))
USUAL = {name: usual for name, (_, usual, _) in SCRIPTS.items()}
MOST = {name: most for name, (_, _, most) in SCRIPTS.items()}


class Counts(Protocol):
    """Numbers of tokens."""

    share: float
    """How much less than the truth a count may be: 1 if they are exact."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without prompt and special tokens."""
        ...

    def most(self, texts: Sequence[str]) -> list[int]:
        """Tokens that each text has at most, without prompt and special tokens."""
        ...

    def around(self, role: Role, prompt: str) -> int:
        """Tokens that stand beside a text: those of the prompt, and the special ones."""
        ...


class Counted:
    """By the model's own tokenizer."""

    share = 1.0

    def __init__(self, tokenizer: Tokenizes) -> None:
        self._tokenizer = tokenizer

    def count(self, texts: Sequence[str]) -> list[int]:
        """As Counts."""
        return self._tokenizer.count(texts)

    def most(self, texts: Sequence[str]) -> list[int]:
        """As Counts."""
        return self.count(texts)

    def around(self, role: Role, prompt: str) -> int:
        """As Counts."""
        return len(self._tokenizer.encode([prompt])[0])


class Asked:
    """By our own server's POST /tokenize, which counts a text with its prompt."""

    share = 1.0

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        self._beside = cache(self._measured)

    def count(self, texts: Sequence[str]) -> list[int]:
        """As Counts."""
        there = [text for text in texts if text.strip()]
        beside = self._beside("passage") if there else 0
        counted = iter(self._ask(there, "passage"))
        return [max(1, next(counted) - beside) if text.strip() else 0 for text in texts]

    def most(self, texts: Sequence[str]) -> list[int]:
        """As Counts."""
        return self.count(texts)

    def around(self, role: Role, prompt: str) -> int:
        """As Counts."""
        return self._beside(role)

    def _measured(self, role: Role) -> int:
        one, two = self._ask(["a", "a a"], role)
        return 2 * one - two

    def _ask(self, texts: Sequence[str], role: Role) -> list[int]:
        found: list[int] = []
        for first in range(0, len(texts), TEXTS):
            found += self._counts(texts[first : first + TEXTS], role)
        return found

    def _counts(self, texts: Sequence[str], role: Role) -> list[int]:
        """One request's; in halves if it is too much for the server."""
        body = {"model": self._model, "input": list(texts), "input_type": INPUT_TYPES[role]}
        try:
            answer = self._endpoint.post("//tokenize", body)
        except Refused as error:
            if not error.too_much or len(texts) == 1:
                raise
            half = len(texts) // 2
            return self._counts(texts[:half], role) + self._counts(texts[half:], role)
        try:
            found = [int(each["tokens"]) for each in answer["data"]]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"{self._endpoint.url}: /tokenize answers {str(answer)[:80]!r}, not tokens; "
                "name a directory with the model's tokenizer.json with --model-path"
            ) from error
        if len(found) != len(texts):
            raise ModelError(f"{self._endpoint.url}: {len(found)} counts of {len(texts)} texts")
        return found


class Estimated:
    """By the letters. What is counted is what is usual; what is allowed for is the most."""

    share = SHARE

    def count(self, texts: Sequence[str]) -> list[int]:
        """As Counts."""
        return [estimate(text) for text in texts]

    def most(self, texts: Sequence[str]) -> list[int]:
        """As Counts."""
        return [estimate(text, MOST) for text in texts]

    def around(self, role: Role, prompt: str) -> int:
        """As Counts."""
        return estimate(prompt, MOST) + SPECIAL


def estimate(text: str, each: Mapping[str, float] = USUAL) -> int:
    """Tokens of `text` without special ones, by the tokens of a character of each script."""
    tokens, known = 0.0, 0
    for run in RUNS.finditer(text):
        tokens += each[str(run.lastgroup)] * len(run.group())
        known += len(run.group().encode())
    return math.ceil(tokens) + len(text.encode(errors="surrogatepass")) - known
