"""Qwen3-Embedding-0.6B in 8 bits on a CPU: our engine beside llama.cpp with Q8_0.

The same weights, as qwen3_cpu.py makes them (random, of the published shape, unless --model names
a directory with the real ones), the same token ids, the same cores, one text at a time. The rounds
are interleaved; a ratio is the median of the ratios within a round. Cosines are to our fp32, over
texts of 8 to 256 tokens.

    python benchmarks/qwen3_llama.py --python env/bin/python    of an environment with
                                                                llama-cpp-python and gguf
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from common import save_result
from packages import Competitor, Process
from qwen3_cpu import cosines, ours, rows, seconds, write_model

LENGTHS = (16, 64, 512)
OURS, LLAMA = "polyseek int8", "llama.cpp Q8_0"
Times = tuple[float, float]
"""Seconds by the clock and of the processor."""


def compared(engines: dict[str, Callable[[list[int]], Times]], rounds: int) -> list[dict[str, Any]]:
    found = []
    for length in LENGTHS:
        (ids,), often = rows([length]), 5 if length < 100 else 1
        taken: dict[str, list[Times]] = {name: [] for name in engines}
        for at in range(-1, rounds):
            for name, run in engines.items():
                best = min(run(ids) for _ in range(often))
                if at >= 0:
                    taken[name].append(best)
        times = {name: np.array(each) for name, each in taken.items()}
        clock, cpu = np.median(times[LLAMA] / times[OURS], axis=0)
        row: dict[str, Any] = {"tokens": length}
        for name, each in times.items():
            row[f"{name}, ms"] = round(float(np.median(each[:, 0])) * 1e3, 2)
        row["ours_times_as_fast"] = round(float(clock), 2)
        row["ours_times_as_fast_cpu"] = round(float(cpu), 2)
        print(row, flush=True)
        found.append(row)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a directory with the real weights")
    parser.add_argument("--python", default=sys.executable, help="that has llama-cpp-python")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="polyseek-") as place:
        directory = given.model or Path(place)
        if not given.model:
            write_model(directory, None)
        os.environ["POLYSEEK_CACHE"] = str(Path(place, "cache"))
        who = Competitor(LLAMA, "llama_peer", "q8_0")
        with closing(
            Process(given.python, who, directory, given.threads, Path(place, "llama.log"))
        ) as llama:
            if llama.missing:
                raise SystemExit(f"llama.cpp is not there: {llama.missing}; see --help")
            small, exact = ours(directory, "int8"), ours(directory, "fp32")
            texts = rows([8, 12, 16, 16, 24, 32, 48, 64, 64, 96, 128, 256])
            truth = np.stack([exact(ids) for ids in texts])
            vectors = Path(place, "vectors.npy")
            llama.embed(texts, vectors)
            near = {
                OURS: cosines(np.stack([small(ids) for ids in texts]), truth),
                LLAMA: cosines(np.load(vectors), truth),
            }
            print(near, flush=True)
            engines: dict[str, Callable[[list[int]], Times]] = {
                OURS: lambda ids: seconds(small, ids),
                LLAMA: lambda ids: llama.embed([ids]),
            }
            found = compared(engines, given.rounds)
    weights = "real" if given.model else "random, of the 0.6B's shape"
    settings = {"weights": weights, "rounds": given.rounds, "threads": given.threads}
    save_result("qwen3_llama", settings, {"speed": found, "cosine_to_fp32": near})


if __name__ == "__main__":
    main()
