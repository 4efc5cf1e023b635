"""Two replicas behind one address: one server to who asks, and whole when one of them is not."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from polyseek.loadtest.memory import children
from server.conftest import Serve, until
from server.process import MAIN, Client, Process, started
from toy import toy_embedder

LOOKS_S = 2.0
"""In these tests; 30 otherwise."""
TOY = f"""
import sys
sys.path[:0] = [{str(Path(__file__).parents[1])!r}]
from polyseek.server import replicas, run
from server import slow_toy
replicas.SILENT_S, replicas.LATE_S, serve = {LOOKS_S}, 0.5, run.serve
run.serve = lambda *told: serve(*told, slow_toy.load)
{MAIN}
"""
CLIENTS = 16
TEXTS = [
    "cat and dog", "堡垒机登录失败的常见原因", "踏み台サーバーへのログイン", "서버 로그인",
    "كلمة المرور", "резервная копия", "แมวนอนบนเซิร์ฟเวอร์", "संगणक", "Sicherung der Anmeldung",
    "🐈 naïve café",
]  # fmt: skip
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/v1/embeddings", {"json": {"model": "toy", "input": TEXTS}}),
    ("POST", "/embeddings", {"json": {"model": "polyseek/toy", "input": TEXTS[1]}}),
    ("POST", "/v1/embeddings", {"json": {"model": "toy", "input": "cat", "dimensions": 8}}),
    ("POST", "/tokenize", {"json": {"model": "toy", "input": TEXTS, "ids": True}}),
    ("GET", "/v1/models", {}),
    ("GET", "/models/polyseek/toy", {}),
    ("GET", "/v1/models/g%20p?t", {}),
    ("GET", "/health", {}),
    ("GET", "/ready", {}),
    ("GET", "/docs", {}),
    ("GET", "/openapi.json", {}),
    ("GET", "/nowhere", {}),
    ("GET", "/v1/embeddings", {}),
    ("POST", "/v1/embeddings", {"content": b"{"}),
    ("POST", "/v1/embeddings", {"content": b"x" * 1_000_001}),
    ("POST", "/v1/embeddings", {"json": {"model": "gpt", "input": "cat"}}),
    ("POST", "/v1/embeddings", {"json": {"model": "toy", "input": "dog " * 600}}),
    ("POST", "/v1/embeddings", {"json": {"model": "toy", "input": "cat"}, "headers": {}}),
]
KEY = {"authorization": "Bearer sesame"}
TIMES = re.compile(r"x-.*-ms|date|server")


@contextmanager
def two(*flags: str) -> Iterator[tuple[Process, httpx.Client]]:
    """A server with two replicas that both answer."""
    given = ("--model", "toy", "--replicas", "2", *flags)
    with (
        started(*given, program=TOY) as process,
        httpx.Client(base_url=process.address, timeout=20, headers=KEY) as client,
    ):
        until(lambda: ready(client) == 2)
        yield process, client


def ready(client: httpx.Client) -> int:
    return int(sum(figures(client, "polyseek_replica_ready")))


def figures(client: httpx.Client, name: str) -> list[float]:
    """All samples of a metric."""
    text = client.get("/metrics").text
    return [float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M)]


def replica_pids(process: Process) -> list[int]:
    """Without Python's own, which looks after shared memory."""
    ours = [
        pid
        for pid in children(process.popen.pid)
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(ours) == 2
    return ours


@contextmanager
def asking(process: Process, count: int = CLIENTS) -> Iterator[list[Client]]:
    """Clients at work; at the end none has hung and none has a wrong answer."""
    clients = [Client(process.address, n) for n in range(count)]
    for client in clients:
        client.start()
    try:
        until(lambda: all(client.answered > 2 for client in clients))
        yield clients
    finally:
        for client in clients:
            client.stopped = True
        for client in clients:
            client.join(30)
    assert not any(client.is_alive() for client in clients)
    assert [told for client in clients for told in client.wrong] == []


def all_go_on(clients: list[Client], seconds: float = 20) -> None:
    """Each has two more answers."""
    before = [client.answered for client in clients]
    until(lambda: all(c.answered > b + 2 for c, b in zip(clients, before, strict=True)), seconds)


def test_the_same_answers_as_of_one(serve: Serve) -> None:
    """Every answer and every error, byte for byte; of the headers all but the times, and what the
    test's own server tells of itself."""
    limits = {"api_key": "sesame", "max_body_mb": "1"}
    one = serve(**limits)
    with two("--api-key", "sesame", "--max-body-mb", "1") as (_, client):
        for method, path, given in ASKED:
            given = {"headers": KEY} | given
            wanted = one.client.request(method, path, **given)
            # The client has the key in all its requests; here it has what is asked with.
            found = httpx.request(method, f"{client.base_url}{path}", **given)
            assert (found.status_code, found.content) == (wanted.status_code, wanted.content), path
            for answer in (wanted, found):
                assert "x-total-ms" in answer.headers
            assert told(found) == told(wanted), path


def told(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if not TIMES.fullmatch(name)}


def test_requests_are_spread_and_figures_add_up() -> None:
    with two() as (_, client):
        for text in TEXTS:
            answer = client.post("/v1/embeddings", json={"model": "toy", "input": [text, "cat"]})
            assert answer.status_code == 200
        assert figures(client, "polyseek_replica_requests_total") == [5, 5]
        assert figures(client, "polyseek_texts_total") == [20]
        tokens = toy_embedder().prepare([*TEXTS, "cat"], "passage")
        wanted = sum(len(each.ids) for each in tokens) + 9 * len(tokens[-1].ids)
        assert figures(client, "polyseek_tokens_total") == [wanted]
        served = r'polyseek_requests_total{path="/v1/embeddings",status="200"}'
        assert f"{served} 10.0\n" in client.get("/metrics").text
        assert figures(client, "polyseek_loaded") == [2]
        phases = 'polyseek_phase_seconds_count{model="toy",phase="queue"} 10.0\n'
        assert phases in client.get("/metrics").text


def test_one_that_is_killed_under_load_loses_nothing() -> None:
    with two() as (process, client), asking(process) as clients:
        victim = replica_pids(process)[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: ready(client) == 1)
        health = client.get("/health")
        assert (health.status_code, health.json()) == (
            200,
            {"status": "replicas that have died and are started again: 0"},
        )
        assert client.get("/ready").status_code == 200
        all_go_on(clients)
        until(lambda: ready(client) == 2)
        all_go_on(clients)
        assert victim not in replica_pids(process)
        texts = figures(client, "polyseek_texts_total")[0]
        assert figures(client, "polyseek_replica_starts_total") == [2, 1]
    assert max(client.longest_s for client in clients) < 10
    # What it had counted since the last look at its figures is gone, and no more.
    assert texts > sum(client.answered for client in clients)


def test_one_that_is_stuck_is_passed_by_and_then_replaced() -> None:
    with two() as (process, client), asking(process) as clients:
        stuck = replica_pids(process)[0]
        os.kill(stuck, signal.SIGSTOP)
        all_go_on(clients)  # those that it held up, too
        until(lambda: ready(client) == 2)
        assert stuck not in replica_pids(process)
        all_go_on(clients)
    assert max(client.longest_s for client in clients) < LOOKS_S + 8


def test_one_that_was_only_slow_stays() -> None:
    with two() as (process, client), asking(process) as clients:
        slow = replica_pids(process)[0]
        os.kill(slow, signal.SIGSTOP)
        until(lambda: ready(client) == 1)
        os.kill(slow, signal.SIGCONT)
        until(lambda: ready(client) == 2)
        all_go_on(clients)
        assert slow in replica_pids(process)
        assert figures(client, "polyseek_replica_starts_total") == [1, 1]


def test_with_none_alive_it_says_so_and_recovers() -> None:
    with two() as (process, client):
        for pid in replica_pids(process):
            os.kill(pid, signal.SIGKILL)
        until(lambda: client.get("/health").status_code == 503)
        assert client.get("/ready").status_code == 503
        answer = client.post("/v1/embeddings", json={"model": "toy", "input": "cat"})
        if answer.status_code != 200:  # unless it was started again by now
            assert answer.status_code == 503
            assert answer.json()["error"]["code"] == "no_replica"
            assert 3 <= int(answer.headers["retry-after"]) <= 5
        until(lambda: client.get("/ready").status_code == 200)
        answer = client.post("/v1/embeddings", json={"model": "toy", "input": "cat"})
        assert answer.status_code == 200


def test_a_request_that_ends_replicas_ends_no_more_than_two() -> None:
    with two() as (process, client):
        answer = client.post("/v1/embeddings", json={"model": "toy", "input": "poison"})
        assert answer.status_code == 503
        error = answer.json()["error"]
        assert (error["code"], error["type"]) == ("no_replica", "server_error")
        assert "2 replicas ended while they had this request" in error["message"]
        assert answer.headers["retry-after"] == "5"
        until(lambda: ready(client) == 2)
        assert figures(client, "polyseek_replica_starts_total") == [2, 2]
        with asking(process, 2) as clients:
            all_go_on(clients)


@pytest.mark.parametrize("group", [False, True])
def test_every_admitted_request_is_answered_at_the_end(group: bool) -> None:
    """Also where the signal goes to the replicas as well, as a terminal and systemd send it."""
    with two() as (process, _), asking(process) as clients:
        for pid in replica_pids(process) if group else []:
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)
        process.popen.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(30)  # until nobody listens
        assert process.popen.wait(30) == 0
        assert process.popen.stderr
        told = process.popen.stderr.read()
    assert re.fullmatch(r"ending: answering what was admitted, \d+ requests? left\n", told)


def test_replicas_end_with_their_parent() -> None:
    with two() as (process, _):
        pids = replica_pids(process)
        process.popen.kill()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with (
        pytest.raises(AssertionError, match=r"error: .* holds a model of type 'gpt2'"),
        started("--replicas", "2", "--model-path", str(tmp_path)),
    ):
        pass
