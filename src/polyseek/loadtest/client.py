"""One HTTP/1.1 request at a time over one connection, at a cost of some 20 µs.

httpx2 takes thirty times that, which is time that a server on the same cores lacks and that the
latencies would contain (docs/decisions/0016-loadtest.md). The parser is httptools, which
uvicorn has, too.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

import httptools

from polyseek.loadtest.plan import Target


class Failed(Exception):
    """No answer, or none with vectors."""

    def __init__(self, kind: str, reason: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        """Why, in a word or two, so that they can be counted."""
        self.reason = reason
        """In the server's own words."""


class Connection(asyncio.Protocol):
    """Made by `connect`. After a failure it is closed."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._begun = self._delimited = False
        """Of the answer: its head has come; it tells where it ends."""
        self.closed = False

    async def ask(self, request: bytes, until: float) -> tuple[int, bytes]:
        """Status and body of the answer, if it comes before the loop's time `until`.

        Raises:
            Failed: it did not come, or was no HTTP.
        """
        if self.closed or self._transport is None:
            raise Failed("connection closed")
        loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._begun = self._delimited = False
        self._waiting = loop.create_future()
        late = loop.call_at(until, self._fail, "timeout")
        try:
            self._transport.write(request)
            return await self._waiting
        finally:
            late.cancel()
            if not self._waiting.done() or self._waiting.cancelled():
                self.close()
            self._waiting = None

    def close(self) -> None:
        """Let go of the socket at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, kind: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Failed(kind))
        self.close()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; those that nobody asked for end the connection."""
        if self._waiting is None or self._waiting.done():
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("not HTTP")

    def connection_lost(self, _error: Exception | None) -> None:
        """The answer ends here if nothing told its length, else it is cut."""
        if self._begun and not self._delimited:
            self.on_message_complete()
        self._fail("connection closed")

    # Called by httptools.

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Whether the end of the body is told."""
        self._delimited |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        """The body begins."""
        self._begun = True

    def on_body(self, body: bytes) -> None:
        """A part of it."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((self._parser.get_status_code(), b"".join(self._body)))
            if not self._delimited or not self._parser.should_keep_alive():
                self.close()


async def connect(target: Target, address: str, until: float) -> Connection:
    """A connection to `address`, which is the target's host, looked up.

    Raises:
        Failed: there is none before the loop's time `until`.
    """
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context() if target.tls else None
    try:
        async with asyncio.timeout_at(until):
            _, connection = await loop.create_connection(
                Connection,
                address,
                target.port,
                ssl=tls,
                server_hostname=target.host if tls else None,
            )
    except TimeoutError as error:
        raise Failed("no connection in time") from error
    except ssl.SSLError as error:
        raise Failed("TLS refused", str(error.reason or error)) from error
    except ConnectionRefusedError as error:
        raise Failed("connection refused") from error
    except OSError as error:
        raise Failed("no connection", error.strerror or str(error)) from error
    return connection


def post(target: Target, path: str, body: bytes, key: str = "") -> bytes:
    """The bytes of a request for `path` below the API's root."""
    return _head(target, f"POST {target.root}{path}", key, f"Content-Length: {len(body)}") + body


def get(target: Target, path: str, key: str = "") -> bytes:
    """The bytes of a request for `path` below the host."""
    return _head(target, f"GET {path}", key)


def _head(target: Target, what: str, key: str, *more: str) -> bytes:
    lines = [
        f"{what} HTTP/1.1",
        f"Host: {target.authority}",
        "Content-Type: application/json",
        "User-Agent: polyseek-loadtest",
        *([f"Authorization: Bearer {key}"] if key else []),
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
