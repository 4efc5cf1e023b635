"""The routes, whoever answers them: one process that has the model, or one that hands them on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

import polyseek
from polyseek.models.spec import ModelSpec
from polyseek.server import schema
from polyseek.server.auth import KeyCheck
from polyseek.server.faults import HANDLERS
from polyseek.server.metrics import Measured, Metrics
from polyseek.server.page import page
from polyseek.settings import Settings

Told = Callable[[ModelSpec, BaseException | None], None]
"""Hears when the first model is there, or why it is not."""


class Surface(ABC):
    """What answers the routes."""

    @abstractmethod
    def living(self, told: Told) -> AbstractAsyncContextManager[None]:
        """From the start of the server to its end."""

    @abstractmethod
    async def embeddings(self, request: Request) -> Response:
        """Vectors of a text, of texts, of token ids, in their order."""

    @abstractmethod
    async def tokenize(self, request: Request) -> Response:
        """How many tokens each text has, and whether it fits."""

    @abstractmethod
    async def models(self) -> Response:
        """All models, loaded or not."""

    @abstractmethod
    async def model(self, name: str) -> Response:
        """One model, by its name with or without its owner."""

    @abstractmethod
    async def health(self) -> Response:
        """200 while it is alive; else 503, and why not."""

    @abstractmethod
    async def ready(self) -> Response:
        """200 if it should get requests; else 503, and why not."""

    @abstractmethod
    async def metrics(self) -> Response:
        """The text format of Prometheus."""

    def routes(self) -> APIRouter:
        """Those that need a key if there is one."""
        made = APIRouter()
        for path in ("/v1/embeddings", "/embeddings"):
            shown: dict[str, Any] = {"include_in_schema": path.startswith("/v1")}
            made.add_api_route(
                path, self.embeddings, methods=["POST"], **schema.EMBEDDINGS, **shown
            )
        for path in ("/v1/models", "/models"):
            shown = {"include_in_schema": path.startswith("/v1")}
            made.add_api_route(path, self.models, **schema.MODELS, **shown)
            made.add_api_route(path + "/{name:path}", self.model, **schema.MODEL, **shown)
        made.add_api_route("/tokenize", self.tokenize, methods=["POST"], **schema.TOKENIZE)
        return made

    def open_routes(self) -> APIRouter:
        """Those that need none."""
        made = APIRouter()
        made.add_api_route("/health", self.health, **schema.HEALTH)
        made.add_api_route("/ready", self.ready, **schema.READY)
        made.add_api_route("/metrics", self.metrics, response_class=Response, **schema.METRICS)
        return made


def application(settings: Settings, surface: Surface, metrics: Metrics, told: Told) -> FastAPI:
    """A surface as an ASGI application."""
    app = FastAPI(
        title="polyseek",
        version=polyseek.__version__,
        description=schema.DESCRIPTION,
        docs_url=None,  # FastAPI's own pages load from elsewhere
        redoc_url=None,
        exception_handlers=HANDLERS,
        lifespan=lambda app: surface.living(told),
    )
    app.add_middleware(Measured, metrics=metrics)
    app.include_router(surface.open_routes())
    app.include_router(surface.routes(), dependencies=[Depends(KeyCheck(settings.api_key))])
    app.add_api_route("/docs", lambda: HTMLResponse(page(app.openapi())), include_in_schema=False)
    return app
