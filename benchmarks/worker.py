"""The loop of a process that embeds for packages.py: a request a line on standard input, an answer
a line on standard output.

    {"texts": [...], "batch": 32}                ->  {"seconds": 1.2, "cpu_seconds": 2.3}
    {"texts": [...], "batch": 32, "file": PATH}  ->  the same, and the vectors in PATH as .npy

In place of a text there may be its token ids. It uses nothing of polyseek and nothing outside the
standard library and NumPy, so that a peer may run in an environment of its own. What a package
prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Embed = Callable[[Sequence[Any], int], np.ndarray]
"""Texts and texts in a batch -> unit vectors (n, D)."""


def serve(load: Callable[[], Embed]) -> None:
    """Load the model, answer {"ready": seconds}, then one request after the other until the end of
    the input. A failure to load is answered {"missing": what}."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(told: dict[str, object]) -> None:
        print(json.dumps(told), file=answers, flush=True)

    start = time.perf_counter()
    try:
        embed = load()
    except ImportError as error:
        answer({"missing": str(error)})
        return
    answer({"ready": time.perf_counter() - start})
    for line in sys.stdin:
        asked = json.loads(line)
        clock, cpu = time.perf_counter(), time.process_time()
        vectors = embed(asked["texts"], asked["batch"])
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
        if "file" in asked:
            np.save(asked["file"], np.asarray(vectors, np.float32))
        answer({"seconds": clock, "cpu_seconds": cpu})
