"""The server over HTTP, with the toy for a model."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client import CONTENT_TYPE_LATEST

from polyseek.server import wire
from server.conftest import Live, Serve, until
from toy import toy_embedder, toy_vector

ERROR = {"message", "type", "param", "code"}


def error_of(answer: httpx.Response, status: int, code: str, told: str) -> dict[str, Any]:
    """The error in an answer, which is as OpenAI's clients read it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == ERROR
    assert error["code"] == code
    assert re.search(told, error["message"]), error["message"]
    return error


# Embeddings.


def test_all_forms_of_input(live: Live) -> None:
    cat, dog = toy_vector("cat"), toy_vector("dog")
    ids = [each.ids for each in live.embedder.prepare(["cat", "dog"], "passage")]
    for given, wanted in (
        ("cat", [cat]),
        (["cat", "dog"], [cat, dog]),
        (ids[0], [cat]),
        (ids, [cat, dog]),
        (ids[0][:-1], [cat]),
    ):
        np.testing.assert_allclose(live.vectors(given), wanted, atol=1e-6)


def test_the_answer_is_openais(live: Live) -> None:
    answer = live.embed(["cat and dog", "fish"])
    body = answer.json()
    assert set(body) == {"object", "data", "model", "usage"}
    assert (body["object"], body["model"]) == ("list", "toy")
    assert body["usage"] == {"prompt_tokens": 10, "total_tokens": 10, "truncated": []}
    for phase in ("tokenize", "queue", "compute", "total"):
        assert float(answer.headers[f"x-{phase}-ms"]) >= 0
    total = float(answer.headers["x-total-ms"])
    assert total >= float(answer.headers["x-compute-ms"])


def test_dimensions_are_cut_and_then_normalised(live: Live) -> None:
    whole, some = live.vectors("cat dog"), live.vectors("cat dog", dimensions=8)
    np.testing.assert_allclose(some, whole[:, :8] / np.linalg.norm(whole[:, :8]), atol=1e-6)
    answer = live.embed("cat", dimensions=33)
    assert error_of(answer, 400, "invalid_value", "33 dimensions; ask")["param"] == "dimensions"


def test_roles(live: Live) -> None:
    """The toy's prompts weigh nothing, but they are counted."""
    tokens = live.embed("cat", input_type="query").json()["usage"]["prompt_tokens"]
    assert tokens == live.embed("cat").json()["usage"]["prompt_tokens"] == 4
    ids = live.client.post(
        "/tokenize", json={"model": "toy", "input": "cat", "input_type": "query", "ids": True}
    ).json()["data"][0]["ids"]
    assert ids == live.embedder.prepare(["cat"], "query")[0].ids


def test_too_long_is_an_error_unless_it_may_be_cut(live: Live) -> None:
    texts = ["cat", "dog " * 600]
    told = "text 1 has 603 tokens with its prompt and toy takes 512"
    error = error_of(live.embed(texts), 400, "text_too_long", told)
    assert error["param"] == "input"
    error_of(live.embed(texts, truncate="none"), 400, "text_too_long", told)
    usage = live.embed(texts, truncate="end").json()["usage"]
    assert usage == {"prompt_tokens": 516, "total_tokens": 516, "truncated": [1]}
    assert live.embed(texts[::-1], truncate="start").json()["usage"]["truncated"] == [0]
    for asked in (-1, 512, 32_768):
        cut = live.embed(texts, truncate_prompt_tokens=asked).json()
        assert cut["usage"] == usage
    error_of(live.embed(texts, truncate_prompt_tokens=511), 400, "invalid_value", "is 511 and toy")


def test_output_types(live: Live) -> None:
    whole = live.vectors(["cat", "dog fish"])
    signs = np.packbits(whole > 0, axis=1)
    np.testing.assert_array_equal(live.vectors(["cat", "dog fish"], output_dtype="ubinary"), signs)
    body = live.embed(["cat", "dog fish"], output_dtype="ubinary", encoding_format="base64").json()
    assert [base64.b64decode(row["embedding"]) for row in body["data"]] == [
        row.tobytes() for row in signs
    ]
    told = "12 dimensions do not fill bytes"
    before = live.slow.texts
    answer = live.embed("cat", output_dtype="binary", dimensions=12)
    assert error_of(answer, 400, "invalid_value", told)["param"] == "dimensions"
    assert live.slow.texts == before


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings"])
def test_many_texts_in_one_request(live: Live, path: str) -> None:
    texts = [f"cat {n} dog {n * n}" for n in range(1000)]
    body = live.client.post(path, json={"model": "toy", "input": texts}).json()
    found = np.array([row["embedding"] for row in body["data"]], np.float32)
    np.testing.assert_allclose(found, toy_embedder().embed(texts, "passage"), atol=1e-6)


