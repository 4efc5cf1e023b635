"""What replicas are made of: the sum of their figures, their cores, who gets a request, how long
one that died waits."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from polyseek.errors import BadInput
from polyseek.server import replicas, share, sums
from polyseek.server.front import Front
from polyseek.server.replicas import Replica, Start, State
from polyseek.settings import read_settings
from toy import toy_embedder


def of_one(texts: int, waiting: int, seconds: float) -> str:
    """Figures of a process, as it tells them."""
    registry = CollectorRegistry()
    counted = Counter("polyseek_texts", "Texts.", ("model",), registry=registry)
    counted.labels("模型").inc(texts)
    Gauge("polyseek_queue_tokens", "Waiting.", registry=registry).set(waiting)
    Histogram("polyseek_seconds", "Time.", buckets=(1, 5), registry=registry).observe(seconds)
    Counter("polyseek_requests", "Requests.", registry=registry).inc(100)
    Gauge("process_resident_memory_bytes", "Memory.", registry=registry).set(7)
    return generate_latest(registry).decode()


def lines(text: bytes) -> set[str]:
    """Samples, without the times at which they began to be counted."""
    told = text.decode().splitlines()
    return {line for line in told if not line.startswith("#") and "_created" not in line}


def test_figures_add_up_and_requests_are_counted_once() -> None:
    own = 'polyseek_requests_total{path="/v1/embeddings"} 5.0\n'
    own = f"# TYPE polyseek_requests_total counter\n{own}"
    one, two = sums.Figures(), sums.Figures()
    one.read(of_one(texts=3, waiting=10, seconds=0.5))
    two.read(of_one(texts=4, waiting=20, seconds=2.0))
    assert one.value("process_resident_memory_bytes") == 7
    assert one.value("polyseek_nothing") == 0
    assert lines(sums.rendered(own, [one.whole, two.whole], [])) == {
        'polyseek_requests_total{path="/v1/embeddings"} 5.0',
        'polyseek_texts_total{model="模型"} 7.0',
        "polyseek_queue_tokens 30.0",
        'polyseek_seconds_bucket{le="1.0"} 1.0',
        'polyseek_seconds_bucket{le="5.0"} 2.0',
        'polyseek_seconds_bucket{le="+Inf"} 2.0',
        "polyseek_seconds_count 2.0",
        "polyseek_seconds_sum 2.5",
        "process_resident_memory_bytes 14.0",
    }


def test_what_was_counted_stays_when_a_process_ends() -> None:
    figures = sums.Figures()
    figures.read(of_one(texts=3, waiting=10, seconds=0.5))
    figures.ended()
    assert figures.value("process_resident_memory_bytes") == 0
    past = lines(sums.rendered("", [figures.whole], []))
    assert 'polyseek_texts_total{model="模型"} 3.0' in past
    assert not any("queue_tokens" in line for line in past)
    figures.read(of_one(texts=2, waiting=1, seconds=0.5))
    figures.ended()
    figures.read(of_one(texts=1, waiting=4, seconds=0.5))
    now = lines(sums.rendered("", [figures.whole], []))
    assert 'polyseek_texts_total{model="模型"} 6.0' in now
    assert "polyseek_queue_tokens 4.0" in now


@pytest.mark.parametrize(
    ("cores", "of", "each"),
    [
        ([0, 1], 2, [[0], [1]]),
        ([2, 3, 8, 9], 2, [[2, 3], [8, 9]]),
        ([0, 1, 2, 3, 4], 2, [[0, 1], [2, 3]]),
        ([0, 1], 3, [[0], [1], [0]]),
        ([5], 1, [[5]]),
    ],
)
def test_cores_are_divided(cores: list[int], of: int, each: list[list[int]]) -> None:
    assert [share.divided(cores, number, of) for number in range(of)] == each


def test_a_replica_is_bound_to_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[list[int]] = []
    monkeypatch.setattr(share, "_cores", lambda: [0, 1, 2, 3])
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: bound.append(cores))
    given = read_settings(backend="openvino")
    assert share.share(given, 1, 2).threads == 2
    assert bound == [[2, 3]]
    assert share.share(read_settings(backend="openvino", threads=1), 0, 2).threads == 1
    assert share.share(given, 7, 8).threads == 1
    assert bound == [[2, 3], [0, 1]]  # more replicas than cores: none is bound


def test_each_gets_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "_gpu", lambda number: f"cuda:{number % 2}")
    given = read_settings(backend="torch")
    assert [share.share(given, n, 3).device for n in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    chosen = read_settings(backend="torch", device="cuda:1")
    assert share.share(chosen, 0, 2).device == "cuda:1"


def replica(tmp_path: Path, number: int = 0) -> Replica:
    return Replica(number, Start(read_settings(), lambda *_, **__: toy_embedder(), 2, tmp_path))


def test_who_gets_a_request(tmp_path: Path) -> None:
    async def ranked() -> list[int]:
        made = [replica(tmp_path, number) for number in range(6)]
        for each, state, work, requests in (
            (made[0], State.LOADING, 0, 0),
            (made[1], State.READY, 500, 0),
            (made[2], State.READY, 100, 9),
            (made[3], State.READY, 100, 8),
            (made[4], State.FULL, 0, 0),
            (made[5], State.READY, 0, 0),
        ):
            each.state, each.work, each.requests = state, work, requests
        now = asyncio.get_running_loop().time()
        made[5]._looking_since = now - replicas.LATE_S - 1
        return [each.number for each in sorted(made, key=lambda each: each.rank)]

    assert asyncio.run(ranked()) == [3, 2, 1, 5, 4, 0]


def test_one_that_dies_at_once_waits_longer_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def dies() -> str:
        return "exit code 1"

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 9:
            raise asyncio.CancelledError

    made = replica(tmp_path)
    monkeypatch.setattr(made, "_live", dies)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(made.keep())
    assert waited == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_directory_that_is_too_deep_for_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp/" + "目录/" * 11)
    with pytest.raises(BadInput, match=r"目录/, too long a path .*; set TMPDIR"):
        Front(read_settings(replicas=2))
