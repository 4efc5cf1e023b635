"""Texts to vectors: tokenize, batch, forward, pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

import numpy as np

from polyseek.engine.batch import each, pad, plan, rounded
from polyseek.engine.pool import Floats, normalize, pool
from polyseek.errors import BadInput, TooLong
from polyseek.models.spec import ModelSpec, Role

BATCH_TOKENS = 512
"""Padded tokens a batch: what one core's cache holds (docs/decisions/0003-int8.md)."""


class Tokenizes(Protocol):
    """Text to token ids."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]: ...

    def count(self, texts: Sequence[str]) -> list[int]: ...


class Forward(Protocol):
    """A model that runs: ids (B, T) int64 and mask (B, T) float32 -> hidden (B, T, D) float32.

    It is called from several threads at once.
    """

    precision: str
    """What tells its vectors from those of another backend; part of a collection's fingerprint."""
    pad_id: int

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> Floats: ...


class Embedder:
    """One model, loaded. Synchronous; every text's vector is the same alone and in any batch."""

    def __init__(
        self, spec: ModelSpec, weights: str, tokenizer: Tokenizes, forward: Forward
    ) -> None:
        self.spec = spec
        self.weights = weights
        self.tokenizer = tokenizer
        self.forward = forward

    @property
    def fingerprint(self) -> dict[str, str | int | bool]:
        """Everything that changes a vector; two embedders with equal ones may share an index."""
        return {
            "model": self.spec.name,
            "weights": self.weights,
            "precision": self.forward.precision,
            "pooling": self.spec.pooling,
            "query_prompt": self.spec.query_prompt,
            "passage_prompt": self.spec.passage_prompt,
            "dimensions": self.spec.dimensions,
            "normalize": self.spec.normalize,
        }

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without prompt and special tokens."""
        return self.tokenizer.count(texts)

    def room(self, role: Role) -> int:
        """Tokens that a text may have in this role, beside the prompt and the special tokens."""
        return self.spec.max_tokens - len(self.tokenizer.encode([self.spec.prompt(role)])[0])

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        *,
        truncate: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        """Vectors (len(texts), D) float32 in the order of `texts`; unit length if the model's are.

        `progress` is told how many texts each batch has finished.

        Raises:
            TooLong: a text has more tokens than the model takes and `truncate` is off.
            BadInput: `texts` is one string instead of a sequence of them.
        """
        if isinstance(texts, str):
            raise BadInput(f"embed takes a list of texts and got one string: {texts[:60]!r}")
        ids = self._ids(texts, role, truncate)
        vectors = np.empty((len(texts), self.spec.dimensions), np.float32)
        batches = plan([rounded(len(row)) for row in ids], BATCH_TOKENS)
        with closing(each(lambda batch: self._run([ids[i] for i in batch]), batches)) as made:
            for batch, pooled in zip(batches, made, strict=True):
                vectors[batch] = pooled
                if progress:
                    progress(len(batch))
        return normalize(vectors) if self.spec.normalize else vectors

    def _run(self, rows: Sequence[Sequence[int]]) -> Floats:
        """Token ids of B texts -> their vectors (B, D), not normalised."""
        ids, mask = pad(rows, self.forward.pad_id)
        return pool(self.forward(ids, mask), mask, self.spec.pooling)

    def _ids(self, texts: Sequence[str], role: Role, truncate: bool) -> list[list[int]]:
        prompt, limit = self.spec.prompt(role), self.spec.max_tokens
        ids = self.tokenizer.encode([prompt + text for text in texts])
        for at, row in enumerate(ids):
            if len(row) <= limit:
                continue
            if not truncate:
                raise TooLong(
                    f"text {at} has {len(row)} tokens with its prompt and {self.spec.name} takes "
                    f"{limit}; shorten or chunk it, or ask for truncation. It begins "
                    f"{texts[at][:60]!r}"
                )
            ids[at] = [*row[: limit - 1], row[-1]]  # the end token stays last
        return ids
