"""What comes in over the wire, within limits; and whether anybody still waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from polyseek.server.faults import Fault, Gone

MEGABYTE = 1_000_000
BODY_S = 60
"""Longest that a body may take to come in; a client that stalls would hold up the end of the
server."""
LONG = 100_000
"""Bytes that are worth a thread to read as JSON; 0.3 ms or so."""
Made = TypeVar("Made")


async def read_body(request: Request, limit_mb: int) -> bytes:
    """The body, of at most so many megabytes.

    Raises:
        Fault: 413, it is longer; 408, it takes too long. Gone: the client left before its end.
    """
    limit = limit_mb * MEGABYTE
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(BODY_S):
            return await _received(request, limit)
    except TimeoutError:
        told = f"the body did not come in within {BODY_S} seconds; send it again"
        raise Fault(408, told, code="request_timeout") from None


async def _received(request: Request, limit: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return b"".join(parts)


def _too_large(limit: int) -> Fault:
    told = f"the body is over {limit:,} bytes, the most that this server takes; send less at once"
    return Fault(413, told, code="body_too_large")


async def unless_gone(request: Request, work: Coroutine[Any, Any, Made]) -> Made:
    """What `work` makes; it is cancelled when the client goes away. The body has been read.

    Raises:
        Gone: nobody waits for it any more.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
