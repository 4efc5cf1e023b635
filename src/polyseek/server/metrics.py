"""Figures for Prometheus, and how long each request took."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from time import perf_counter

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polyseek.engine.queue import Ran
from polyseek.server.faults import mistake
from polyseek.server.models import Models
from polyseek.server.runner import Answer

log = logging.getLogger("polyseek.server")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
PARTS = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)


class Metrics:
    """All figures of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        counter = partial(Counter, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.requests = counter("polyseek_requests", "Requests.", ("path", "status"))
        self.seconds = histogram(
            "polyseek_request_seconds", "Time to the answer.", ("path",), buckets=SECONDS
        )
        self.phases = histogram(
            "polyseek_phase_seconds",
            "Time of a request in each phase: tokenize, queue, compute.",
            ("model", "phase"),
            buckets=SECONDS,
        )
        self.texts = counter("polyseek_texts", "Texts embedded.", ("model",))
        self.tokens = counter("polyseek_tokens", "Tokens embedded.", ("model",))
        self.truncated = counter("polyseek_truncated_texts", "Texts cut.", ("model",))
        self.batches = counter("polyseek_batches", "Batches run.", ("model",))
        self.padded = counter("polyseek_padded_tokens", "Tokens of batches, padded.", ("model",))
        self.batch_seconds = counter(
            "polyseek_batch_seconds", "Time of batches, of all lanes together.", ("model",)
        )
        self.fill = histogram(
            "polyseek_batch_fill",
            "Tokens of a batch, without padding, as a part of the most that it may have.",
            ("model",),
            buckets=PARTS,
        )

    def ran(self, model: str, ran: Ran) -> None:
        """A batch has run."""
        self.batches.labels(model).inc()
        self.padded.labels(model).inc(ran.padded)
        self.batch_seconds.labels(model).inc(ran.seconds)
        self.fill.labels(model).observe(ran.tokens / max(ran.budget, ran.padded))

    def answered(self, model: str, answer: Answer) -> None:
        """A request has its vectors."""
        self.texts.labels(model).inc(len(answer.ready))
        self.tokens.labels(model).inc(sum(len(each.ids) for each in answer.ready))
        self.truncated.labels(model).inc(sum(each.cut for each in answer.ready))
        for phase in ("tokenize", "queue", "compute"):
            self.phases.labels(model, phase).observe(getattr(answer, f"{phase}_s"))

    def watch_queues(self, models: Models) -> None:
        """Tell of what is waiting whenever somebody asks."""
        self.registry.register(Queues(models))

    def text(self) -> bytes:
        """For Prometheus."""
        return generate_latest(self.registry)


class Queues(Collector):
    """What is waiting, read when it is asked for."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        """Gauges of each model."""
        loaded = GaugeMetricFamily("polyseek_loaded", "1 if the model is loaded.", labels=["model"])
        tokens = GaugeMetricFamily(
            "polyseek_queue_tokens", "Tokens admitted and not answered.", labels=["model"]
        )
        jobs = GaugeMetricFamily(
            "polyseek_queue_requests", "Requests not wholly begun.", labels=["model"]
        )
        for name, served in self._models.served.items():
            runner = served.runner
            loaded.add_metric([name], float(runner is not None))
            tokens.add_metric([name], float(runner.queue.held_tokens if runner else 0))
            jobs.add_metric([name], float(runner.queue.jobs if runner else 0))
        yield from (loaded, tokens, jobs)


class Measured:
    """ASGI middleware: counts requests, tells the time of each in a header, and answers where
    nothing else has."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, begun = perf_counter(), False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                taken = self._count(scope, message["status"], start)
                told = f"{taken * 1e3:.1f}".encode()
                message["headers"] = [*message["headers"], (b"x-total-ms", told)]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # whatever it was, it is told and the server lives on
            if begun:
                raise
            log.exception("%s %s", scope["method"], scope["path"])
            await mistake(error)(scope, receive, sending)

    def _count(self, scope: Scope, status: int, start: float) -> float:
        """Seconds since the start."""
        taken, path = perf_counter() - start, getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(path, status).inc()
        self._metrics.seconds.labels(path).observe(taken)
        return taken
