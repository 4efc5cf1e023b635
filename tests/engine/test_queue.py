"""Requests that share batches: each its own vectors, each its turn, whole or not at all."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.engine.batch import rounded
from polyseek.engine.queue import NEAR, Job, Queue, Ran
from polyseek.errors import BadInput, Overloaded
from toy import Floats, toy_embedder

Rows = Sequence[Sequence[int]]
WORDS = ["cat", "dog", "fish", "server", "backup", "login", "password", "tree", "moon", "river"]


def rows_of(*texts: str) -> Rows:
    return [each.ids for each in toy_embedder().prepare(texts, "passage")]


def same(length: int, count: int) -> Rows:
    """`count` rows of one length."""
    return [[1, *[7] * (length - 2), 2] for _ in range(count)]


class Gate:
    """Runs nothing until it is opened, and remembers what ran together."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.busy = threading.Semaphore(0)
        self.batches: list[Rows] = []

    def __call__(self, rows: Rows) -> Floats:
        self.busy.release()
        assert self.open.wait(10)
        self.batches.append(rows)
        return np.array([[len(row), row[1]] for row in rows], np.float32)


@contextmanager
def held(
    run: Callable[[Rows], Floats], *, lanes: int = 1, batch: int = 64, limit: int = 100_000
) -> Iterator[Queue]:
    """A queue whose lanes all wait at the gate with a batch of their own, if `run` is a gate."""
    with Queue(run, lanes=lanes, batch_tokens=batch, limit_tokens=limit) as queue:
        if isinstance(run, Gate):
            for _ in range(lanes):
                queue.submit(same(batch, 1))
                assert run.busy.acquire(timeout=10)
        yield queue
        if isinstance(run, Gate):
            run.open.set()


@given(
    st.lists(
        st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=30), min_size=1, max_size=9),
        min_size=1,
        max_size=9,
    ),
    st.integers(1, 3),
)
def test_each_request_gets_its_own_vectors(requests: list[list[list[str]]], lanes: int) -> None:
    embedder = toy_embedder()
    asked = [rows_of(*(" ".join(words) for words in texts)) for texts in requests]
    with Queue(embedder.run, lanes=lanes, batch_tokens=64, limit_tokens=100_000) as queue:
        jobs = [queue.submit(rows) for rows in asked]
        answers = [job.done.result(10) for job in jobs]
    for rows, vectors in zip(asked, answers, strict=True):
        alone = np.concatenate([embedder.run([row]) for row in rows])
        np.testing.assert_allclose(vectors, alone, atol=1e-6)
    assert queue.held_tokens == 0


