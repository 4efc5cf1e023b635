"""What a request costs a load generator: the connection of `polyseek loadtest`, httpx2 and, where
it is installed, aiohttp, on a stub that answers at once.

    python benchmarks/loadtest_cost.py
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from common import save_result
from loadtest_peer import STUB, started

from polyseek.loadtest.client import connect, post
from polyseek.loadtest.plan import read_target
from polyseek.loadtest.run import loops

CALLERS = (1, 16, 64)
SECONDS, ROUNDS = 3.0, 3

Ask = Callable[[], Awaitable[object]]


async def cost(callers: int, seconds: float, open_one: Callable[[], Awaitable[Ask]]) -> Any:  # noqa: ANN401
    """Requests a second, P50 and processor time of a request, each caller with what it opens."""
    asks = [await open_one() for _ in range(callers)]
    latencies: list[float] = []
    until, cpu, start = time.perf_counter() + seconds, time.process_time(), time.perf_counter()

    async def call(ask: Ask) -> None:
        while (begun := time.perf_counter()) < until:
            await ask()
            latencies.append(time.perf_counter() - begun)

    await asyncio.gather(*map(call, asks))
    took = time.perf_counter() - start
    return {
        "requests_per_s": round(len(latencies) / took),
        "p50_us": round(float(np.median(latencies)) * 1e6),
        "cpu_us": round((time.process_time() - cpu) / len(latencies) * 1e6),
    }


async def overheads(port: int, callers: int, seconds: float) -> dict[str, Any]:
    """Of each client, one after the other."""
    import httpx2

    url = f"http://127.0.0.1:{port}/v1"
    target = read_target(url, remote=False)
    body = json.dumps({"model": "stub", "input": ["word " * 100]}).encode()
    request, loop = post(target, "/embeddings", body), asyncio.get_running_loop()
    found = {}

    async def own() -> Ask:
        connection = await connect(target, "127.0.0.1", loop.time() + 10)
        return lambda: connection.ask(request, loop.time() + 60)

    found["own"] = await cost(callers, seconds, own)
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(limits=limits, trust_env=False) as client:

        async def other() -> Ask:
            return lambda: client.post(url + "/embeddings", content=body)

        found["httpx2"] = await cost(callers, seconds, other)
    try:
        import aiohttp
    except ImportError:
        return found
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def third() -> Ask:
            async def ask() -> None:
                async with session.post(url + "/embeddings", data=body) as answer:
                    await answer.read()

            return ask

        found["aiohttp"] = await cost(callers, seconds, third)
    return found


def main() -> None:
    rounds: dict[str, list[dict[str, Any]]] = {}
    with started(STUB, "[0]") as port:
        for callers in CALLERS * ROUNDS:
            with asyncio.Runner(loop_factory=loops()) as runner:
                found = runner.run(overheads(port, callers, SECONDS))
            rounds.setdefault(str(callers), []).append(found)
            print(callers, "callers", found, flush=True)
    best = {
        callers: {
            client: min((row[client] for row in rows), key=lambda figures: figures["p50_us"])
            for client in rows[0]
        }
        for callers, rows in rounds.items()
    }
    settings = {"seconds": SECONDS, "rounds": ROUNDS}
    save_result("loadtest_cost", settings, {"best": best, "rounds": rounds})


if __name__ == "__main__":
    main()
