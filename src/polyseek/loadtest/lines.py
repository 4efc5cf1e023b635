"""The connections of a step: an idle one for each request, or a new one."""

from __future__ import annotations

import asyncio

from polyseek.closing import Closing
from polyseek.loadtest.client import Connection, Failed, connect
from polyseek.loadtest.plan import Target


class Lines(Closing):
    """At most `most` connections to `address`, which is the target's host, looked up."""

    def __init__(self, target: Target, address: str, most: int) -> None:
        self._target, self._address = target, address
        self._room = asyncio.Semaphore(most)
        self._idle: list[Connection] = []
        self.crowded = 0
        """Requests that had to wait for a connection."""

    async def ask(self, request: bytes, until: float) -> tuple[int, bytes]:
        """Status and body of the answer, if it comes before the loop's time `until`.

        Raises:
            Failed: it did not come.
        """
        if self._room.locked():
            self.crowded += 1
            try:
                async with asyncio.timeout_at(until):
                    await self._room.acquire()
            except TimeoutError as error:
                raise Failed("timeout") from error
        else:
            await self._room.acquire()  # at once; the limit would cost more than the rest
        try:
            connection = await self._free(until)
            answer = await connection.ask(request, until)
            if not connection.closed:
                self._idle.append(connection)
            return answer
        finally:
            self._room.release()

    async def _free(self, until: float) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return await connect(self._target, self._address, until)

    def close(self) -> None:
        """Let go of the idle ones."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