def test_answers_of_many_clients_are_not_mixed_up(live: Live) -> None:
    def ask(n: int) -> bool:
        texts = [f"word{n} number{m} " * (1 + (n * m) % 30) for m in range(1 + n % 5)]
        wanted = toy_embedder().embed(texts, "passage")
        return bool(np.allclose(live.vectors(texts), wanted, atol=1e-6))

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(200)))


# Errors.


def test_errors(live: Live) -> None:
    error_of(live.embed(""), 400, "invalid_value", "input is empty")
    error = error_of(live.embed("cat", zzz=1), 400, "unknown_field", "unknown field 'zzz'")
    assert (error["param"], error["type"]) == ("zzz", "invalid_request_error")
    answer = live.client.post("/v1/embeddings", json={"model": "gpt", "input": "cat"})
    error_of(answer, 404, "model_not_found", "unknown model 'gpt'; this server has: toy")
    answer = live.client.post("/v1/embeddings", content=b"{")
    error_of(answer, 400, "invalid_json", "the body is not JSON")
    error_of(live.client.get("/v2/nothing"), 404, "not_found", "GET /v2/nothing: Not Found")
    answer = live.client.get("/v1/embeddings")
    error_of(answer, 405, "method_not_allowed", "GET /v1/embeddings: Method Not Allowed")
    assert answer.headers["allow"] == "POST"
    answer = live.embed("cat", instruction="Find animals")
    error = error_of(answer, 400, "invalid_value", "toy takes no instruction for a query")
    assert error["param"] == "instruction"
    body = {"model": "toy", "input": [[1, 2], [3, 2**60, 2]]}
    for path in ("/v1/embeddings", "/tokenize"):
        told = "token array 1 has the id 1152921504606846976"
        error = error_of(live.client.post(path, json=body), 400, "invalid_value", told)
        assert error["param"] == "input"


def test_limits(serve: Serve) -> None:
    live = serve(max_texts=3, max_body_mb=1, queue_tokens=1000)
    error_of(live.embed(["cat"] * 4), 400, "too_many_texts", "has 4 texts .* takes 3 a request")
    answer = live.embed("cat " * 300_000)
    error_of(answer, 413, "body_too_large", "over 1,000,000 bytes")
    stream = (b" " * 100_000 for _ in range(20))
    answer = live.client.post("/v1/embeddings", content=stream)
    error_of(answer, 413, "body_too_large", "over 1,000,000 bytes")
    answer = live.embed(["cat " * 400, "dog " * 400, "fish " * 400])
    error_of(answer, 400, "invalid_value", "has 1224 tokens, padding included, .* takes 1 to 1000")


