"""A connection to a replica, over a socket of the file system that only this user can open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

# The load test's: httpx2 takes thirty times as long for a request, which replicas on the same
# cores would lack.
from polyseek.loadtest.client import Connection, Failed

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a replica answered."""

    status: int
    headers: Headers
    body: bytes


class Line(Connection):
    """One request at a time, and the headers of its answer."""

    def __init__(self) -> None:
        super().__init__()
        self._headers: Headers = []

    async def reply(self, request: bytes, until: float) -> Reply:
        """The answer, if it comes before the loop's time `until`.

        Raises:
            Failed: it did not come.
        """
        self._headers = []
        status, body = await self.ask(request, until)
        return Reply(status, self._headers, body)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Kept."""
        super().on_header(name, value)
        self._headers.append((name, value))


async def line_to(path: Path) -> Line:
    """A new connection.

    Raises:
        Failed: nobody listens there.
    """
    try:
        _, line = await asyncio.get_running_loop().create_unix_connection(Line, str(path))
    except OSError as error:
        raise Failed("no connection", error.strerror or str(error)) from error
    return line


def message(method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: replica\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body
