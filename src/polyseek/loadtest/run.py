"""A run: one first answer, then step after step."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from polyseek.loadtest.client import post
from polyseek.loadtest.figures import METHOD, Figures, figures_of
from polyseek.loadtest.first import body_of, choose_model, look_up, try_out
from polyseek.loadtest.lines import Lines
from polyseek.loadtest.load import Budget, Load, Tell
from polyseek.loadtest.memory import Gauge
from polyseek.loadtest.plan import MOST_CALLERS, Plan, Step
from polyseek.loadtest.texts import Given, Texts
from polyseek.meter import Progress, Watch

PACKAGES = ("polyseek", "httptools", "numpy", "uvloop")


@dataclass(slots=True)
class Outcome:
    """Grows by the steps, so that a run which is interrupted has those that were finished."""

    target: str
    model: str
    texts: str
    """Where they came from."""
    settings: dict[str, Any]
    started: str
    machine: dict[str, Any]
    """Of the generator; of the server, too, if that is on it."""
    versions: dict[str, str]
    percentiles: str = METHOD
    steps: list[Figures] = field(default_factory=list)


class Run:
    """One run over one event loop."""

    def __init__(
        self, plan: Plan, texts: Texts, key: str = "", per_request: int = 1, pid: int = 0
    ) -> None:
        self._plan, self._texts, self._key = plan, texts, key
        self._per_request, self._pid = per_request, pid
        self._budget = Budget(plan.max_requests)
        self._asked = 0
        self.outcome = Outcome(
            target=plan.target.url,
            model=plan.model,
            texts=texts.source,
            settings={
                "steps": [step.name for step in plan.steps],
                "duration_s": plan.duration_s,
                "warmup_s": plan.warmup_s,
                "timeout_s": plan.timeout_s,
                "max_requests": plan.max_requests,
                "texts_per_request": per_request,
            },
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=machine(),
            versions={name: version(name) for name in PACKAGES},
        )

    def steps(self, watch: Watch = lambda step: None) -> Iterator[Figures]:
        """Each step's figures when it is done. After one without any answer there is no further:
        it would be a heavier load on a server that bears none.

        Raises:
            BadInput, ModelError: the endpoint cannot be used.
        """
        with asyncio.Runner(loop_factory=loops()) as runner:
            address = runner.run(self._first(watch))
            for number, step in enumerate(self._plan.steps):
                figures = runner.run(self._hold(step, address, self._telling(watch, number)))
                self.outcome.steps.append(figures)
                yield figures
                if not figures.answers or self._budget.left <= 0:
                    return

    async def _first(self, watch: Watch) -> str:
        watch(Progress(0, 0, 0, 0.0, "trying the endpoint"))
        address = await look_up(self._plan)
        with Lines(self._plan.target, address, 1) as lines:
            self.outcome.model = await choose_model(self._plan, lines, self._key)
            await try_out(self._plan, lines, self.outcome.model, self._texts, self._key)
        return address

    async def _hold(self, step: Step, address: str, tell: Tell) -> Figures:
        greatest: dict[str, float] = {}
        gauge = Gauge(self._plan.target, address, self._pid)
        looking = asyncio.create_task(gauge.watch(greatest))
        try:
            with Lines(self._plan.target, address, step.callers or MOST_CALLERS) as lines:
                seen = await Load(self._plan, step, lines, self._make, self._budget).hold(tell)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        figures = figures_of(step, seen, greatest)
        if isinstance(self._texts, Given) and self._asked > self._texts.count:
            figures.notes.append(
                f"the {self._texts.count} texts were sent more than once: a cache of the server's "
                "may have answered"
            )
        if figures.answers and figures.tokens_per_s is None:
            figures.notes.append("the answers have no usage: tokens are not known")
        return figures

    def _make(self) -> bytes:
        self._asked += self._per_request
        texts = self._texts.take(self._per_request)
        return post(self._plan.target, "/embeddings", body_of(self.outcome.model, texts), self._key)

    def _telling(self, watch: Watch, number: int) -> Tell:
        steps = self._plan.steps

        def tell(share: float) -> None:
            watch(Progress(0, 0, 0, (number + share) / len(steps), steps[number].name))

        return tell


def loops() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's, at half the cost of a request; asyncio's where it is not installed."""
    try:
        import uvloop
    except ImportError:  # it is not for Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def machine() -> dict[str, Any]:
    """What this machine is."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def version(package: str) -> str:
    """Of an installed package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