def test_a_mistake_of_ours_is_an_answer_too(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(live.embedder, "finish", broken)
    answer = live.embed("cat")
    error = error_of(
        answer, 500, "internal_error", "mistake \\(ZeroDivisionError\\); its log tells"
    )
    assert error["type"] == "server_error"
    assert "ZeroDivisionError" in caplog.text
    assert 'path="/v1/embeddings",status="500"' in live.client.get("/metrics").text


def test_a_body_that_does_not_come(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY_S", 0.2)
    host, port = live.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        assert b"408" in client.recv(1000).split(b"\r\n")[0]


# Keys.


def test_keys(serve: Serve) -> None:
    live = serve(api_key="first, zweiter-schlüssel")
    for key in ("first", "zweiter-schlüssel"):
        headers = {b"Authorization": f"Bearer {key}".encode()}
        assert live.client.get("/v1/models", headers=headers).status_code == 200
    answer = live.embed("cat")
    error = error_of(answer, 401, "missing_api_key", "Authorization: Bearer KEY")
    assert error["type"] == "authentication_error"
    assert answer.headers["www-authenticate"] == "Bearer"
    for wrong in ("Bearer firs", "Bearer first2", "Basic first", "Bearer", "Bearer \xff"):
        answer = live.client.get("/v1/models", headers={b"Authorization": wrong.encode("latin1")})
        error_of(answer, 401, "invalid_api_key", "not known here")
    for path in ("/health", "/ready", "/metrics", "/docs", "/openapi.json"):
        assert live.client.get(path).status_code == 200


def test_a_key_is_looked_at_where_the_request_is(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    compare = hmac.compare_digest

    def watched(sent: bytes, known: bytes) -> bool:
        threads.append(threading.current_thread().name)
        asyncio.get_running_loop()  # raises in a thread of a pool
        return compare(sent, known)

    live = serve(api_key="first")
    monkeypatch.setattr(hmac, "compare_digest", watched)
    headers = {"Authorization": "Bearer first"}
    assert live.client.get("/v1/models", headers=headers).status_code == 200
    assert len(threads) == 1


# Under load.


def test_full_it_refuses_and_recovers(serve: Serve) -> None:
    live = serve(queue_tokens=2000)
    live.slow.go.clear()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(live.vectors, ["cat " * 400] * 2) for _ in range(2)]
        until(
            lambda: 'polyseek_queue_tokens{model="toy"} 1632.0' in live.client.get("/metrics").text
        )
        answer = live.embed("cat " * 400)
        error = error_of(answer, 429, "queue_full", r"1632 tokens are waiting and 408 more .* 2000")
        assert error["type"] == "rate_limit_error"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert live.client.get("/ready").status_code == 503
        assert "queue is full" in live.client.get("/ready").json()["status"]
        assert live.client.get("/health").status_code == 200
        live.slow.go.set()
        assert all(each.result(20).shape == (2, 32) for each in waiting)
    until(lambda: live.client.get("/ready").status_code == 200)
    assert live.vectors("cat " * 400).shape == (1, 32)


def test_ready_with_a_queue_of_less_than_a_batch(serve: Serve) -> None:
    live = serve(queue_tokens=100)  # the toy's batches have 512; serve() waits until it is ready
    live.slow.go.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(live.vectors, "cat")
        until(lambda: live.client.get("/ready").status_code == 503)
        live.slow.go.set()
        assert waiting.result(20).shape == (1, 32)


class Held:
    """A tokenizer that waits until it may go on."""

    def __init__(self, live: Live) -> None:
        self._inner = live.embedder.tokenizer
        self.size = self._inner.size
        self.busy, self.go = threading.Event(), threading.Event()
        live.embedder.tokenizer = self

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        if any("held" in text for text in texts):
            self.busy.set()
            assert self.go.wait(20)
        return self._inner.encode(texts)

    def count(self, texts: Sequence[str]) -> list[int]:
        return self._inner.count(texts)


def test_counting_has_limits_and_holds_up_no_embedding(serve: Serve) -> None:
    live = serve(queue_tokens=1000)
    held = Held(live)

    def count(*texts: str) -> httpx.Response:
        return live.client.post("/tokenize", json={"model": "toy", "input": texts})

    told = "has 4002 characters, .* counts the tokens of 4000 at once"
    assert error_of(count("cat" * 667, "dog" * 667), 400, "invalid_value", told)["param"] == "input"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(count, "held" * 500)
        assert held.busy.wait(20)
        told = "2000 characters are waiting to be counted and 2001 more .* limit of 4000"
        answer = count("dog" * 667)
        error_of(answer, 429, "queue_full", told)
        assert answer.headers["retry-after"] == "1"
        assert live.vectors("cat").shape == (1, 32)
        assert live.client.get("/ready").status_code == 200
        held.go.set()
        assert waiting.result(20).json()["data"] == [{"index": 0, "tokens": 4, "fits": True}]
    assert count("dog" * 667).status_code == 200


def test_what_nobody_waits_for_is_not_counted(live: Live) -> None:
    held = Held(live)
    with pytest.raises(httpx.ReadTimeout):
        live.client.post("/tokenize", json={"model": "toy", "input": "held"}, timeout=0.5)
    gone = 'polyseek_requests_total{path="/tokenize",status="499"} 1.0'
    until(lambda: gone in live.client.get("/metrics").text)
    held.go.set()


def test_what_nobody_waits_for_is_dropped(live: Live) -> None:
    live.slow.go.clear()
    before = live.slow.texts
    thread = threading.Thread(target=live.embed, args=("dog",))
    thread.start()
    with pytest.raises(httpx.ReadTimeout):
        live.client.post(
            "/v1/embeddings", json={"model": "toy", "input": ["cat " * 400] * 500}, timeout=1
        )
    gone = 'polyseek_requests_total{path="/v1/embeddings",status="499"} 1.0'
    until(lambda: gone in live.client.get("/metrics").text)
    assert 'polyseek_queue_requests{model="toy"} 0.0' in live.client.get("/metrics").text
    live.slow.go.set()
    thread.join(20)
    assert live.slow.texts - before < 20


# Everything else.


def test_models(live: Live) -> None:
    (model,) = live.client.get("/v1/models").json()["data"]
    assert model == {
        "id": "toy",
        "object": "model",
        "created": 0,
        "owned_by": "polyseek",
        "dimensions": 32,
        "least_dimensions": 8,
        "max_tokens": 512,
        "max_model_len": 512,
        "loaded": True,
    }
    for name in ("toy", "polyseek/toy"):
        assert live.client.get(f"/v1/models/{name}").json() == model
    answer = live.client.get("/v1/models/gpt")
    error_of(answer, 404, "model_not_found", "unknown model 'gpt'")
    both = {"model": "polyseek/toy", "input": "cat"}
    assert live.client.post("/v1/embeddings", json=both).json()["model"] == "toy"


def test_tokenize(live: Live) -> None:
    asked = {"model": "toy", "input": ["cat dog", "fish " * 600]}
    body = live.client.post("/tokenize", json=asked).json()
    assert (body["model"], body["max_tokens"]) == ("toy", 512)
    assert body["data"] == [
        {"index": 0, "tokens": 5, "fits": True},
        {"index": 1, "tokens": 603, "fits": False},
    ]
    ids = {"model": "toy", "input": [[1, 7, 2], [1, 8]], "ids": True}
    rows = live.client.post("/tokenize", json=ids).json()["data"]
    assert [row["ids"] for row in rows] == [[1, 7, 2], [1, 8, 2]]
    many = {"model": "toy", "input": ["cat " * 30_000], "ids": True}
    assert len(live.client.post("/tokenize", json=many).json()["data"][0]["ids"]) == 30_003
    long = {"model": "toy", "input": [[1] * 600]}
    assert live.client.post("/tokenize", json=long).json()["data"][0] == {
        "index": 0,
        "tokens": 601,
        "fits": False,
    }


def test_metrics(live: Live) -> None:
    live.embed(["cat", "dog fish"])
    live.embed("cat " * 600, truncate="end")
    live.embed("")
    answer = live.client.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE_LATEST
    lines = set(answer.text.splitlines())
    assert {
        'polyseek_requests_total{path="/v1/embeddings",status="200"} 2.0',
        'polyseek_requests_total{path="/v1/embeddings",status="400"} 1.0',
        'polyseek_texts_total{model="toy"} 3.0',
        'polyseek_tokens_total{model="toy"} 521.0',
        'polyseek_truncated_texts_total{model="toy"} 1.0',
        'polyseek_loaded{model="toy"} 1.0',
        'polyseek_queue_tokens{model="toy"} 0.0',
        'polyseek_phase_seconds_count{model="toy",phase="queue"} 2.0',
    } <= lines
    assert 'polyseek_batch_fill_count{model="toy"}' in answer.text


def test_the_page_loads_nothing_from_anywhere(live: Live) -> None:
    page = live.client.get("/docs").text
    described = live.client.get("/openapi.json").json()
    assert {"/v1/embeddings", "/v1/models", "/tokenize", "/health", "/ready", "/metrics"} <= set(
        described["paths"]
    )
    for path in described["paths"]:
        assert path in page
    for field in ("encoding_format", "dimensions", "instruction", "truncate", "output_dtype"):
        assert f"<code>{field}</code>" in page
    hosts = re.findall(r"(?:https?:)?//([\w.-]+)", page + json.dumps(described))
    assert set(hosts) <= {"127.0.0.1"}
    assert not re.search(r"<(script|link|img|iframe)|@import|url\(", page)


def test_a_connection_is_kept(live: Live) -> None:
    host, port = live.address.removeprefix("http://").split(":")
    ask = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as client:
        for _ in range(3):
            client.sendall(ask)
            assert client.recv(4000).startswith(b"HTTP/1.1 200")
