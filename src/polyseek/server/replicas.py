"""A replica as its parent sees it: started, looked at, handed requests, started again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from polyseek import errors
from polyseek.closing import Closing
from polyseek.errors import PolyseekError
from polyseek.loadtest.client import Failed
from polyseek.server import replica
from polyseek.server.line import Line, Reply, line_to, message
from polyseek.server.models import Load
from polyseek.server.sums import Figures
from polyseek.settings import Settings

log = logging.getLogger("polyseek.server")
LOOK_S, LOOK_SOON_S = 1.0, 0.1
"""Between two looks at a replica; and at one that does not answer requests yet."""
LATE_S = 2.0
"""A look that is not answered in this time: it gets no request that another can take."""
SILENT_S = 30.0
"""A look that is not answered in this time: it is ended and what it had goes to another. Reading
and writing the largest requests can hold up its answers for some seconds; nothing does for this."""
START_S = 120.0
"""Longest from a process's start until it answers a look; the machine may be busy."""
WAITS_S = (0.5, 30.0)
"""Before one that died is started again: at first, and at most; doubled each time."""
STEADY_S = 60.0
"""One that lived so long waits as at first."""
ANSWER_S = 86_400.0
"""Longest that an answer may take of a replica that is alive: as long as its queue is."""
END_S = 20.0


class State(IntEnum):
    """The lower, the better for a request."""

    READY = 0
    FULL = 1
    LOADING = 2
    STARTING = 3
    DEAD = 4


@dataclass(frozen=True, slots=True)
class Start:
    """What a replica is started with."""

    settings: Settings
    loader: Load
    of: int
    directory: Path
    """Of the sockets."""


class Replica(Closing):
    """One of the processes, through all its lives. Lives on one event loop."""

    def __init__(self, number: int, start: Start) -> None:
        self.number, self._start = number, start
        self.state = State.DEAD
        self.lives = 0
        self.work = 0
        """Bytes of the requests that it has; about four a token in every language."""
        self.requests = 0
        """Handed to it so far."""
        self.again = 0.0
        """The loop's time when it is started again."""
        self.figures = Figures()
        self._process = get_context("spawn").Process()
        self._told: Connection | None = None
        self._idle: list[Line] = []
        self._looking_since = 0.0
        self._was_ready = False

    @property
    def late(self) -> bool:
        """Whether a look at it goes unanswered, so that it may be stuck."""
        since = self._looking_since
        return bool(since) and asyncio.get_running_loop().time() - since > LATE_S

    @property
    def life(self) -> tuple[int, int]:
        """Which process it is; a request that it lost may go to the next."""
        return self.number, self.lives

    @property
    def rank(self) -> tuple[int, bool, int, int]:
        """The lowest gets a request; of two with as little to do, the one that had fewer."""
        return self.state, self.late, self.work, self.requests

    async def keep(self) -> None:
        """Have it run, until this is cancelled.

        Raises:
            PolyseekError: it cannot have its model, and never had.
        """
        loop, (first, longest) = asyncio.get_running_loop(), WAITS_S
        wait = first
        while True:
            begun = loop.time()
            why = await self._live()
            self.figures.ended()
            if loop.time() - begun > STEADY_S:
                wait = first
            self.again = loop.time() + wait
            log.warning("replica %d has ended (%s); again in %.1f s", self.number, why, wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, longest)

    async def _live(self) -> str:
        """One life, and how it ended."""
        died = asyncio.get_running_loop().create_future()
        with self._begun(died):
            why = ""
            while not died.done():
                if why := await self._look():
                    self._process.kill()
                    await died
                answers = self.state <= State.FULL
                await asyncio.wait([died], timeout=LOOK_S if answers else LOOK_SOON_S)
            self._process.join()
            told = self._last_words()
        return why or told or f"exit code {self._process.exitcode}"

    @contextlib.contextmanager
    def _begun(self, died: asyncio.Future[None]) -> Iterator[None]:
        """A process that has begun; `died` is done when it has ended."""
        loop, context, start = asyncio.get_running_loop(), get_context("spawn"), self._start
        self.lives += 1
        path = self._path
        self._told, theirs = context.Pipe()
        given = (start.settings, start.loader, self.number, start.of, path, theirs)
        self._process = context.Process(target=replica.main, args=given, daemon=True)
        self._process.start()
        theirs.close()
        self.state, self._born = State.STARTING, loop.time()
        sentinel = self._process.sentinel

        def ended() -> None:
            loop.remove_reader(sentinel)  # it stays readable
            died.set_result(None)

        loop.add_reader(sentinel, ended)
        try:
            yield
        finally:
            loop.remove_reader(sentinel)
            self.state, self._looking_since = State.DEAD, 0.0
            path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return self._start.directory / f"{self.number}-{self.lives}"

    def _last_words(self) -> str:
        """What it said of its end. Raises PolyseekError if it is of no use to start it again."""
        with contextlib.suppress(EOFError, OSError):
            if self._told and self._told.poll():
                kind, told = self._told.recv()
                if not self._was_ready:
                    raise getattr(errors, kind, PolyseekError)(told)
                return str(told)
        return ""

    async def _look(self) -> str:
        """Bring its state up to date; why it has to be ended, or ""."""
        self._looking_since = now = asyncio.get_running_loop().time()
        try:
            health = await self._ask(message("GET", "/health"), now + SILENT_S)
            ready = await self._ask(message("GET", "/ready"), now + SILENT_S)
        except Failed as failed:
            if self.state is State.STARTING and now < self._born + START_S:
                return ""
            return f"no sign of life: {failed.kind}"
        finally:
            self._looking_since = 0.0
        if health.status != 200:
            return "a thread of it has ended"
        if ready.status == 200:
            self.state, self._was_ready = State.READY, True
        else:
            loaded = self.state in (State.READY, State.FULL)
            self.state = State.FULL if loaded else State.LOADING
        return ""

    async def hand(self, request: bytes) -> Reply:
        """Its answer to a request.

        Raises:
            Failed: it ended before it answered, or did not take it.
        """
        self.work += len(request)
        self.requests += 1
        try:
            return await self._ask(request, asyncio.get_running_loop().time() + ANSWER_S)
        finally:
            self.work -= len(request)

    async def _ask(self, request: bytes, until: float) -> Reply:
        line = await self._line()
        try:
            return await line.reply(request, until)
        finally:
            if not line.closed:
                self._idle.append(line)

    async def _line(self) -> Line:
        while self._idle:
            line = self._idle.pop()
            if not line.closed:
                return line
        return await line_to(self._path)

    async def read_figures(self, within_s: float) -> None:
        """Bring `figures` up to date; one that does not answer has its last."""
        until = asyncio.get_running_loop().time() + within_s
        with contextlib.suppress(Failed):
            self.figures.read((await self._ask(message("GET", "/metrics"), until)).body.decode())

    def let_go(self) -> None:
        """It may end, when it has answered what it has."""
        if self._told:
            self._told.close()

    def close(self) -> None:
        """Wait for its end, not for ever."""
        self.let_go()
        if self.lives:
            self._process.join(END_S)
            self._process.kill()
            self._process.join()
