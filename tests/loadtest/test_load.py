"""Loads on servers whose every delay is known, in made-up time."""

from __future__ import annotations

import pytest

from loadtest.instant import held
from polyseek.loadtest.client import Failed
from polyseek.loadtest.figures import figures_of
from polyseek.loadtest.plan import Step

FOUR, RATE = Step(callers=4), Step(rate=10.0)
NEAR = 0.0101
"""Relative; the answers a step begins and ends with are never quite whole."""


def test_callers_that_wait_for_a_known_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, server = held(monkeypatch, FOUR, lambda number, now: 0.08)
    found = figures_of(FOUR, seen, {})
    assert found.latency_ms == pytest.approx(
        {"p50": 80, "p95": 80, "p99": 80, "mean": 80, "max": 80}, abs=0.01
    )
    assert found.requests_per_s == pytest.approx(50, rel=1e-6)
    assert found.tokens_per_s == pytest.approx(350, rel=1e-6)
    assert found.requests == found.answers == 1000
    assert server.most_at_once == 4
    assert not found.notes


@pytest.mark.parametrize("duration_s", [1.0, 1.03, 1.1, 1.3, 1.49])
def test_the_rate_does_not_depend_on_where_the_window_ends(
    monkeypatch: pytest.MonkeyPatch, duration_s: float
) -> None:
    """Counting answers that come within it would give between 8 and 12 a second here."""
    seen, _ = held(monkeypatch, FOUR, lambda number, now: 0.4, duration_s=duration_s)
    assert figures_of(FOUR, seen, {}).requests_per_s == pytest.approx(10, rel=1e-6)


def test_percentiles_of_known_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred delays, 1 to 100 ms, in turn, each request after the last."""
    one = Step(callers=1)
    seen, _ = held(monkeypatch, one, lambda number, now: (number % 100 + 1) / 1e3, duration_s=505)
    found = figures_of(one, seen, {})
    assert found.latency_ms["p50"] == pytest.approx(50, rel=NEAR)
    assert found.latency_ms["p95"] == pytest.approx(95, rel=NEAR)
    assert found.latency_ms["p99"] == pytest.approx(99, rel=NEAR)
    assert found.latency_ms["max"] == pytest.approx(100)
    assert found.requests_per_s == pytest.approx(1 / 0.0505, rel=1e-3)


def test_a_slow_start_is_excluded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = held(monkeypatch, FOUR, lambda number, now: 1.0 if now < 2 else 0.05)
    assert figures_of(FOUR, seen, {}).latency_ms["max"] == pytest.approx(50, abs=0.01)


def test_the_last_requests_of_a_window_have_company(monkeypatch: pytest.MonkeyPatch) -> None:
    """The callers go on until those that began in it are answered."""
    seen, server = held(monkeypatch, FOUR, lambda number, now: 5.0 if number == 33 else 0.5)
    late = max(each.ended for each in seen.asked if each.begun < seen.closes)
    assert sum(begun >= seen.closes for begun in server.begun) >= 3
    assert late > seen.closes
    counted = figures_of(FOUR, seen, {})
    assert counted.requests == sum(seen.opens <= b < seen.closes for b in server.begun)


def stalls(number: int, now: float) -> float:
    """Everything that is asked between 10 s and 12 s is answered at 12 s, the rest in 10 ms."""
    return 12.0 - now + 0.01 if 10 <= now < 12 else 0.01


def test_at_a_rate_a_stall_is_seen_by_all_that_were_due_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """20 of 200 requests fall due in 2 s of 20: a tenth of them waits up to 2 s."""
    seen, _ = held(monkeypatch, RATE, stalls)
    found = figures_of(RATE, seen, {})
    assert found.requests == found.answers == 200
    assert found.latency_ms["p50"] == pytest.approx(10, rel=0.001)
    assert found.latency_ms["p95"] == pytest.approx(1010, rel=0.001)  # the 10th longest of 20
    assert found.latency_ms["p99"] == pytest.approx(1810, rel=0.001)
    assert found.requests_per_s == pytest.approx(10, rel=NEAR)


def test_callers_are_kept_from_seeing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why there are rates: of the 1,800 answers that one caller gets a single one is late."""
    one = Step(callers=1)
    seen, _ = held(monkeypatch, one, stalls)
    found = figures_of(one, seen, {})
    assert found.answers > 1700
    assert found.latency_ms["p99"] == pytest.approx(10, rel=0.001)
    assert found.latency_ms["max"] > 1980


def test_at_a_rate_latency_counts_from_when_a_request_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All at even distances, although one before them is never answered."""
    seen, server = held(
        monkeypatch, RATE, lambda number, now: 1e9 if number == 31 else 0.01, timeout_s=5.0
    )
    assert server.begun[:40] == pytest.approx([number / 10 for number in range(40)])
    found = figures_of(RATE, seen, {})
    assert found.errors == {"timeout": 1}
    assert found.answers == 199
    assert found.latency_ms["max"] == pytest.approx(10, rel=0.001)  # no error in it


def test_a_generator_that_is_late_is_in_the_latencies_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request that is due at 10 s takes a second to make: it is sent 0.9 s late, those after it
    0.8, 0.7, … s, and the answer to the one before is read when it is made."""
    seen, _ = held(
        monkeypatch, RATE, lambda number, now: 0.01, busy=lambda number: 1.0 * (number == 100)
    )
    found = figures_of(RATE, seen, {})
    assert found.requests == found.answers == 200
    assert found.latency_ms["max"] == pytest.approx(1000, rel=0.001)
    assert found.latency_ms["p99"] == pytest.approx(810, rel=0.001)
    assert found.latency_ms["p50"] == pytest.approx(10, rel=0.001)
    assert found.late_ms["max"] == pytest.approx(900, rel=0.001)
    assert "the generator fell behind by 700.0 ms" in found.notes[0]


def test_a_server_that_cannot_keep_a_rate_is_said_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request at a time, 0.2 s each: 5 a second of the 10."""
    free = 0.0

    def one_by_one(number: int, now: float) -> float:
        nonlocal free
        free = max(free, now) + 0.2
        return free - now

    seen, _ = held(monkeypatch, RATE, one_by_one)
    found = figures_of(RATE, seen, {})
    assert found.requests == 200
    assert found.requests_per_s == pytest.approx(5, rel=NEAR)
    assert "the server answered 5.0 of 10 requests/s" in found.notes[0]


def test_a_refusal_is_no_answer_and_asked_for_again_only_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen, server = held(monkeypatch, FOUR, lambda number, now: Failed("429", "later"))
    found = figures_of(FOUR, seen, {})
    assert found.errors == {"429": found.requests}
    assert found.reasons == {"429": "later"}
    assert found.latency_ms == {}
    assert found.requests_per_s == 0
    assert found.tokens_per_s is None
    assert len(server.begun) == pytest.approx(4 * 23 / 0.1, rel=NEAR)


@pytest.mark.parametrize("step", [FOUR, RATE])
def test_no_more_requests_than_allowed(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    seen, server = held(monkeypatch, step, lambda number, now: 0.08, max_requests=90)
    found = figures_of(step, seen, {})
    assert len(server.begun) == 90
    assert found.seconds < 20
    assert "--max-requests ended it early" in found.notes


def test_callers_that_wait_through_the_whole_window(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = held(monkeypatch, FOUR, lambda number, now: 1e9, timeout_s=60.0)
    found = figures_of(FOUR, seen, {})
    assert (found.requests, found.answers) == (0, 0)
    assert "no request began in the window" in found.notes[0]
