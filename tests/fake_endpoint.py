"""An OpenAI-compatible endpoint on loopback with the toy behind it, that fails as it is told to.

with FakeEndpoint() as fake:
    fake.faults = [status(429, retry_after="0"), cut]   # the next two requests
    Endpoint(fake.url).post("/embeddings", {"model": "toy", "input": ["cat"]})
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import numpy as np

from polyseek.engine.embedder import Embedder
from toy import toy_embedder

Fault = Callable[["Handler", dict[str, Any]], None]
Alter = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


class FakeEndpoint:
    """Keeps the requests for vectors; each gets the next of `faults` instead of an answer."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self.embedder = embedder or toy_embedder()
        self.entries: list[dict[str, Any]] | None = [{"id": "toy", "object": "model"}]
        """Of GET /v1/models; None: there is no such path."""
        self.faults: list[Fault | None] = []
        self.always: Fault | None = None
        """Where `faults` has none."""
        self.counting: Fault | None = None
        """Instead of every answer of POST /tokenize."""
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        """The authorization of every request, whatever its path."""
        self.most = 10_000
        """Texts of a request; more are refused with `too_many`."""
        self.too_many: Fault = status(413, {"error": "batch size > maximum allowed batch size"})
        self.floats_only = False
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Root of its API."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def texts(self) -> list[str]:
        """All that it was asked to embed."""
        return [text for body in self.bodies for text in body["input"]]

    def __enter__(self) -> Self:
        fake = self
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Bound", (Handler,), {"fake": fake})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def next_fault(self, body: dict[str, Any]) -> Fault | None:
        """What the request comes to; it is noted."""
        with self._lock:
            self.bodies.append(body)
            if self.faults:
                return self.faults.pop(0)
            return self.too_many if len(body["input"]) > self.most else self.always


class Handler(BaseHTTPRequestHandler):
    fake: FakeEndpoint
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def handle(self) -> None:
        with suppress(ConnectionError, TimeoutError):  # the client gave up
            super().handle()

    def do_GET(self) -> None:
        self.fake.keys.append(self.headers.get("authorization", ""))
        if self.path == "/v1/models" and self.fake.entries is not None:
            self.answer(200, {"object": "list", "data": self.fake.entries})
        else:
            self.answer(404, {"error": {"message": f"no {self.path} here"}})

    def do_POST(self) -> None:
        self.fake.keys.append(self.headers.get("authorization", ""))
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/tokenize" and self.fake.counting:
            self.fake.counting(self, body)
            return
        if self.path == "/tokenize":
            self.answer(200, {"data": [{"tokens": len(row)} for row in self.rows(body)]})
            return
        if self.path != "/v1/embeddings":
            self.answer(404, {"error": {"message": f"no {self.path} here"}})
            return
        fault = self.fake.next_fault(body)
        fault(self, body) if fault else self.vectors(body)

    def rows(self, body: dict[str, Any]) -> list[list[int]]:
        """Token ids; with the prompt if the server is to put it there."""
        prompts = {"query": "query: ", "document": "passage: ", None: ""}
        prompt = prompts[body.get("input_type")]
        return self.fake.embedder.tokenizer.encode([prompt + text for text in body["input"]])

    def vectors(self, body: dict[str, Any], alter: Alter = lambda rows: rows) -> None:
        """The right answer, `alter`ed."""
        made = self.fake.embedder.run(self.rows(body)) if body["input"] else np.empty((0, 32))
        as_text = body.get("encoding_format") == "base64" and not self.fake.floats_only
        rows = [
            {"object": "embedding", "index": at, "embedding": encoded(row, as_text)}
            for at, row in enumerate(made)
        ]
        self.answer(200, {"object": "list", "data": alter(rows), "model": body["model"]})

    def answer(self, code: int, told: object, **headers: str) -> None:
        text = told if isinstance(told, str) else json.dumps(told)
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text.encode())))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text.encode())


def encoded(row: np.ndarray, as_text: bool) -> str | list[float]:
    little = np.asarray(row, "<f4")
    return base64.b64encode(little.tobytes()).decode() if as_text else little.tolist()


# Faults.


def status(code: int, told: object = "not now", **headers: str) -> Fault:
    """An answer that is an error."""
    return lambda handler, body: handler.answer(code, told, **headers)


def slow(seconds: float) -> Fault:
    """The right answer, late."""

    def fault(handler: Handler, body: dict[str, Any]) -> None:
        time.sleep(seconds)
        handler.vectors(body)

    return fault


def hang(handler: Handler, body: dict[str, Any]) -> None:
    """No answer, until the client goes away."""
    handler.rfile.read(1)
    handler.close_connection = True


def cut(handler: Handler, body: dict[str, Any]) -> None:
    """The connection is closed in the middle of the answer."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"object": ')
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def altered(alter: Alter) -> Fault:
    """An answer with other rows than the right ones."""
    return lambda handler, body: handler.vectors(body, alter)


def wrong(at: int, embedding: object) -> Fault:
    """An answer whose vector `at` is this."""

    def alter(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "embedding": embedding} if i == at else row for i, row in enumerate(rows)]

    return altered(alter)
