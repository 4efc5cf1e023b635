"""What a step saw, in numbers. Pure: requests in, figures out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from polyseek.loadtest.load import Seen
from polyseek.loadtest.plan import MOST_CALLERS, Step

PERCENTILES = (50, 95, 99)
METHOD = "exact, from every latency: the least that so many per cent do not exceed (inverted_cdf)"
LATE_S, LATE_SHARE = 0.002, 0.05
"""A generator that is late by more than both, the share being of P50, has fallen behind."""
BUSY = 0.8
"""Of a core: a generator that takes more is in the way of its own answers."""
KEPT = 0.95
"""Of a rate: a server that answers less does not keep it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one step, all of its measuring window."""

    step: str
    callers: int
    rate: float
    opened: str
    """When the window opened, as the server's logs may tell it (UTC)."""
    seconds: float
    """Length of the window."""
    requests: int
    """That began in the window."""
    answers: int
    """Of these, with vectors."""
    requests_per_s: float
    """Answered in the window."""
    tokens_per_s: float | None
    """None where answers do not tell their tokens."""
    tokens_per_request: float | None
    latency_ms: dict[str, float]
    """p50, p95, p99, mean and max of the answers; empty if there is none."""
    errors: dict[str, int]
    """Kind -> how many; a status is its number."""
    reasons: dict[str, str]
    """Kind -> what the first of them said."""
    late_ms: dict[str, float]
    """p50, p99 and max by which the generator itself was late."""
    cpu_share: float
    """Of a core, that the generator took."""
    memory: dict[str, float]
    """Greatest of the server, in MB."""
    notes: list[str]
    """What a reader has to know to judge the figures."""


def figures_of(step: Step, seen: Seen, memory: dict[str, float]) -> Figures:
    """The figures of what was seen."""
    counted = [each for each in seen.asked if seen.opens <= each.begun < seen.closes]
    answers = [each for each in counted if not each.error]
    seconds = max(seen.closes - seen.opens, 0.0)
    shares = _shares(step, seen)
    tokens = np.array([each.tokens for each in seen.asked], dtype=np.float64)
    told = any(each.tokens for each in answers)
    rate = float(shares.sum()) / seconds if seconds else 0.0
    token_rate = float(shares @ tokens) / seconds if told and seconds else None
    latency_s = np.array([each.ended - each.begun for each in answers])
    errors = Counter(each.error for each in counted if each.error)
    return Figures(
        step=step.name,
        callers=step.callers,
        rate=step.rate,
        opened=datetime.fromtimestamp(seen.opened, UTC).isoformat(timespec="milliseconds"),
        seconds=round(seconds, 3),
        requests=len(counted),
        answers=len(answers),
        requests_per_s=round(rate, 3),
        tokens_per_s=None if token_rate is None else round(token_rate, 1),
        tokens_per_request=(
            round(sum(each.tokens for each in answers) / len(answers), 1) if told else None
        ),
        latency_ms=_milliseconds(latency_s, PERCENTILES),
        errors=dict(errors.most_common()),
        reasons={kind: seen.reasons.get(kind, "") for kind in errors},
        late_ms=_milliseconds(np.array(seen.lags), (50, 99)),
        cpu_share=round(seen.cpu_share, 3),
        memory=memory,
        notes=_notes(step, seen, rate, latency_s),
    )


def _shares(step: Step, seen: Seen) -> np.ndarray:
    """For how much of a request within the window each counts (N,) float64; errors for nothing.

    At a rate an answer counts whole if it came within the window, so that a server that falls
    behind is not given what it answers later. Callers are always waiting: what they asked counts
    by the part of its time that lies within the window, so that the figure does not depend on
    where between two answers the window happens to close.
    """
    begun = np.array([each.begun for each in seen.asked])
    ended = np.array([each.ended for each in seen.asked])
    good = np.array([not each.error for each in seen.asked], dtype=bool)
    if step.rate:
        return (good & (seen.opens <= ended) & (ended < seen.closes)).astype(np.float64)
    within = np.minimum(ended, seen.closes) - np.maximum(begun, seen.opens)
    shares: np.ndarray = np.clip(within / np.maximum(ended - begun, 1e-9), 0.0, 1.0) * good
    return shares


def _milliseconds(seconds: np.ndarray, percentiles: tuple[int, ...]) -> dict[str, float]:
    """Percentiles, mean and max of seconds (N,), in milliseconds; empty if there are none."""
    if not len(seconds):
        return {}
    found = np.percentile(seconds, percentiles, method="inverted_cdf")
    named = {f"p{p}": value for p, value in zip(percentiles, found, strict=True)}
    named |= {"mean": seconds.mean(), "max": seconds.max()}
    return {name: round(float(value) * 1e3, 3) for name, value in named.items()}


def _notes(step: Step, seen: Seen, rate: float, latency_s: np.ndarray) -> list[str]:
    notes = []
    late_ms = _milliseconds(np.array(seen.lags), (99,))
    late_s = late_ms.get("p99", 0.0) / 1e3
    typical_s = float(np.median(latency_s)) if len(latency_s) else 0.0
    behind = bool(typical_s) and late_s > LATE_S and late_s > LATE_SHARE * typical_s
    if behind:
        notes.append(
            f"the generator fell behind by {late_s * 1e3:.1f} ms (P99; at most "
            f"{late_ms['max']:.1f}): latencies contain it; give it a core of its own"
        )
    if seen.cpu_share > BUSY:
        notes.append(
            f"the generator took {seen.cpu_share:.0%} of a core: it may be what is measured"
        )
    if step.rate and not behind and not seen.crowded and rate < KEPT * step.rate:
        notes.append(
            f"the server answered {rate:.1f} of {step.rate:g} requests/s: it cannot keep the rate, "
            "and the longer it lasts the later it answers"
        )
    if seen.crowded and step.rate:
        notes.append(
            f"all {MOST_CALLERS} connections were taken: {seen.crowded} requests waited for one, "
            "which their latency contains"
        )
    if 0 < len(latency_s) < 100:
        notes.append(f"P99 of {len(latency_s)} answers is the greatest of them")
    if seen.spent:
        notes.append("--max-requests ended it early")
    elif not any(seen.opens <= each.begun < seen.closes for each in seen.asked):
        notes.append(
            "no request began in the window: all callers waited through it for answers to earlier "
            "ones; a --duration longer than answers take shows more"
        )
    return notes
