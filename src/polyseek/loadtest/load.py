"""A step: the load is held for a while, and every request is noted.

    warm-up ─────┬───── window ─────┬── until all requests of the window are answered
                 opens              closes

The load is the same in all three parts. Only requests that begin in the window count: those that
begin before it are answered by a server that still warms up, and if the load ended with the window
its last requests would have the server for themselves.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import perf_counter as clock
from time import thread_time, time

from polyseek.loadtest.answers import tokens_of
from polyseek.loadtest.client import Failed
from polyseek.loadtest.lines import Lines
from polyseek.loadtest.plan import Plan, Step

TICK_S = 0.02
"""How often it is seen whether the generator itself is in time."""
PAUSE_S = 0.1
"""Of a caller after an error: a refusal costs a server nothing, and would be asked for without
end."""

Make = Callable[[], bytes]
"""The next request."""
Tell = Callable[[float], None]
"""Which share of the step is done."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; times are of `clock`."""

    begun: float
    """When it was due, in a rate, and else when it was sent. Latency counts from here."""
    ended: float
    tokens: int = 0
    error: str = ""
    """Its kind; "" for an answer with vectors."""


@dataclass(slots=True)
class Seen:
    """What a step saw."""

    opens: float
    closes: float
    opened: float = 0.0
    """When the window opened, in seconds since 1970."""
    asked: list[Asked] = field(default_factory=list)
    """In the order of their ends, those before and after the window included."""
    lags: list[float] = field(default_factory=list)
    """Seconds by which the generator was late: in a rate those of each request of the window, and
    else of a clock that ticks beside the callers."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Kind of error -> what the first one said."""
    crowded: int = 0
    """Requests that waited for one of the connections."""
    cpu_share: float = 0.0
    """Of a core, that the generator took."""
    spent: bool = False
    """The run's requests were used up before the step's end."""


@dataclass(slots=True)
class Budget:
    """Requests that may still be sent, of the whole run."""

    left: int

    def take(self) -> bool:
        """Whether one more may be sent; it is counted."""
        self.left -= 1
        return self.left >= 0


class Load:
    """One step of a run; `hold` is called once."""

    def __init__(self, plan: Plan, step: Step, lines: Lines, make: Make, budget: Budget) -> None:
        self._plan, self._step, self._lines = plan, step, lines
        self._make, self._budget = make, budget
        self._open = 0
        """Requests that began before the window closed and have no answer yet."""

    async def hold(self, tell: Tell = lambda share: None) -> Seen:
        """Returns when all requests of the window are answered or have failed."""
        plan, start, cpu = self._plan, clock(), thread_time()
        opens = start + plan.warmup_s
        self._seen = seen = Seen(opens, opens + plan.duration_s, time() + plan.warmup_s)
        self._tasks: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as self._group:
            if self._step.rate:
                self._run(self._arrive(start))
            for _ in range(self._step.callers):
                self._run(self._call())
            while clock() < seen.closes or self._open:
                before = clock()
                await asyncio.sleep(TICK_S)
                if not self._step.rate and clock() >= opens:
                    seen.lags.append(max(0.0, clock() - before - TICK_S))
                tell(min(1.0, (clock() - start) / (plan.warmup_s + plan.duration_s)))
            for task in self._tasks:
                task.cancel()
        seen.crowded = self._lines.crowded
        seen.cpu_share = (thread_time() - cpu) / (clock() - start)
        return seen

    def _run(self, coroutine: Coroutine[None, None, None]) -> None:
        task = self._group.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self) -> None:
        """A caller: asks, waits for the answer, asks again."""
        while True:
            request = self._make()
            if not self._may_begin():
                return
            if await self._ask(request, clock()):
                await asyncio.sleep(PAUSE_S)

    async def _arrive(self, start: float) -> None:
        """Requests at even distances, whatever becomes of those before."""
        for number in itertools.count():
            due = start + number / self._step.rate
            await asyncio.sleep(0)  # the one before is sent, and answers are read
            request = self._make()  # before it is due
            while (early := due - clock()) > 0:
                await asyncio.sleep(early)
            if not self._may_begin():
                return
            self._run(self._arrival(request, due))

    async def _arrival(self, request: bytes, due: float) -> None:
        if self._seen.opens <= due < self._seen.closes:
            self._seen.lags.append(clock() - due)
        await self._ask(request, due)

    def _may_begin(self) -> bool:
        """Whether another request may be sent; the window closes if not."""
        if self._budget.take():
            return True
        self._seen.spent = True
        self._seen.closes = min(self._seen.closes, clock())
        return False

    async def _ask(self, request: bytes, begun: float) -> str:
        """The kind of error, if it was one."""
        counts = begun < self._seen.closes
        self._open += counts
        tokens, error = 0, ""
        try:
            left_s = self._plan.timeout_s - (clock() - begun)
            until = asyncio.get_running_loop().time() + left_s
            tokens = tokens_of(*await self._lines.ask(request, until))
        except Failed as failed:
            error = failed.kind
            self._seen.reasons.setdefault(error, failed.reason)
        finally:
            self._open -= counts
        self._seen.asked.append(Asked(begun, clock(), tokens, error))
        return error
