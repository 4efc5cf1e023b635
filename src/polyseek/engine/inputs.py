"""What goes into the model: token ids with their prompt, all of them unless the caller lets go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from polyseek.errors import BadInput, TooLong
from polyseek.models.spec import ModelSpec

Cut = Literal["none", "end", "start"]
"""Where a text may lose tokens if it has too many: nowhere, at its end or at its start."""

CHARACTERS_A_TOKEN = 32
"""More than tokens of natural text have. What is longer than the model's tokens times this is cut
before it is tokenised, which takes seconds for a text of megabytes."""


class Tokenizes(Protocol):
    """Text to token ids."""

    @property
    def size(self) -> int:
        """Ids go from 0 to one less."""
        ...

    def encode(self, texts: Sequence[str]) -> list[list[int]]: ...

    def count(self, texts: Sequence[str]) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text, or a part of it, ready to run."""

    ids: list[int]
    """With the prompt and the special tokens."""
    cut: bool = False
    """Whether some of the text is missing."""


def tokens_of(
    tokenizer: Tokenizes, spec: ModelSpec, texts: Sequence[str], prompt: str, truncate: Cut
) -> list[Tokens]:
    """The texts behind their prompt.

    Raises:
        TooLong: a text has more tokens than the model takes and `truncate` is "none".
    """
    longest = spec.max_tokens * CHARACTERS_A_TOKEN
    rows = tokenizer.encode([prompt + _shorter(text, longest, truncate) for text in texts])
    before = _prefix(tokenizer, prompt) if truncate == "start" else 0
    made = []
    for at, (row, text) in enumerate(zip(rows, texts, strict=True)):
        more = len(text) > longest
        if more and len(row) <= spec.max_tokens:  # no natural text: nearly all of it white space
            more, (row,) = False, tokenizer.encode([prompt + text])
        made.append(_fitted(row, spec, truncate, before, _Told(at, text, more)))
    return made


def tokens_as_given(
    tokenizer: Tokenizes, spec: ModelSpec, rows: Sequence[Sequence[int]], truncate: Cut
) -> list[Tokens]:
    """Token ids that the caller has made, without a prompt; the model's last token is put behind
    them if it is missing.

    Raises:
        TooLong: as for texts. BadInput: no ids, or one that the model has not.
    """
    last = next(iter(reversed(tokenizer.encode([""])[0])), None)
    made = []
    for at, row in enumerate(rows):
        if not row:
            raise BadInput(f"token array {at} is empty; give at least one token id")
        if min(row) < 0 or max(row) >= tokenizer.size:
            wrong = next(token for token in row if not 0 <= token < tokenizer.size)
            raise BadInput(
                f"token array {at} has the id {wrong} and those of {spec.name} go from 0 to "
                f"{tokenizer.size - 1}; send the text, or make the ids with the model's tokenizer"
            )
        ids = list(row) if last is None or row[-1] == last else [*row, last]
        made.append(_fitted(ids, spec, truncate, 0, _Told(at, "", False)))
    return made


@dataclass(frozen=True, slots=True)
class _Told:
    """What an error says of a text."""

    at: int
    text: str
    more: bool
    """Whether not all of it was tokenised."""


def _shorter(text: str, longest: int, truncate: Cut) -> str:
    return text[-longest:] if truncate == "start" else text[:longest]


def _prefix(tokenizer: Tokenizes, prompt: str) -> int:
    """Tokens before the text: those of the prompt, and what the model has at the very start."""
    (whole,) = tokenizer.encode([prompt])
    return max(0, len(whole) - 1)


def _fitted(row: list[int], spec: ModelSpec, truncate: Cut, before: int, told: _Told) -> Tokens:
    limit = spec.max_tokens
    if len(row) <= limit:
        return Tokens(row)
    if truncate == "none":
        whose = f" It begins {told.text[:60]!r}" if told.text else ""
        raise TooLong(
            f"text {told.at} has {'more than ' * told.more}{len(row)} tokens with its prompt and "
            f"{spec.name} takes {limit}; shorten or chunk it, or ask for truncation.{whose}"
        )
    if truncate == "end":
        return Tokens([*row[: limit - 1], row[-1]], cut=True)  # the end token stays last
    return Tokens([*row[:before], *row[before - limit :]], cut=True)
