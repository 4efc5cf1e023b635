"""What a model costs: time to the first vector, tokens a second, memory."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from polyseek.engine.embeds import Embeds

ROUNDS = 3
TEXTS = 128
"""Enough that batches fill; a small model takes a second for so many, a large one a minute."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one model in this process."""

    start_s: float
    """From asking for the model to its first vector, weights on this machine."""
    tokens_per_s: float
    """Of passages, the best of a few rounds."""
    query_ms: float
    """One question to its hits, median."""
    query_ms_p95: float
    memory_mb: float
    """Most that the process has held so far, indexes included."""


def tokens_per_s(embedder: Embeds, passages: Sequence[str]) -> float:
    """Of the first passages; 0 if there are none."""
    texts = list(passages)[:TEXTS]
    tokens = sum(embedder.count(texts)) if texts else 0
    best = 0.0
    for _ in range(ROUNDS if texts else 0):
        start = perf_counter()
        embedder.embed(texts, "passage")
        best = max(best, tokens / (perf_counter() - start))
        if best and tokens / best * ROUNDS > 20:  # slow enough to be measured by one round
            break
    return best


def peak_memory_mb() -> float:
    """Of this process, in units of 10^6 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes; on macOS bytes
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
