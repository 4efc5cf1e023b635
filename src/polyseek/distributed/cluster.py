"""A connection to Ray, and how many workers it has room for."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec as find_module
from pathlib import Path

from polyseek.errors import BadInput

LOCAL = "local"
"""Instead of an address: a Ray of our own, on this machine, for this run."""
STORE_BYTES = 2**29
"""Of a local Ray's object store, which holds what is on its way between workers."""
CORES = 4
"""Most of a worker on the CPU: more of them would often wait for the last batch of a part."""
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # what is left of a pipeline would start a Ray of its own
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # its log files are enough
}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""What makes a Ray listen on 127.0.0.1 alone, on every system."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Those that embed; each holds the model once."""

    count: int
    cores: int
    """Of each."""
    gpu: bool
    cutters: int
    """Those that cut documents beside them."""


def check(address: str) -> None:
    """Whether there can be a connection; to be asked before what takes long.

    Raises:
        BadInput: Ray is not installed, or not to be reached in this way.
    """
    if not find_module("ray") or not find_module("pyarrow"):
        raise BadInput(f"ray is {address!r}, and Ray is not installed; pip install 'polyseek[ray]'")
    if "://" in address:
        raise BadInput(
            f"ray is {address!r}; this machine has to be a node of the cluster, since it sends "
            "the files: run `ray start --address=HOST:PORT` here, and give HOST:PORT or auto"
        )


@contextmanager
def connected(address: str) -> Iterator[None]:
    """A connection to the Ray at `address`, HOST:PORT or "auto"; or to one of our own, "local",
    which listens on loopback and ends with it.

    Raises:
        BadInput: nobody answers there, or this process is connected to another.
    """
    os.environ.update(ENVIRONMENT | (LOOPBACK if address == LOCAL else {}))
    import ray

    if ray.is_initialized():
        raise BadInput(
            f"ray is {address!r}, and this process is connected to Ray already; call "
            "ray.shutdown() first"
        )
    own = {"object_store_memory": STORE_BYTES} if address == LOCAL else {}
    try:
        with _no_stderr():
            ray.init(
                address=address,
                include_dashboard=False if address == LOCAL else None,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                **own,
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise BadInput(
            f"ray is {address!r}, and no Ray can be used there ({reason}); run `ray start "
            "--address=HOST:PORT` on this machine, or give local for a Ray of its own"
        ) from error
    try:
        _quiet()
        yield
    finally:
        ray.shutdown()


@contextmanager
def _no_stderr() -> Iterator[None]:
    """Ray's core writes where its logs go to the terminal, past all that can be set."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _quiet() -> None:
    """What Ray tells of its workers is in its log files; the terminal, and stdout, are not its."""
    import ray._private.worker
    import ray.data

    ray._private.worker.print_to_stdstream = lambda *_, **__: None

    for handler in logging.getLogger(ray.data.__name__).handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)
    ray.data.DataContext.get_current().enable_progress_bars = False


def here() -> dict[str, float]:
    """A resource that this machine has and no other."""
    import ray

    mine = ray.get_runtime_context().get_node_id()
    resources = next(each["Resources"] for each in ray.nodes() if each["NodeID"] == mine)
    names = (n for n in resources if n.startswith("node:") and n != "node:__internal_head__")
    return {next(names): 0.001}


def nodes() -> frozenset[str]:
    """Those of the cluster that are alive."""
    import ray

    return frozenset(each["NodeID"] for each in ray.nodes() if each["Alive"])


def workers(threads: int, gpus: bool) -> Workers:
    """As many as the cluster has room for, with `threads` cores each; 0: a few of a node's.
    `gpus`: whether the model runs on a GPU, if there are any."""
    import ray

    cores = [int(each["Resources"].get("CPU", 0)) for each in ray.nodes() if each["Alive"]]
    there = int(ray.cluster_resources().get("GPU", 0)) if gpus else 0
    if there:
        return Workers(there, 1, True, max(1, sum(cores) // 2))
    wanted = threads or min([CORES, *(each for each in cores if each)])
    count = sum(each // wanted for each in cores)
    return Workers(max(1, count), wanted, False, max(1, sum(cores) // 4))
