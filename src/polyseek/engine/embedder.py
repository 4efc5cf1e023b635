"""Texts to vectors: tokenize, batch, forward, pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

import numpy as np

from polyseek.engine.batch import each, plan, rounded
from polyseek.engine.inputs import Cut, Tokenizes, Tokens, tokens_as_given, tokens_of
from polyseek.engine.pool import Floats, normalize
from polyseek.errors import BadInput, ModelError
from polyseek.models.spec import ModelSpec, Role


class Forward(Protocol):
    """A model that runs. It is called from several threads at once."""

    precision: str
    """What tells its vectors from those of another backend; part of a collection's fingerprint."""
    batch_tokens: int
    """Most tokens of a batch, as plan() counts them: texts times the longest."""

    @property
    def lanes(self) -> int:
        """How many batches at once it gains by; to be asked it may have to be made ready."""
        ...

    def pooled(self, rows: Sequence[Sequence[int]]) -> Floats:
        """Token ids of B texts, in any order and of any lengths -> one vector for each (B, D)
        float32, in their order, pooled as the model wants it and not normalised."""
        ...


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

    def prepare(
        self, texts: Sequence[str], role: Role, *, instruction: str = "", truncate: Cut = "none"
    ) -> list[Tokens]:
        """The texts in this role as token ids. `instruction`: what queries are for; without it
        the model's own.

        Raises:
            TooLong: a text has more tokens than the model takes and `truncate` is "none".
            BadInput: an instruction for a model that takes none; `texts` is one string.
        """
        if isinstance(texts, str):
            raise BadInput(f"embed takes a list of texts and got one string: {texts[:60]!r}")
        prompt = self.spec.prompt(role, instruction)
        return tokens_of(self.tokenizer, self.spec, texts, prompt, truncate)

    def prepare_ids(self, rows: Sequence[Sequence[int]], *, truncate: Cut = "none") -> list[Tokens]:
        """Token ids as the caller made them, without a prompt; the end token is added if it is
        missing.

        Raises:
            TooLong: as in `prepare`. BadInput: no ids.
        """
        return tokens_as_given(self.tokenizer, self.spec, rows, truncate)

    def run(self, rows: Sequence[Sequence[int]]) -> Floats:
        """Token ids of B texts -> their vectors (B, D) float32, not finished; one batch. It may be
        called from several threads at once.

        Raises:
            ModelError: a vector is none, as where 16 bits are too few for the model's numbers.
        """
        made = self.forward.pooled(rows)
        if not np.isfinite(made).all():  # normalised, it would be zeros and look like a vector
            raise ModelError(
                f"{self.spec.name} in {self.forward.precision} makes numbers that are none; ask "
                "for --precision fp32, or fetch its weights again"
            )
        return made

    def finish(self, vectors: Floats, dimensions: int = 0) -> Floats:
        """Vectors (n, D) as `run` makes them -> (n, dimensions): the first of their components, of
        unit length if the model's are. 0 takes all.

        Raises:
            BadInput: the model has no vectors of so many dimensions.
        """
        self.spec.check_dimensions(dimensions)
        some = vectors[:, :dimensions] if dimensions else vectors
        return normalize(some) if self.spec.normalize else some

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        *,
        instruction: str = "",
        truncate: Cut = "none",
        dimensions: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        """Vectors (len(texts), D) float32 in the order of `texts`; unit length if the model's are.

        `progress` is told how many texts each batch has finished.

        Raises:
            TooLong, BadInput: as in `prepare` and `finish`.
        """
        self.spec.check_dimensions(dimensions)
        ready = self.prepare(texts, role, instruction=instruction, truncate=truncate)
        rows = [each.ids for each in ready]
        vectors = np.empty((len(texts), self.spec.dimensions), np.float32)
        batches = plan([rounded(len(row)) for row in rows], self.forward.batch_tokens)
        with closing(each(lambda batch: self.run([rows[i] for i in batch]), batches)) as made:
            for batch, pooled in zip(batches, made, strict=True):
                vectors[batch] = pooled
                if progress:
                    progress(len(batch))
        return self.finish(vectors, dimensions)
