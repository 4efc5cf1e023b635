"""Requests that are tokenised together: each as if alone, small ones not behind large ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from polyseek.engine.embedder import Embedder
from polyseek.engine.inputs import Tokens
from polyseek.engine.intake import TURN_CHARACTERS, Ask, Intake
from polyseek.errors import BadInput, Overloaded, TooLong
from toy import Told, toy_embedder


class Watched:
    """A tokenizer that waits until it may go on, and remembers its calls."""

    def __init__(self, embedder: Embedder) -> None:
        self._inner = embedder.tokenizer
        self.size = self._inner.size
        self.go = threading.Event()
        self.called = threading.Semaphore(0)
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.calls.append(list(texts))
        self.called.release()
        assert self.go.wait(10)
        return self._inner.encode(texts)

    def count(self, texts: Sequence[str]) -> list[int]:
        return self._inner.count(texts)


def watched(told: Told = "") -> tuple[Embedder, Watched]:
    embedder = toy_embedder(max_tokens=16, told=told)
    embedder.tokenizer = tokenizer = Watched(embedder)
    return embedder, tokenizer


def test_what_waits_alike_is_done_in_one_call() -> None:
    embedder, tokenizer = watched()
    with Intake(embedder) as intake:
        first = intake.submit(Ask(["cat"]))
        assert tokenizer.called.acquire(timeout=10)
        texts = [[f"dog {n}", "fish"] for n in range(9)]
        made = [intake.submit(Ask(each)) for each in texts]
        other = intake.submit(Ask(["tree"], "query"))
        assert intake.characters == 3 + 9 * (5 + 4) + 4
        tokenizer.go.set()
        answers = [done.result(10) for done in made]
        assert first.result(10) == embedder.prepare(["cat"], "passage")
        assert other.result(10) == embedder.prepare(["tree"], "query")
    assert answers == [embedder.prepare(each, "passage") for each in texts]
    assert [len(call) for call in tokenizer.calls[:3]] == [1, 18, 1]
    assert intake.characters == 0


def test_one_request_that_cannot_be_done_fails_alone_and_by_its_own_number() -> None:
    embedder, tokenizer = watched()
    with Intake(embedder) as intake:
        intake.submit(Ask(["cat"]))
        assert tokenizer.called.acquire(timeout=10)
        good, bad = intake.submit(Ask(["dog"])), intake.submit(Ask(["dog", "cat " * 20]))
        tokenizer.go.set()
        assert len(good.result(10)) == 1
        with pytest.raises(TooLong, match="text 1 has 23 tokens"):
            bad.result(10)


def test_a_text_of_a_later_part_is_told_by_its_own_number() -> None:
    embedder, tokenizer = watched()
    tokenizer.go.set()
    texts = ["cat" + " " * 100] * (3 * TURN_CHARACTERS // 100)
    with Intake(embedder) as intake:
        with pytest.raises(TooLong, match=f"text {len(texts)} has 23"):
            intake.submit(Ask([*texts, "cat " * 20])).result(10)
        assert sum(map(len, tokenizer.calls)) == len(texts) + 1  # none of them twice
        rows = [[1] * 15] * TURN_CHARACTERS
        with pytest.raises(BadInput, match=f"token array {len(rows)} has the id -1"):
            intake.submit(Ask([*rows, [-1]])).result(20)


def test_a_small_request_does_not_wait_for_a_large_one() -> None:
    embedder, tokenizer = watched()
    with Intake(embedder) as intake:
        large = intake.submit(Ask(["cat" + " " * 100] * (10 * TURN_CHARACTERS // 100)))
        assert tokenizer.called.acquire(timeout=10)
        small = intake.submit(Ask(["dog"]))
        tokenizer.go.set()
        small.result(10)
        assert not large.done()
        assert len(large.result(10)) == 10 * TURN_CHARACTERS // 100
    assert len(tokenizer.calls) > 9


def test_cancelled_the_rest_is_not_done() -> None:
    embedder, tokenizer = watched()
    with Intake(embedder) as intake:
        large = intake.submit(Ask(["cat" + " " * 100] * (10 * TURN_CHARACTERS // 100)))
        assert tokenizer.called.acquire(timeout=10)
        waiting = intake.submit(Ask(["dog"]))
        assert large.cancel()
        assert waiting.cancel()
        tokenizer.go.set()
        intake.submit(Ask(["fish"])).result(10)
    assert len(tokenizer.calls) == 2
    assert intake.characters == 0


def test_token_arrays() -> None:
    embedder = toy_embedder(max_tokens=16)
    with Intake(embedder) as intake:
        made = intake.submit(Ask([[1, 77, 2], [1, 78]])).result(10)
        assert made == [Tokens([1, 77, 2]), Tokens([1, 78, 2])]
        with pytest.raises(BadInput, match=r"array 1 has the id -1 and those of toy go from 0 to"):
            intake.submit(Ask([[1], [2, -1]])).result(10)
        assert intake.submit(Ask([[1] * 99], truncate="end")).result(10)[0].cut


def test_what_need_not_fit_is_tokenised_whole() -> None:
    embedder = toy_embedder(max_tokens=16)
    long = "cat " * 10_000
    with Intake(embedder) as intake:
        (text,) = intake.submit(Ask([long], fitted=False)).result(10)
        assert [text.ids] == embedder.tokenizer.encode(["passage: " + long])
        assert intake.submit(Ask([[7] * 99], fitted=False)).result(10) == [Tokens([7] * 99 + [2])]
        with pytest.raises(BadInput, match=r"array 0 has the id -5 and those of toy go from 0 to"):
            intake.submit(Ask([[1, -5, 2]], fitted=False)).result(10)


def test_an_instruction_is_work_with_every_text() -> None:
    embedder, tokenizer = watched("query")
    ask = Ask(["cat"] * 8, "query", "find " * (TURN_CHARACTERS // 10), fitted=False)
    assert ask.characters > 3 * TURN_CHARACTERS
    tokenizer.go.set()
    with Intake(embedder) as intake:
        assert len(intake.submit(ask).result(10)) == 8
    assert len(tokenizer.calls) > 3


def test_closed_it_does_what_it_has_and_takes_no_more() -> None:
    intake = Intake(toy_embedder())
    made = [intake.submit(Ask(["cat"])) for _ in range(20)]
    intake.close()
    assert all(done.done() for done in made)
    assert not intake.alive
    with pytest.raises(Overloaded, match="shutting down"):
        intake.submit(Ask(["cat"]))


def test_its_thread_outlives_whatever_goes_wrong() -> None:
    embedder, tokenizer = watched()
    tokenizer.go.set()
    with Intake(embedder) as intake:
        with pytest.raises(TypeError):
            intake.submit(Ask(["cat", 3])).result(10)  # type: ignore[arg-type]
        assert intake.alive
        assert len(intake.submit(Ask(["cat"])).result(10)) == 1
