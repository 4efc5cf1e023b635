"""One model at work: its intake, its queue, and the way of a request through both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

from polyseek.closing import Closing
from polyseek.engine.embedder import Embedder
from polyseek.engine.inputs import Tokens
from polyseek.engine.intake import CHARACTERS_A_TOKEN, Ask, Intake
from polyseek.engine.pool import Floats
from polyseek.engine.queue import Queue, Ran
from polyseek.errors import BadInput, Overloaded


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
        self.counting = Intake(embedder)
        """Of its own, so that no text to be counted, however long, holds up one to be embedded."""
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
        return self.intake.alive and self.counting.alive and self.queue.alive

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

    async def count(self, ask: Ask) -> list[Tokens]:
        """All tokens of each input, as they would be embedded if they did fit.

        Raises:
            Overloaded: too much is waiting to be counted. BadInput: more than is ever taken; as
            Embedder.prepare.
        """
        limit = self.queue.limit_tokens * CHARACTERS_A_TOKEN
        if ask.characters > limit:
            raise BadInput(
                f"the request has {ask.characters} characters, with the instruction of each text, "
                f"and this server counts the tokens of {limit} at once; send less in a request"
            )
        if self.counting.characters + ask.characters > limit:
            raise Overloaded(
                f"{self.counting.characters} characters are waiting to be counted and "
                f"{ask.characters} more would be over the limit of {limit}; ask again later"
            )
        return await asyncio.wrap_future(self.counting.submit(replace(ask, fitted=False)))

    def warm(self) -> None:
        """Embed something, so that whatever is made at the first call is made now."""
        (ready,) = self.embedder.prepare(["warm"], "passage")
        self.queue.submit([ready.ids]).done.result()

    def close(self) -> None:
        """Answer what was admitted, and end."""
        self.counting.close()
        self.intake.close()
        self.queue.close()
