"""One model at work: its intake, its queue, and the way of a request through both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast

from polyseek.closing import Closing
from polyseek.engine.embedder import Embedder
from polyseek.engine.inputs import Tokens
from polyseek.engine.intake import CHARACTERS_A_TOKEN, Ask, Intake
from polyseek.engine.pool import Floats
from polyseek.engine.queue import Queue, Ran

Rows = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request."""

    vectors: Floats
    """(n, D) float32 as Embedder.run makes them."""
    ready: list[Tokens]
    tokenize_s: float
    queue_s: float
    compute_s: float


class Runner(Closing):
    """A loaded model and what waits for it."""

    def __init__(
        self,
        embedder: Embedder,
        *,
        limit_tokens: int,
        watch: Callable[[Ran], None] = lambda ran: None,
    ) -> None:
        self.embedder = embedder
        self._batch_tokens = embedder.forward.batch_tokens
        self.intake = Intake(embedder)
        self.queue = Queue(
            embedder.run,
            lanes=embedder.forward.lanes,
            batch_tokens=self._batch_tokens,
            limit_tokens=limit_tokens,
            watch=watch,
        )

    @property
    def alive(self) -> bool:
        """Whether all its threads run."""
        return self.intake.alive and self.queue.alive

    @property
    def full(self) -> bool:
        """Whether a request of one batch, or the largest if that is smaller, would be refused."""
        limit = self.queue.limit_tokens
        return self.queue.held_tokens + self._coming + min(self._batch_tokens, limit) > limit

    @property
    def _coming(self) -> int:
        return self.intake.characters // CHARACTERS_A_TOKEN

    async def embed(self, ask: Ask) -> Answer:
        """The vectors of a request. Cancel it, and what has not begun never does.

        Raises:
            Overloaded: too much is waiting. TooLong, BadInput: as Embedder.prepare.
        """
        start = perf_counter()
        self.queue.refuse_if_full(self._coming)
        ready = await asyncio.wrap_future(self.intake.submit(ask))
        job = self.queue.submit([each.ids for each in ready])
        vectors = await asyncio.wrap_future(job.done)
        end = perf_counter()
        return Answer(
            vectors, ready, job.submitted - start, job.begun - job.submitted, end - job.begun
        )

    def tokens(self, ask: Ask) -> list[list[int]]:
        """Token ids of each input, however long, as they would be embedded."""
        if not ask.texts:
            rows = cast("Rows", ask.inputs)
            ends = self.embedder.prepare_ids([row[-1:] for row in rows])
            return [[*row[:-1], *end.ids] for row, end in zip(rows, ends, strict=True)]
        prompt = self.embedder.spec.prompt(ask.role, ask.instruction)
        texts = cast("Sequence[str]", ask.inputs)
        return self.embedder.tokenizer.encode([prompt + text for text in texts])

    def warm(self) -> None:
        """Embed something, so that whatever is made at the first call is made now."""
        (ready,) = self.embedder.prepare(["warm"], "passage")
        self.queue.submit([ready.ids]).done.result()

    def close(self) -> None:
        """Answer what was admitted, and end."""
        self.intake.close()
        self.queue.close()