def test_batches_are_full_and_little_of_them_is_padding() -> None:
    gate = Gate()
    draw = np.random.default_rng(0)
    with held(gate) as queue:
        jobs = [queue.submit(same(int(draw.integers(3, 80)), 1)) for _ in range(200)]
        gate.open.set()
        assert [len(job.done.result(10)) for job in jobs] == [1] * 200
    lengths = [[rounded(len(row)) for row in batch] for batch in gate.batches[1:]]
    for batch in lengths:
        assert len(batch) == 1 or max(batch) * len(batch) <= 64
        assert len(batch) in (1, 2, 4, 64 // max(batch))
        assert min(batch) >= NEAR * max(batch)
        assert batch[0] == max(batch)
    assert len(lengths) < 160  # of 200 texts, most of which fill a batch of 64 alone or by twos


def test_many_small_requests_do_not_wait_for_a_large_one() -> None:
    gate = Gate()
    with held(gate) as queue:
        large = queue.submit(same(16, 1000))
        small = [queue.submit([[1, 100 + n, *[7] * 13, 2]]) for n in range(20)]
        gate.open.set()
        for job in (*small, large):
            job.done.result(10)
    last = max(at for at, batch in enumerate(gate.batches) if any(row[1] >= 100 for row in batch))
    assert last <= 14  # of 255: four texts a batch, half of them the large one's


def test_a_large_request_does_not_wait_for_small_ones_that_keep_coming() -> None:
    gate, coming = Gate(), 2000
    with held(gate) as queue:
        large = queue.submit(same(16, 40))
        small = [queue.submit(same(16, 1)) for _ in range(20)]

        def again(_: object) -> None:
            nonlocal coming
            coming -= 1
            if coming > 0 and not large.done.done():
                queue.submit(same(16, 1)).done.add_done_callback(again)

        for job in small:
            job.done.add_done_callback(again)
        gate.open.set()
        large.done.result(10)
    assert coming > 0  # one of 21 gets a 21st: some 800 had passed it


def test_requests_take_turns_to_lead_a_batch_whatever_their_lengths() -> None:
    gate = Gate()
    with held(gate) as queue:
        jobs = [queue.submit(same(64, 5)), queue.submit(same(32, 5)), queue.submit(same(8, 5))]
        gate.open.set()
        for job in jobs:
            job.done.result(10)
    led = [len(batch[0]) for batch in gate.batches[1:]]
    assert led[:4] == [64, 32, 8, 64]


def test_a_lane_each_runs_at_once() -> None:
    gate = Gate()
    with held(gate, lanes=3):
        assert not gate.busy.acquire(blocking=False)  # three wait at the gate, as held() saw


def test_cancelled_before_it_began_it_never_runs() -> None:
    gate = Gate()
    with held(gate) as queue:
        gone, stays = queue.submit(same(16, 50)), queue.submit([[1, 99, 2]])
        before = queue.held_tokens
        assert gone.done.cancel()
        assert queue.held_tokens == before - gone.tokens
        assert queue.jobs == 1
        gate.open.set()
        np.testing.assert_array_equal(stays.done.result(10), [[3, 99]])
    assert sum(map(len, gate.batches)) == 2


def test_cancelled_on_its_way_the_rest_never_runs() -> None:
    gate = Gate()
    with Queue(gate, lanes=1, batch_tokens=32, limit_tokens=10_000) as queue:
        job = queue.submit(same(16, 100))
        assert gate.busy.acquire(timeout=10)
        assert job.done.cancel()
        gate.open.set()
        assert len(queue.submit(same(8, 1)).done.result(10)) == 1
    assert len(gate.batches) == 2
    assert queue.held_tokens == 0


def test_admitted_whole_or_not_at_all() -> None:
    gate = Gate()
    with held(gate, limit=64 + 100) as queue:
        queue.submit(same(16, 6))
        with pytest.raises(Overloaded, match=r"160 tokens are waiting and 16 more .* limit of 164"):
            queue.submit(same(9, 1))
        assert queue.held_tokens == 160
        gate.open.set()
        wait_until(lambda: queue.held_tokens == 0)
        queue.submit(same(16, 6)).done.result(10)


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_more_than_it_ever_takes_is_no_overload() -> None:
    with held(toy_embedder().run, limit=100) as queue:
        with pytest.raises(BadInput, match=r"104 tokens.* takes 1 to 100; .* in several requests"):
            queue.submit(same(8, 13))
        with pytest.raises(BadInput, match="0 tokens"):
            queue.submit([])


def test_how_long_it_will_take() -> None:
    told: list[Ran] = []
    go = threading.Event()
    go.set()

    def slowly(rows: Rows) -> Floats:
        time.sleep(0.02)
        assert go.wait(10)
        return np.zeros((len(rows), 2), np.float32)

    with Queue(slowly, lanes=1, batch_tokens=8, limit_tokens=10_000, watch=told.append) as queue:
        assert queue.seconds_left == 1
        queue.submit(same(8, 5)).done.result(10)
        go.clear()
        job = queue.submit(same(8, 1000))
        rate = sum(ran.padded for ran in told) / sum(ran.seconds for ran in told)
        assert queue.seconds_left == pytest.approx(8000 / rate)
        job.done.cancel()
        go.set()


def test_closed_it_answers_what_it_has_and_takes_no_more() -> None:
    gate = Gate()
    queue = Queue(gate, lanes=2, batch_tokens=32, limit_tokens=10_000)
    jobs = [queue.submit(same(16, 7)) for _ in range(9)]
    closing = threading.Thread(target=queue.close)
    closing.start()
    wait_until(lambda: queue._closed)
    with pytest.raises(Overloaded, match="shutting down"):
        queue.submit(same(8, 1))
    gate.open.set()
    closing.join(10)
    assert not closing.is_alive()
    assert all(job.done.done() and len(job.done.result()) == 7 for job in jobs)
    assert not queue.alive


def test_a_batch_that_fails_fails_its_requests_and_no_others() -> None:
    def fragile(rows: Rows) -> Floats:
        if any(13 in row for row in rows):
            raise RuntimeError("thirteen")
        return np.ones((len(rows), 2), np.float32)

    with held(fragile) as queue:
        bad = queue.submit([*same(64, 20), [1, *[13] * 62, 2]])
        with pytest.raises(RuntimeError, match="thirteen"):
            bad.done.result(10)
        assert len(queue.submit(same(64, 3)).done.result(10)) == 3
        assert queue.alive
        wait_until(lambda: queue.held_tokens == 0)


def test_requests_beside_one_that_fails_are_answered() -> None:
    gate = Gate()

    def fragile(rows: Rows) -> Floats:
        vectors = gate(rows)
        if any(13 in row for row in rows):
            raise RuntimeError("thirteen")
        return vectors

    with Queue(fragile, lanes=1, batch_tokens=64, limit_tokens=10_000) as queue:
        queue.submit(same(64, 1))
        assert gate.busy.acquire(timeout=10)
        good = [queue.submit([[1, 100 + n, *[7] * 13, 2]]) for n in range(2)]
        bad = queue.submit([[1, *[13] * 14, 2]])
        last = queue.submit([[1, 200, *[7] * 13, 2]])
        gate.open.set()
        with pytest.raises(RuntimeError, match="thirteen"):
            bad.done.result(10)
        found = [job.done.result(10).tolist() for job in (*good, last)]
        assert found == [[[16, 100]], [[16, 101]], [[16, 200]]]
        assert queue.alive
        wait_until(lambda: queue.held_tokens == 0)
    assert [len(batch) for batch in gate.batches] == [1, 4, 1, 1, 1, 1]


def test_what_is_answered_is_let_go_of_at_once() -> None:
    gc.disable()
    try:
        with held(toy_embedder().run) as queue:
            job = queue.submit(same(8, 3))
            vectors = weakref.ref(job.done.result(10))
            gone = weakref.ref(job)
            del job
            wait_until(lambda: gone() is None and vectors() is None)
    finally:
        gc.enable()


def test_it_tells_of_its_batches() -> None:
    told: list[Ran] = []
    run = toy_embedder().run
    with Queue(run, lanes=1, batch_tokens=64, limit_tokens=999, watch=told.append) as queue:
        queue.submit([*same(9, 2), *same(16, 2)]).done.result(10)
    assert [(ran.texts, ran.tokens, ran.padded, ran.budget) for ran in told] == [(4, 50, 64, 64)]


def test_a_job_knows_when_it_began() -> None:
    with held(toy_embedder().run) as queue:
        job: Job = queue.submit(same(8, 3))
        job.done.result(10)
        assert job.submitted <= job.begun <= time.perf_counter()
