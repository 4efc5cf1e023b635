"""The process that clients talk to when there are replicas: it hands each request to the one with
the least to do, and to another if that one dies."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from polyseek.closing import Closing
from polyseek.engine.load import load, spec_for
from polyseek.errors import BadInput
from polyseek.loadtest.client import Failed
from polyseek.models.spec import DEFAULT
from polyseek.server import sums
from polyseek.server.faults import Lost
from polyseek.server.line import Reply, message
from polyseek.server.metrics import Metrics
from polyseek.server.models import Load
from polyseek.server.replicas import Replica, Start, State
from polyseek.server.surface import Surface, Told, application
from polyseek.server.wire import read_body, unless_gone
from polyseek.settings import Settings

log = logging.getLogger("polyseek.server")
TRIES = 2
"""Replicas that a request may be handed to. Not more: it may be what ends them."""
TICK_S = 0.05
FIGURES_S = 2.0
"""Longest that /metrics waits for a replica's own."""
LONGEST_PATH = 70
"""Bytes; a socket's whole path may have 103 on macOS, 107 on Linux."""
KEPT = (b"content-type", b"retry-after", b"x-tokenize-ms", b"x-queue-ms", b"x-compute-ms")
"""Headers of a replica's answer that are the client's; the others are of the connection."""


