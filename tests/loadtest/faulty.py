"""An endpoint on loopback that answers as it is told to: in time, late, with errors, not at all.

with Faulty() as server:
    server.says = [status(429, "later")]     # the next requests for vectors, the last for ever
    server.url, server.texts
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

Head = dict[str, str]
Says = Callable[[asyncio.StreamWriter, dict[str, Any]], Awaitable[None]]


def reply(code: int, told: object, *more: str) -> bytes:
    """An answer, as its bytes."""
    body = told.encode() if isinstance(told, str) else json.dumps(told).encode()
    head = [f"HTTP/1.1 {code} Whatever", f"content-length: {len(body)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def vectors(body: dict[str, Any]) -> dict[str, Any]:
    """The right answer; a token for each word."""
    tokens = sum(len(text.split()) for text in body["input"])
    rows = [
        {"object": "embedding", "index": i, "embedding": [1.0]} for i in range(len(body["input"]))
    ]
    return {"data": rows, "model": body["model"], "usage": {"prompt_tokens": tokens}}


async def well(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
    """At once."""
    writer.write(reply(200, vectors(body)))


def late(seconds: float) -> Says:
    """The right answer, later."""

    async def say(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        await asyncio.sleep(seconds)
        writer.write(reply(200, vectors(body)))

    return say


def raw(told: bytes, *, hang_up: bool = False) -> Says:
    """These bytes; then the connection is closed, or stays."""

    async def say(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        writer.write(told)
        if hang_up:
            writer.close()

    return say


def status(code: int, told: object) -> Says:
    """An error in OpenAI's form."""
    return raw(reply(code, {"error": {"message": told}}))


class Faulty:
    """The last of `says` is for all further requests."""

    def __init__(self) -> None:
        self.says: list[Says] = [well]
        self.models: object = {"data": [{"id": "toy"}]}
        """Of GET /v1/models; None: there is no such path."""
        self.metrics = "process_resident_memory_bytes 1.25e+08\n"
        self.texts: list[str] = []
        self.keys: set[str] = set()
        self.connections = 0

    @property
    def url(self) -> str:
        """Root of its API."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._connected, "127.0.0.1", 0)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                path, head, body = await _read(reader)
                await self._answer(writer, path, head, body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, path: str, head: Head, body: bytes
    ) -> None:
        self.keys.add(head.get("authorization", ""))
        if path == "/v1/embeddings":
            asked = json.loads(body)
            self.texts += asked["input"]
            say = self.says.pop(0) if len(self.says) > 1 else self.says[0]
            await say(writer, asked)
        elif path == "/v1/models" and self.models is not None:
            writer.write(reply(200, self.models))
        elif path == "/metrics" and self.metrics:
            writer.write(reply(200, self.metrics))
        else:
            writer.write(reply(404, {"detail": f"no {path} here"}))


async def _read(reader: asyncio.StreamReader) -> tuple[str, Head, bytes]:
    """Path, header and body of the next request."""
    raw_head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = raw_head.strip().split("\r\n")
    head = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return first.split()[1], head, await reader.readexactly(int(head.get("content-length", 0)))
