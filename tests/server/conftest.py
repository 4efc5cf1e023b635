"""A server that runs, with the toy for a model, and a client for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from polyseek.engine.embedder import Embedder
from polyseek.models import spec
from polyseek.server.app import make_app
from polyseek.settings import read_settings
from toy import Floats, toy_embedder, toy_spec


class Slow:
    """The toy's forward, when it may."""

    def __init__(self, embedder: Embedder) -> None:
        self._inner = embedder.forward
        self.precision = self._inner.precision
        self.batch_tokens, self.lanes = self._inner.batch_tokens, self._inner.lanes
        self.go = threading.Event()
        self.go.set()
        self.texts = 0

    def pooled(self, rows: Sequence[Sequence[int]]) -> Floats:
        assert self.go.wait(20)
        self.texts += len(rows)
        return self._inner.pooled(rows)


@dataclass(frozen=True)
class Live:
    """A server on a port of its own."""

    app: FastAPI
    address: str
    client: httpx.Client
    embedder: Embedder
    slow: Slow

    def embed(self, given: Any, **fields: Any) -> httpx.Response:  # noqa: ANN401
        """The answer to a request for embeddings."""
        body = {"model": "toy", "input": given, **fields}
        return self.client.post("/v1/embeddings", json=body)

    def vectors(self, given: Any, **fields: Any) -> Floats:  # noqa: ANN401
        """Those of the answer, (n, D) float32."""
        answer = self.embed(given, **fields)
        assert answer.status_code == 200, answer.text
        return np.array([row["embedding"] for row in answer.json()["data"]], np.float32)


Serve = Callable[..., Live]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts servers with these settings, and ends them."""
    monkeypatch.setitem(spec.SPECS, "toy", toy_spec(least_dimensions=8))
    started: list[tuple[uvicorn.Server, threading.Thread, Live]] = []

    def serve(**given: Any) -> Live:  # noqa: ANN401
        embedder = toy_embedder(least_dimensions=8)
        embedder.forward = slow = Slow(embedder)
        app = make_app(read_settings(model="toy", **given), lambda *_, **__: embedder)
        server, thread, address = listen(app)
        live = Live(app, address, httpx.Client(base_url=address, timeout=20), embedder, slow)
        started.append((server, thread, live))
        until(lambda: live.client.get("/ready").status_code == 200)
        return live

    yield serve
    for server, thread, live in started:
        live.slow.go.set()
        live.client.close()
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def live(serve: Serve) -> Live:
    """A server with the settings' defaults."""
    return serve()


def listen(app: FastAPI) -> tuple[uvicorn.Server, threading.Thread, str]:
    """An application in a thread."""
    config = uvicorn.Config(app, port=0, log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    return server, thread, f"http://127.0.0.1:{port}"


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)
