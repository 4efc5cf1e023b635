"""What a knowledge base asks of its model, wherever that runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from polyseek.engine.pool import Floats
from polyseek.models.spec import ModelSpec, Role

Fingerprint = dict[str, str | int | bool]


class Embeds(Protocol):
    """A model: in this process (`engine.embedder`) or behind an endpoint (`engine.remote`)."""

    @property
    def spec(self) -> ModelSpec:
        """What is known about it."""
        ...

    @property
    def fingerprint(self) -> Fingerprint:
        """Everything that changes a vector; models with equal ones may share an index."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without prompt and special tokens; never too few by more than
        `room` allows for."""
        ...

    def room(self, role: Role) -> int:
        """Tokens, as `count` counts them, that a text may have in this role."""
        ...

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        *,
        instruction: str = "",
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        """Vectors (len(texts), D) float32 in the order of `texts`. `instruction`: what queries are
        for; without it the model's own. `progress` is told how many more texts are done.

        Raises:
            TooLong: a text has more tokens than the model takes.
            BadInput: an instruction for a model that takes none.
        """
        ...
