"""Indexing with Ray on this machine, with one worker of all cores and with a worker for each core,
beside the same without Ray; and where the rest of the time goes.

The input is a part of FastAPI's documentation in eight languages, the same files of each.

    python benchmarks/ray_jobs.py                # 4 files of each language
    python benchmarks/ray_jobs.py --files 100    # more of them, up to all
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any

from common import LANGUAGES, data_directory, save_result

from polyseek import KnowledgeBase, ingest
from polyseek.distributed import job
from polyseek.distributed.stages import Ask, Cut, Embed, Part, Read
from polyseek.documents import find
from polyseek.engine.chosen import chosen
from polyseek.preparing import Plan
from polyseek.settings import read_settings
from polyseek.store.catalog import Catalog

FOLDER = "tutorial"


class Clock:
    """Seconds of a run, by what they were for."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.arrived: list[float] = []

    def add(self, name: str, began: float) -> None:
        """The time since `began` was for `name`."""
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def timed(self, name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        """`do`, on the clock."""

        @wraps(do)
        def doing(*args: Any) -> Any:  # noqa: ANN401
            began = time.perf_counter()
            try:
                return do(*args)
            finally:
                self.add(name, began)

        return doing


def copied(target: Path, files: int) -> Path:
    """The documents: the first `files` of each language."""
    for language in LANGUAGES:
        source = data_directory() / "fastapi-docs" / language
        for path in sorted((source / FOLDER).rglob("*.md"))[:files]:
            to = target / language / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    return target


def run(docs: Path, kb: Path, **settings: Any) -> dict[str, Any]:  # noqa: ANN401
    """One whole run of `index` into a new knowledge base, in this process."""
    clock = Clock()
    with watched(clock), KnowledgeBase.open(kb, **settings) as base:
        base.embedder.embed(["warm"], "passage")
        began = time.perf_counter()
        report = base.index(docs)
        seconds = time.perf_counter() - began
    found = {
        "seconds": round(seconds, 1),
        "tokens_per_s": round(report.tokens / seconds),
        "passages": report.chunks,
        "tokens": report.tokens,
        "of_these": {name: round(each, 2) for name, each in clock.seconds.items()},
    }
    if clock.arrived:
        first, last = clock.arrived[0], clock.arrived[-1]
        found["of_these"]["from_ray_to_first_part"] = round(first - clock.began, 1)
        found["of_these"]["from_first_to_last_part"] = round(last - first, 1)
        found["parts"] = len(clock.arrived)
    return found


@contextmanager
def watched(clock: Clock) -> Iterator[None]:
    """The parts of a run on the clock."""
    names = vars(job)
    connected, arriving, put = names["connected"], names["_arriving"], ingest._put

    @contextmanager
    def connecting(address: str) -> Iterator[None]:
        began = time.perf_counter()
        with connected(address):
            clock.add("start_of_ray", began)
            clock.began = time.perf_counter()
            yield
            began = time.perf_counter()
        clock.add("end_of_ray", began)

    def arrivals(dataset: Any) -> Iterator[Part]:  # noqa: ANN401
        for part in arriving(dataset):
            clock.arrived.append(time.perf_counter())
            yield part

    names["connected"], names["_arriving"] = connecting, arrivals
    ingest._put = clock.timed("writing", put)
    try:
        yield
    finally:
        names["connected"], names["_arriving"], ingest._put = connected, arriving, put


def stages(docs: Path, place: Path) -> dict[str, Any]:
    """What the stages take, one after the other in one process, and what travels between them."""
    from ray import cloudpickle

    began = time.perf_counter()
    model = chosen(read_settings(), {})
    model.embed(["warm"], "passage")
    loaded = time.perf_counter() - began
    plan, known = Plan(240), place / "stages.sqlite"
    Catalog.open(known, write=True).close()
    steps = {
        "read": Read(),
        "cut": Cut(lambda: model, plan),
        "ask": Ask(partial(Catalog.open, known)),
        "embed": Embed(lambda: model, plan, model.fingerprint),
    }
    clock, bytes_after = Clock(), dict.fromkeys(steps, 0)
    for part in job._parts(find([docs])):
        row = {"part": part}
        for name, step in steps.items():
            row = clock.timed(name, step)(row)
            data = clock.timed("serialising", cloudpickle.dumps)(row)
            clock.timed("serialising", cloudpickle.loads)(data)
            bytes_after[name] += len(data)
    return {
        "load_of_the_model": round(loaded, 2),
        **{name: round(each, 2) for name, each in clock.seconds.items()},
        "mb_after": {name: round(each / 1e6, 2) for name, each in bytes_after.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=4, help="of each language (4)")
    args = parser.parse_args()
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        docs = copied(place / "docs", args.files)
        runs = {
            "without Ray": partial(run, docs, place / "local"),
            "one worker": partial(run, docs, place / "one", ray="local", threads=cores),
            "a worker a core": partial(run, docs, place / "many", ray="local", threads=1),
            "stages, one after the other": partial(stages, docs, place),
        }
        results = {}
        for name, do in runs.items():
            results[name] = do()
            print(f"{name:28}", json.dumps(results[name]), flush=True)
    save_result("ray_jobs", {"files": args.files, "folder": FOLDER, "cores": cores}, results)


if __name__ == "__main__":
    main()
