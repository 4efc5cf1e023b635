"""A run with Ray, in a process of its own: `on_ray.py WHAT DIRECTORY`. It prints one line of JSON:
the report, what verify says, and what happened to it.

plain     a Ray on this machine, the toy model
model     the same with the embedded model
killed    a worker is killed in the middle
node      a cluster of two nodes, of which one goes away in the middle; its own network is wanted
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distributed.slow import Slow
from polyseek import KnowledgeBase
from polyseek.distributed import cluster, job
from polyseek.meter import Progress
from toy import toy_embedder

CHUNK_TOKENS = 40


def main(what: str, directory: Path) -> dict[str, Any]:
    """Index directory/docs into directory/what."""
    job.PART_BYTES = 4000
    told: dict[str, Any] = {"what": what}
    notes = directory / f"{what}-notes"
    notes.mkdir()
    address = "local"
    watch: Callable[[Progress], None] = nothing
    settings: dict[str, Any] = {"chunk_tokens": CHUNK_TOKENS, "threads": 1}
    slow = Slow(notes, 0.2)
    embedder: Any = slow if what in ("killed", "node") else None if what == "model" else toy()
    if what == "killed":
        watch = once(lambda: told.update(killed=kill(notes)))
    if what == "model":
        del settings["chunk_tokens"]
    if what == "node":
        address, remove = two_nodes()
        watch = once(lambda: told.update(removed=remove()))
    kb = KnowledgeBase.open(directory / what, embedder=embedder, ray=address, **settings)
    told["pipelines"] = 0
    vars(job)["connected"] = counted(told)
    told["report"] = asdict(kb.index([directory / "docs"], watch))
    told["problems"] = kb.verify()
    told["processes"] = sorted(int(each.name) for each in notes.iterdir())
    return told


def counted(told: dict[str, Any]) -> Callable[[str], AbstractContextManager[None]]:
    """As `connected`, which is called once for each pipeline."""

    def connected(address: str) -> AbstractContextManager[None]:
        told["pipelines"] += 1
        return cluster.connected(address)

    return connected


def toy() -> Any:  # noqa: ANN401
    """Without notes."""
    return toy_embedder()


def nothing(step: Progress) -> None:
    """No watch."""


def once(do: Callable[[], None]) -> Callable[[Progress], None]:
    """A watch that does something when some passages are stored and some are not."""
    done: list[int] = []

    def watch(step: Progress) -> None:
        if not done and not step.stage and step.embedded > 0 and step.share < 1:
            done.append(step.embedded)
            do()

    return watch


def kill(notes: Path) -> int:
    """Kill a worker that embeds; which one."""
    pid = next(int(each.name) for each in notes.iterdir() if each.name != str(os.getpid()))
    os.kill(pid, signal.SIGKILL)
    return pid


def two_nodes() -> tuple[str, Callable[[], str]]:
    """A cluster of two nodes with two cores each: its address, and what takes the second away."""
    os.environ.update(cluster.ENVIRONMENT | cluster.LOOPBACK)
    from ray.cluster_utils import Cluster

    one = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 2**27}
    nodes = Cluster(initialize_head=True, head_node_args=one)
    second = nodes.add_node(num_cpus=2, object_store_memory=2**27)

    def remove() -> str:
        began = time.monotonic()
        nodes.remove_node(second, allow_graceful=False)
        return f"{time.monotonic() - began:.1f} s"

    return nodes.address, remove


if __name__ == "__main__":
    outcome = main(sys.argv[1], Path(sys.argv[2]))
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.stdout.flush()
    os._exit(0)  # a simulated cluster takes half a minute to take itself down