class Front(Surface, Closing):
    """What the routes do before replicas."""

    def __init__(self, settings: Settings, loader: Load = load) -> None:
        """Raises ModelError: there is no such model. BadInput: sockets cannot be had."""
        self._settings, self._metrics = settings, Metrics()
        self._spec, _ = spec_for(settings.model or DEFAULT, settings.model_path)
        # Only this user can open the sockets in it, and keys are asked for here.
        self._directory = _of_sockets()
        theirs = settings.model_copy(update={"api_key": ()})
        start = Start(theirs, loader, settings.replicas, self._directory)
        self.replicas = [Replica(number, start) for number in range(settings.replicas)]

    def app(self, told: Told = lambda spec, error: None) -> FastAPI:
        """The server as an ASGI application."""
        return application(self._settings, self, self._metrics, told)

    @asynccontextmanager
    async def living(self, told: Told) -> AsyncIterator[None]:
        """From the start of the server to its end."""
        tasks = [asyncio.create_task(self._keep(each, told)) for each in self.replicas]
        tasks.append(asyncio.create_task(self._tell_first(told)))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, replica: Replica, told: Told) -> None:
        try:
            await replica.keep()
        except Exception as error:  # whatever it was, the server's owner is told
            told(self._spec, error)

    async def _tell_first(self, told: Told) -> None:
        while all(replica.state > State.FULL for replica in self.replicas):
            await asyncio.sleep(TICK_S)
        told(self._spec, None)

    def close(self) -> None:
        """End the replicas, when they have answered what they have."""
        for replica in self.replicas:
            replica.let_go()
        for replica in self.replicas:
            replica.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    async def embeddings(self, request: Request) -> Response:
        """Vectors of a text, of texts, of token ids, in their order."""
        return await self._passed_on(request, "/v1/embeddings")

    async def tokenize(self, request: Request) -> Response:
        """How many tokens each text has, and whether it fits."""
        return await self._passed_on(request, "/tokenize")

    async def models(self) -> Response:
        """All models, loaded or not."""
        return _response(await self._answered(message("GET", "/v1/models")))

    async def model(self, name: str) -> Response:
        """One model, by its name with or without its owner."""
        return _response(await self._answered(message("GET", f"/v1/models/{quote(name)}")))

    async def _passed_on(self, request: Request, path: str) -> Response:
        body = await read_body(request, self._settings.max_body_mb)
        return _response(await unless_gone(request, self._answered(message("POST", path, body))))

    async def _answered(self, request: bytes) -> Reply:
        """A replica's answer; another's, if the first is lost: an answer depends on nothing but the
        request.

        Raises:
            Lost: there is none.
        """
        tried: set[tuple[int, int]] = set()
        while len(tried) < TRIES:
            replica = await self._chosen(tried)
            tried.add(replica.life)
            try:
                return await replica.hand(request)
            except Failed as failed:
                log.warning("replica %d lost a request (%s)", replica.number, failed.kind)
        raise Lost(
            f"{TRIES} replicas ended while they had this request; send it again, and if that ends "
            "the same way send fewer texts in a request",
            retry_after_s=5,
        )

    async def _chosen(self, tried: set[tuple[int, int]]) -> Replica:
        """The one with the least to do; while there is none, one that starts is waited for.

        Raises:
            Lost: none starts either.
        """
        while True:
            left = [each for each in self.replicas if each.life not in tried]
            if up := [each for each in left if each.state < State.STARTING]:
                return min(up, key=lambda each: each.rank)
            if all(map(_dead, left)):
                raise self._none()
            await asyncio.sleep(TICK_S)

    def _none(self) -> Lost:
        dead = [each for each in self.replicas if _dead(each)]
        now = asyncio.get_running_loop().time()
        again = max(min((each.again for each in dead), default=now) - now, 0)
        return Lost(
            f"{len(dead)} of {len(self.replicas)} replicas have died and there is no other for "
            f"this request; the next is started in {again:.0f} seconds. The server's log tells "
            "why they ended",
            retry_after_s=again + 3,
        )

    async def health(self) -> Response:
        """200 while it is alive; else 503, and why not."""
        dead = [str(each.number) for each in self.replicas if _dead(each)]
        told = f"replicas that have died and are started again: {', '.join(dead)}" if dead else "ok"
        return JSONResponse({"status": told}, 503 if len(dead) == len(self.replicas) else 200)

    async def ready(self) -> Response:
        """200 if it should get requests; else 503, and why not."""
        states = [each.state for each in self.replicas if not each.late]
        if State.READY in states:
            return JSONResponse({"status": "ready"})
        if State.FULL in states:
            return JSONResponse({"status": "the queue is full"}, 503)
        return JSONResponse({"status": f"no replica has {self._spec.name} loaded"}, 503)

    async def metrics(self) -> Response:
        """The text format of Prometheus."""
        await asyncio.gather(*(each.read_figures(FIGURES_S) for each in self.replicas))
        own, others = self._metrics.text().decode(), [each.figures.whole for each in self.replicas]
        text = sums.rendered(own, others, list(self._of_each()))
        return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})

    def _of_each(self) -> Iterator[Metric]:
        ready = GaugeMetricFamily("polyseek_replica_ready", "1 if it answers.", labels=["replica"])
        lives = CounterMetricFamily("polyseek_replica_starts", "Starts.", labels=["replica"])
        asked = CounterMetricFamily(
            "polyseek_replica_requests", "Requests handed to it.", labels=["replica"]
        )
        waiting = GaugeMetricFamily(
            "polyseek_replica_waiting_bytes", "Requests that it has.", labels=["replica"]
        )
        memory = GaugeMetricFamily(
            "polyseek_replica_resident_memory_bytes", "Its memory.", labels=["replica"]
        )
        for each in self.replicas:
            label = [str(each.number)]
            ready.add_metric(label, float(each.state <= State.FULL and not each.late))
            lives.add_metric(label, each.lives)
            asked.add_metric(label, each.requests)
            waiting.add_metric(label, each.work)
            memory.add_metric(label, each.figures.value("process_resident_memory_bytes"))
        yield from (ready, lives, asked, waiting, memory)


def _of_sockets() -> Path:
    """A new directory that only this user can open."""
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_PATH:
        raise BadInput(
            f"the directory for temporary files is {tempfile.gettempdir()}, too long a path for "
            f"the sockets of replicas; set TMPDIR to one of at most {LONGEST_PATH} bytes"
        )
    return Path(tempfile.mkdtemp(prefix="polyseek-"))


def _dead(replica: Replica) -> bool:
    """Whether it has died; before its first start it has not."""
    return replica.state is State.DEAD and replica.lives > 0


def _response(reply: Reply) -> Response:
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in reply.headers
        if name.lower() in KEPT
    }
    return Response(reply.body, reply.status, headers)
