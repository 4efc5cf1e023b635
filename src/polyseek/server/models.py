"""The models of a server: which there are, and which are loaded."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from polyseek.engine.embedder import Embedder
from polyseek.engine.load import load, spec_for
from polyseek.engine.queue import Ran
from polyseek.errors import BadInput
from polyseek.models.sources import locate
from polyseek.models.spec import DEFAULT, ModelSpec
from polyseek.server.faults import Fault, NoRoom
from polyseek.server.runner import Runner
from polyseek.settings import Precision, Settings

Load = Callable[..., Embedder]
Locate = Callable[[ModelSpec, Path | None, bool], Path]
GIGABYTE = 1e9
BYTES: dict[Precision, int] = {"": 2, "int8": 1, "fp32": 4, "bf16": 2, "fp16": 2}
"""Of a weight."""


@dataclass(eq=False, slots=True)
class Served:
    """A model of the server, loaded or not."""

    spec: ModelSpec
    name: str
    directory: Path | None
    """As load() takes them."""
    bytes: int
    """What its weights take, about."""
    runner: Runner | None = None
    loading: asyncio.Task[Runner] | None = None
    users: int = 0
    """Requests that are being answered."""
    used: int = 0
    """The number of the last request; the lowest has waited longest for another."""


class Models:
    """Finds a request's model, and loads it if it is not. Lives on one event loop."""

    def __init__(
        self,
        settings: Settings,
        loader: Load = load,
        watch: Callable[[str, Ran], None] = lambda model, ran: None,
        finder: Locate = locate,
    ) -> None:
        """Raises ModelError if there is no such model, BadInput if one is larger than the limit or
        named twice."""
        self._settings, self._loader, self._watch = settings, loader, watch
        self._finder = finder
        self._begun = False
        """Whether a model has been loaded."""
        self._room = asyncio.Lock()
        self._requests = 0
        rows = [self._served(settings.model or DEFAULT, settings.model_path)]
        rows += [self._served(name, None) for name in settings.more_models]
        self.served: dict[str, Served] = {}
        for served in rows:
            if self.served.setdefault(served.spec.name, served) is not served:
                raise BadInput(
                    f"more_models has {served.name}, and this server has {served.spec.name} "
                    "already; leave it out"
                )

    def _served(self, name: str, directory: Path | None) -> Served:
        spec, found = spec_for(name, directory)
        files = found.glob("*.safetensors") if found else ()
        needs = spec.parameters * BYTES[self._settings.precision]
        needs = needs or sum(file.stat().st_size for file in files)
        limit = self._settings.memory_gb
        if limit and needs > limit * GIGABYTE:
            raise BadInput(
                f"{spec.name} takes about {needs / GIGABYTE:.1f} GB and memory_gb is {limit}; "
                "allow more, or serve another model"
            )
        return Served(spec, name, directory, needs)

    @property
    def first(self) -> Served:
        """The one that is loaded at the start."""
        return next(iter(self.served.values()))

    def find(self, name: str) -> Served:
        """The model that a request names, with or without its owner on the hub.

        Raises:
            Fault: 404, it is not served here.
        """
        for served in self.served.values():
            if served.spec.called(name):
                return served
        known = ", ".join(self.served)
        told = f"unknown model {name!r:.80}; this server has: {known}"
        raise Fault(404, told, code="model_not_found", param="model")

    @asynccontextmanager
    async def use(self, served: Served) -> AsyncIterator[Runner]:
        """The model, loaded, and not let go of before the end.

        Raises:
            ModelError: it cannot be loaded. NoRoom: there is no room for it now.
        """
        served.users += 1
        self._requests += 1
        served.used = self._requests
        try:
            yield served.runner or await self._load(served)
        finally:
            served.users -= 1

    async def _load(self, served: Served) -> Runner:
        """One load for all that wait for it; it goes on if they go away."""
        if served.loading is None:
            served.loading = asyncio.create_task(self._bring(served))
        return await asyncio.shield(served.loading)

    async def _bring(self, served: Served) -> Runner:
        try:
            async with self._room:
                await self._make_room(served)
                served.runner = await asyncio.to_thread(self._runner, served)
                self._begun = True
            return served.runner
        finally:
            served.loading = None

    async def _make_room(self, served: Served) -> None:
        if self._over(served):  # none goes for one that is not to be had
            await asyncio.to_thread(self._find, served)
        while self._over(served):
            loaded = [each for each in self.served.values() if each.runner]
            idle = [each for each in loaded if not each.users]
            if not idle:
                raise NoRoom(
                    f"there is no room for {served.spec.name} beside "
                    f"{', '.join(each.spec.name for each in loaded)}, at work; ask again later",
                    retry_after_s=5,
                )
            await _let_go(min(idle, key=lambda each: each.used))

    def _over(self, served: Served) -> bool:
        """Whether it would be too much beside those that are loaded."""
        limit = self._settings.memory_gb * GIGABYTE
        held = sum(each.bytes for each in self.served.values() if each.runner)
        return bool(limit) and held + served.bytes > limit

    def _find(self, served: Served) -> None:
        spec, directory = spec_for(served.name, served.directory)
        self._finder(spec, directory, self._settings.download)

    def _runner(self, served: Served) -> Runner:
        settings, name = self._settings, served.spec.name
        embedder = self._loader(
            served.name,
            served.directory,
            backend=settings.backend,
            device=settings.device,
            precision=settings.precision,
            download=settings.download,
            threads=settings.threads,
            warm=True,
        )
        runner = Runner(
            embedder,
            limit_tokens=settings.queue_tokens,
            watch=lambda ran: self._watch(name, ran),
        )
        runner.warm()
        return runner

    @property
    def waits(self) -> str:
        """Why the server should get no requests now; "" if it should."""
        if not self._begun:
            return f"{self.first.spec.name} is not loaded yet"
        if any(served.runner and served.runner.full for served in self.served.values()):
            return "the queue is full"
        return ""

    @property
    def alive(self) -> bool:
        """Whether no thread of a loaded model has ended."""
        return all(served.runner.alive for served in self.served.values() if served.runner)

    async def close(self) -> None:
        """Answer what was admitted, and let go of all."""
        for served in self.served.values():
            if served.runner:
                await asyncio.to_thread(served.runner.close)


async def _let_go(served: Served) -> None:
    """Answer what it has admitted, and free its memory before another takes its place."""
    runner, served.runner = served.runner, None
    if runner:
        await asyncio.to_thread(runner.close)
    del runner
    # An error holds the frames that it came through, with the model in them, and they hold it.
    await asyncio.to_thread(gc.collect)
