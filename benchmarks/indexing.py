"""Indexing as a user does it: the command line over FastAPI's documentation, 984 files.

Eight languages, copied first since one file is edited. Each step is a process of its own,
from its start to its end as the clock on the wall has it:

first     `polyseek index` into a new knowledge base
again     the same with nothing to do, as many times as --times says
edited    two words added to a sentence of one paragraph, in one file
search    the whole command, --times times; and questions to one warm process (the last two
          headings of sections in all 8 languages)
verify    `polyseek verify`

    python benchmarks/indexing.py                             # some 5 minutes on 2 cores
    python benchmarks/indexing.py --work DIR                  # keep the copy and the index there
    python benchmarks/indexing.py --work DIR --skip first     # the rest again; nothing is written
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import data_directory, save_result

from polyseek.knowledge_base import KnowledgeBase

STEPS = ("first", "again", "edited", "search", "verify")
EDITED = "en/tutorial/first-steps.md"
QUESTIONS = 400


@dataclass(frozen=True)
class Ran:
    """What a process took, and what it printed as JSON."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    told: Any


def polyseek(*args: str | Path) -> Ran:
    """Run the command `polyseek` to its end, with --json.

    Raises:
        SystemExit: the command failed.
    """
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        command = [Path(sys.executable).with_name("polyseek"), *args, "--json"]
        process = subprocess.Popen(command, stdout=out)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}: exit code {process.returncode}")
        out.seek(0)
        told = json.load(out)
    # On Linux ru_maxrss is in KiB.
    return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, told)


def first(docs: Path, kb: Path, times: int) -> dict[str, Any]:
    ran = polyseek("index", docs, "--kb", kb)
    return {
        "seconds": round(ran.seconds, 1),
        "cpu_seconds": round(ran.cpu_seconds, 1),
        "files": len(ran.told["new"]),
        "failed": len(ran.told["failed"]),
        "passages": ran.told["chunks"],
        "embedded": ran.told["embedded"],
        "tokens": ran.told["tokens"],
        "tokens_per_s": round(ran.told["tokens"] / ran.seconds),
        "peak_mb": round(ran.peak_mb),
        "catalog_mb": _megabytes([kb / "catalog.sqlite"]),
        "derived_mb": _megabytes((kb / "derived").rglob("*")),
        "source_mb": _megabytes(docs.rglob("*.md")),
    }


def _megabytes(files: Iterable[Path]) -> float:
    total = sum(f.stat().st_size for f in files if f.is_file())
    return round(total / 1e6, 1)


def again(docs: Path, kb: Path, times: int) -> dict[str, Any]:
    runs = [polyseek("index", docs, "--kb", kb) for _ in range(times)]
    assert all(ran.told["embedded"] == 0 for ran in runs)
    return {
        **_seconds([ran.seconds for ran in runs]),
        "cpu_seconds_median": round(statistics.median(ran.cpu_seconds for ran in runs), 2),
        "files": runs[0].told["unchanged"],
    }


def _seconds(values: Sequence[float]) -> dict[str, float]:
    return {
        "seconds_median": round(statistics.median(values), 2),
        "seconds_worst": round(max(values), 2),
    }


def edited(docs: Path, kb: Path, times: int) -> dict[str, Any]:
    text = (data_directory() / "fastapi-docs" / EDITED).read_text(encoding="utf-8")
    sentence = re.search(r"^[A-Z][^\n`]{60,}\.$", text, re.MULTILINE)
    assert sentence, f"{EDITED} has no line that is a long sentence"
    at, word = sentence.end() - 1, f", edit {time.time_ns() % 1000}"  # hardly ever the same
    (docs / EDITED).write_text(text[:at] + word + text[at:], encoding="utf-8")
    ran = polyseek("index", docs, "--kb", kb)
    return {
        "seconds": round(ran.seconds, 2),
        "files": len(ran.told["changed"]),
        "passages_of_the_file": ran.told["chunks"],
        "embedded": ran.told["embedded"],
    }


def search(docs: Path, kb: Path, times: int) -> dict[str, Any]:
    asked = questions(docs)
    cold = [polyseek("search", q, "--kb", kb).seconds for q in asked[:times]]
    with KnowledgeBase.open(kb) as base:
        for question in asked[:20]:
            base.search(question)
        warm = [_timed(base, question) for question in asked[20:]]
    warm.sort()
    return {
        "cold_command": _seconds(cold),
        "warm_ms_p50": round(1000 * warm[len(warm) // 2], 2),
        "warm_ms_p95": round(1000 * warm[len(warm) * 95 // 100], 2),
        "questions": len(warm),
    }


def _timed(base: KnowledgeBase, question: str) -> float:
    began = time.perf_counter()
    base.search(question)
    return time.perf_counter() - began


def questions(docs: Path) -> list[str]:
    """The last two headings of sections, in any of the languages."""
    rows = (docs / "sections.jsonl").read_text(encoding="utf-8").splitlines()
    chosen = random.Random(0).sample(rows, QUESTIONS + 20)
    return [" ".join(json.loads(row)["path"][-2:]) for row in chosen]


def verify(docs: Path, kb: Path, times: int) -> dict[str, Any]:
    ran = polyseek("verify", "--kb", kb)
    return {"seconds": round(ran.seconds, 2), "problems": len(ran.told["problems"])}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, help="where the copy and the index are kept")
    parser.add_argument("--skip", nargs="*", default=[], choices=STEPS, help="steps to leave out")
    parser.add_argument("--times", type=int, default=5, help="how often short steps run (5)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        docs, kb = work / "fastapi-docs", work / "kb"
        if not docs.exists():
            shutil.copytree(data_directory() / "fastapi-docs", docs)
        results = {}
        steps = {f.__name__: f for f in (first, again, edited, search, verify)}
        for name in STEPS:
            if name not in args.skip:
                results[name] = steps[name](docs, kb, args.times)
                print(f"{name:8}", json.dumps(results[name]), flush=True)
    if not args.skip:
        save_result("indexing", {"times": args.times, "edited": EDITED}, results)


if __name__ == "__main__":
    main()
