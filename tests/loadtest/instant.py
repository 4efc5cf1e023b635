"""Time that passes only when nobody has anything to do: loads of minutes in no time, and exact.

A server is a function of the request's number and the time it begins, to seconds or to a Failed.
"""

from __future__ import annotations

import asyncio
import itertools
import selectors
from collections.abc import Callable
from typing import Any, cast

import pytest

from polyseek.loadtest import load
from polyseek.loadtest.client import Failed
from polyseek.loadtest.lines import Lines
from polyseek.loadtest.load import Budget, Load, Seen
from polyseek.loadtest.plan import Plan, Step, Target

TARGET = Target("127.0.0.1", 1, tls=False, root="/v1")
ANSWER = b'{"data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": 7}}'

Server = Callable[[int, float], float | Failed]


class _Skips(selectors.DefaultSelector):
    """Waits no time, but says that it has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("nobody will ever do anything again")
        self.now += max(timeout, 0.0)
        return super().select(0)


class Instant(asyncio.SelectorEventLoop):
    """An event loop whose time is made up."""

    def __init__(self) -> None:
        self._skips = _Skips()
        super().__init__(self._skips)

    def time(self) -> float:
        return self._skips.now

    def spend(self, seconds: float) -> None:
        """Nobody else gets a turn meanwhile."""
        self._skips.now += seconds


class Answers:
    """Stands for `Lines`: answers after as long as `server` says."""

    crowded = 0

    def __init__(self, server: Server, loop: Instant) -> None:
        self._server, self._loop = server, loop
        self.begun: list[float] = []
        self.at_once = self.most_at_once = 0

    async def ask(self, request: bytes, until: float) -> tuple[int, bytes]:
        now = self._loop.time()
        self.begun.append(now)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            takes = self._server(len(self.begun) - 1, now)
            if isinstance(takes, Failed):
                raise takes
            await asyncio.sleep(min(takes, max(until - now, 0.0)))
            if now + takes > until:
                raise Failed("timeout")
            return 200, ANSWER
        finally:
            self.at_once -= 1


def held(
    monkeypatch: pytest.MonkeyPatch,
    step: Step,
    server: Server,
    busy: Callable[[int], float] = lambda number: 0.0,
    **plan: float,
) -> tuple[Seen, Answers]:
    """What is seen of a load on `server`, and what it was asked; `busy`: the request's number ->
    how long it keeps the generator."""
    most = int(plan.get("max_requests", 1_000_000))
    made = Plan(
        TARGET,
        (step,),
        duration_s=plan.get("duration_s", 20.0),
        warmup_s=3.0,
        timeout_s=plan.get("timeout_s", 60.0),
    )
    with asyncio.Runner(loop_factory=Instant) as runner:
        loop = cast(Instant, runner.get_loop())
        monkeypatch.setattr(load, "clock", loop.time)
        answers = Answers(server, loop)
        lines = cast(Lines, answers)
        numbers = itertools.count()

        def make() -> bytes:
            loop.spend(busy(next(numbers)))
            return b""

        one = Load(made, step, lines, make, Budget(most))
        return runner.run(one.hold()), answers
