"""What goes into the model: token ids with their prompt, all of them unless the caller lets go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from polyseek.errors import BadInput, TooLong
from polyseek.models.spec import ModelSpec

Cut = Literal["none", "end", "start"]
"""Where a text may lose tokens if it has too many: nowhere, at its end or at its start."""

LONGEST_TOKEN = 32
"""Characters; more than a token of natural text has. What is longer than the model's tokens times
this is cut before it is tokenised, which takes seconds for a text of megabytes."""


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
    tokenizer: Tokenizes,
    spec: ModelSpec,
    texts: Sequence[str],
    prompt: str,
    truncate: Cut,
    first: int = 0,
) -> list[Tokens]:
    """The texts behind their prompt. `first`: the number that the first has in what an error says.

    Raises:
        TooLong: a text has more tokens than the model takes and `truncate` is "none", or the
            prompt leaves no room for any.
    """
    longest = spec.max_tokens * LONGEST_TOKEN
    if len(prompt) > longest:
        raise _long_prompt(f"{len(prompt)} characters", spec)
    rows = tokenizer.encode([prompt + _shorter(text, longest, truncate) for text in texts])
    told = []
    for at, text in enumerate(texts):
        more = len(text) > longest
        if more and len(rows[at]) <= spec.max_tokens:  # no natural text: nearly all white space
            more, (rows[at],) = False, tokenizer.encode([prompt + text])
        told.append(_Told(first + at, text, more))
    before = 0
    if truncate != "none" and any(len(row) > spec.max_tokens for row in rows):
        before = _prefix(tokenizer, prompt)
        if before + 2 > spec.max_tokens:
            raise _long_prompt(f"{before} tokens", spec)
    return [
        _fitted(row, spec, truncate, before, each) for row, each in zip(rows, told, strict=True)
    ]


def tokens_as_given(
    tokenizer: Tokenizes,
    spec: ModelSpec,
    rows: Sequence[Sequence[int]],
    truncate: Cut,
    first: int = 0,
) -> list[Tokens]:
    """Token ids that the caller has made, as `ended` makes them.

    Raises:
        TooLong: as for texts. BadInput: as `ended`.
    """
    ids = enumerate(ended(tokenizer, spec, rows, first), first)
    return [_fitted(row, spec, truncate, 0, _Told(at, "", False)) for at, row in ids]


def ended(
    tokenizer: Tokenizes, spec: ModelSpec, rows: Sequence[Sequence[int]], first: int = 0
) -> list[list[int]]:
    """Token ids that the caller has made, however many, without a prompt; the model's last token
    is put behind them if it is missing.

    Raises:
        BadInput: no ids, or one that the model has not.
    """
    last = next(iter(reversed(tokenizer.encode([""])[0])), None)
    made = []
    for at, row in enumerate(rows, first):
        if not row:
            raise BadInput(f"token array {at} is empty; give at least one token id")
        if min(row) < 0 or max(row) >= tokenizer.size:
            wrong = next(token for token in row if not 0 <= token < tokenizer.size)
            raise BadInput(
                f"token array {at} has the id {wrong} and those of {spec.name} go from 0 to "
                f"{tokenizer.size - 1}; send the text, or make the ids with the model's tokenizer"
            )
        made.append(list(row) if last is None or row[-1] == last else [*row, last])
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


def _long_prompt(has: str, spec: ModelSpec) -> TooLong:
    return TooLong(
        "the prompt",
        f"has {has} and {spec.name} takes {spec.max_tokens} tokens, the text's among them",
        "shorten the instruction",
    )


def _fitted(row: list[int], spec: ModelSpec, truncate: Cut, before: int, told: _Told) -> Tokens:
    limit = spec.max_tokens
    if len(row) <= limit:
        return Tokens(row)
    if truncate == "none":
        whose = f" It begins {told.text[:60]!r}" if told.text else ""
        raise TooLong(
            f"text {told.at}",
            f"has {'more than ' * told.more}{len(row)} tokens with its prompt and {spec.name} "
            f"takes {limit}",
            f"shorten or chunk it, or ask for truncation.{whose}",
        )
    if truncate == "end":
        return Tokens([*row[: limit - 1], row[-1]], cut=True)  # the end token stays last
    return Tokens([*row[:before], *row[before - limit :]], cut=True)
