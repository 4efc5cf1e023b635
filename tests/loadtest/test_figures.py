"""Requests in, figures out: compared with figures worked out by hand."""

from __future__ import annotations

from polyseek.loadtest.figures import figures_of
from polyseek.loadtest.load import Asked, Seen
from polyseek.loadtest.plan import Step

ONE, RATE = Step(callers=1), Step(rate=2.0)


def seen(*asked: Asked, lags: tuple[float, ...] = (), **more: float) -> Seen:
    return Seen(10.0, 20.0, 1e9, list(asked), list(lags), **more)  # type: ignore[arg-type]


def test_a_percentile_is_a_latency_that_was_seen() -> None:
    """The least that 50, 95, 99 % do not exceed: of 1 to 20 ms the 10th, the 19th, the 20th."""
    asked = [Asked(11.0, 11.0 + ms / 1e3) for ms in range(20, 0, -1)]
    found = figures_of(ONE, seen(*asked), {})
    assert found.latency_ms == {"p50": 10, "p95": 19, "p99": 20, "mean": 10.5, "max": 20}
    assert "P99 of 20 answers is the greatest of them" in found.notes


def test_the_window_has_a_time_of_day() -> None:
    assert figures_of(ONE, seen(Asked(11, 12)), {}).opened == "2001-09-09T01:46:40.000+00:00"


def test_requests_count_by_when_they_begin() -> None:
    found = figures_of(
        ONE,
        seen(Asked(9.9, 10.9), Asked(10.0, 10.5), Asked(19.9, 25.0), Asked(20.0, 20.1)),
        {},
    )
    assert (found.requests, found.answers) == (2, 2)
    assert found.latency_ms["max"] == 5100


def test_what_callers_ask_over_an_edge_counts_in_part() -> None:
    found = figures_of(ONE, seen(Asked(9.0, 11.0, 30), Asked(12.0, 14.0, 10), Asked(19, 23, 4)), {})
    assert found.requests_per_s == (0.5 + 1 + 0.25) / 10
    assert found.tokens_per_s == (15 + 10 + 1) / 10
    assert found.tokens_per_request == 7.0


def test_at_a_rate_an_answer_counts_when_it_comes() -> None:
    found = figures_of(RATE, seen(Asked(9, 11, 30), Asked(12, 14, 10), Asked(19, 23, 4)), {})
    assert found.requests_per_s == 0.2
    assert found.tokens_per_s == 4.0


def test_an_error_is_in_no_latency_and_no_rate() -> None:
    asked = Asked(11, 12), Asked(12, 19, error="timeout"), Asked(13, 13.001, error="500")
    found = figures_of(ONE, seen(*asked, Asked(14, 15, error="500")), {})
    assert found.errors == {"500": 2, "timeout": 1}
    assert found.latency_ms["max"] == 1000
    assert found.requests_per_s == 0.1
    assert (found.requests, found.answers) == (4, 1)


def test_tokens_that_nobody_told_are_not_known() -> None:
    found = figures_of(ONE, seen(Asked(11, 12)), {})
    assert found.tokens_per_s is None
    assert found.tokens_per_request is None


def test_a_generator_that_is_late_says_so() -> None:
    asked = [Asked(10 + at / 100, 10.02 + at / 100) for at in range(200)]
    assert not figures_of(ONE, seen(*asked, lags=(0.0015,) * 50), {}).notes
    late = figures_of(ONE, seen(*asked, lags=(0.0,) * 9 + (0.03,)), {})
    assert late.notes == [
        "the generator fell behind by 30.0 ms (P99; at most 30.0): latencies contain it; give it "
        "a core of its own"
    ]
    assert late.late_ms == {"p50": 0, "p99": 30, "mean": 3, "max": 30}


def test_what_is_small_beside_a_latency_is_not_late() -> None:
    asked = [Asked(10 + at / 100, 12 + at / 100) for at in range(200)]
    assert not figures_of(ONE, seen(*asked, lags=(0.03,)), {}).notes


def test_a_generator_that_is_busy_says_so() -> None:
    asked = [Asked(10 + at / 100, 12 + at / 100) for at in range(200)]
    assert "took 95% of a core" in figures_of(ONE, seen(*asked, cpu_share=0.95), {}).notes[0]
