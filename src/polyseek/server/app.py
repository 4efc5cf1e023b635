"""What the routes do. Everything that takes longer than a moment is done elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from polyseek.engine.intake import Ask
from polyseek.engine.load import load
from polyseek.server import openai
from polyseek.server.metrics import Metrics
from polyseek.server.models import Load, Models, Served
from polyseek.server.runner import Answer
from polyseek.server.surface import Surface, Told, application
from polyseek.server.wire import LONG, read_body, unless_gone
from polyseek.settings import Settings

MANY = 25_000
"""Numbers that are worth a thread to write as JSON; a millisecond or so."""


def make_app(
    settings: Settings, loader: Load = load, told: Told = lambda spec, error: None
) -> FastAPI:
    """The server as an ASGI application. The first model is loaded while it already listens;
    `told` hears when it is there, or why it is not.

    Raises:
        ModelError, BadInput: as Models.
    """
    metrics = Metrics()
    api = Api(settings, Models(settings, loader, metrics.ran), metrics)
    return application(settings, api, metrics, told)


class Api(Surface):
    """What the routes do in the process that has the models."""

    def __init__(self, settings: Settings, models: Models, metrics: Metrics) -> None:
        self._settings, self._models, self._metrics = settings, models, metrics
        metrics.watch_queues(models)

    @asynccontextmanager
    async def living(self, told: Told) -> AsyncIterator[None]:
        """From the start of the server to its end."""
        loading = asyncio.create_task(self._load_first(told))
        yield
        loading.cancel()
        await self._models.close()

    async def _load_first(self, told: Told) -> None:
        try:
            async with self._models.use(self._models.first):
                told(self._models.first.spec, None)
        except Exception as error:  # whatever it was, the server's owner is told
            told(self._models.first.spec, error)

    async def embeddings(self, request: Request) -> Response:
        """Vectors of a text, of texts, of token ids, in their order."""
        wanted = await self._parsed(openai.EmbeddingRequest, request)
        served = self._models.find(wanted.model)
        ask = wanted.ask(served.spec, self._settings.max_texts)
        wanted.check(served.spec)
        body, answer = await unless_gone(request, self._embedded(served, wanted, ask))
        headers = {
            "x-tokenize-ms": f"{answer.tokenize_s * 1e3:.1f}",
            "x-queue-ms": f"{answer.queue_s * 1e3:.1f}",
            "x-compute-ms": f"{answer.compute_s * 1e3:.1f}",
        }
        return Response(body, media_type="application/json", headers=headers)

    async def _embedded(
        self, served: Served, wanted: openai.EmbeddingRequest, ask: Ask
    ) -> tuple[bytes, Answer]:
        async with self._models.use(served) as runner:
            answer = await runner.embed(ask)
            self._metrics.answered(served.spec.name, answer)

            def body() -> bytes:
                vectors = runner.embedder.finish(answer.vectors, wanted.dimensions or 0)
                tokens = sum(len(each.ids) for each in answer.ready)
                cut = [at for at, each in enumerate(answer.ready) if each.cut]
                return openai.rendered(wanted, served.spec.name, vectors, tokens, cut)

            return await _made(body, answer.vectors.size), answer

    async def tokenize(self, request: Request) -> Response:
        """How many tokens each text has, and whether it fits."""
        wanted = await self._parsed(openai.TokenizeRequest, request)
        served = self._models.find(wanted.model)
        ask = wanted.ask(served.spec, self._settings.max_texts)
        body = await unless_gone(request, self._counted(served, wanted, ask))
        return Response(body, media_type="application/json")

    async def _counted(self, served: Served, wanted: openai.TokenizeRequest, ask: Ask) -> bytes:
        async with self._models.use(served) as runner:
            rows = [each.ids for each in await runner.count(ask)]
        name, limit = served.spec.name, served.spec.max_tokens
        numbers = 3 * len(rows) + wanted.ids * sum(map(len, rows))
        return await _made(lambda: openai.counted(wanted, name, rows, limit), numbers)

    async def _parsed(self, form: type[openai.Form], request: Request) -> openai.Form:
        body = await read_body(request, self._settings.max_body_mb)
        if len(body) > LONG:
            return await asyncio.to_thread(openai.parse, form, body)
        return openai.parse(form, body)

    async def models(self) -> JSONResponse:
        """All models, loaded or not."""
        rows = [_told(served) for served in self._models.served.values()]
        return JSONResponse({"object": "list", "data": rows})

    async def model(self, name: str) -> JSONResponse:
        """One model, by its name with or without its owner."""
        return JSONResponse(_told(self._models.find(name)))

    async def health(self) -> JSONResponse:
        """200 while it is alive; else 503, and why not."""
        alive = self._models.alive
        return JSONResponse(
            {"status": "ok" if alive else "a thread has ended"}, 200 if alive else 503
        )

    async def ready(self) -> JSONResponse:
        """200 if it should get requests; else 503, and why not."""
        why_not = self._models.waits
        return JSONResponse({"status": why_not or "ready"}, 503 if why_not else 200)

    async def metrics(self) -> Response:
        """The text format of Prometheus."""
        return Response(self._metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})


async def _made(body: Callable[[], bytes], numbers: int) -> bytes:
    """A body, made in a thread if there are many numbers in it."""
    return await asyncio.to_thread(body) if numbers > MANY else body()


def _told(served: Served) -> dict[str, Any]:
    spec = served.spec
    return {
        "id": spec.name,
        "object": "model",
        "created": 0,
        "owned_by": spec.hub.split("/")[0],
        "dimensions": spec.dimensions,
        "least_dimensions": spec.least_dimensions or spec.dimensions,
        "max_tokens": spec.max_tokens,
        "max_model_len": spec.max_tokens,
        "loaded": served.runner is not None,
    }
