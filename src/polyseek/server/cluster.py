"""The same application on several machines, by Ray Serve: Ray hands requests to the replicas."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
from fastapi import FastAPI

from polyseek.distributed.cluster import check, connected
from polyseek.engine.load import load, spec_for
from polyseek.errors import BadInput, ModelError
from polyseek.models.spec import DEFAULT, ModelSpec
from polyseek.server.app import make_app
from polyseek.server.models import Load
from polyseek.server.run import DRAIN_S, KEEP_ALIVE_S, Ending, Started
from polyseek.settings import Settings

NAME = "polyseek"
MOST_REQUESTS = 100_000
"""Of a replica at once, to Ray. What is too much each replica tells itself, in tokens."""
LOOK_S, SILENT_S = 5.0, 30.0
"""Between Ray's looks at a replica; three that are not answered in time end it."""


def serve(settings: Settings, started: Started, ending: Ending, loader: Load = load) -> None:
    """Serve on the cluster at `settings.ray` until SIGTERM or SIGINT, then answer what is admitted.
    `started` is told the address and the model once requests are answered; Ray does not tell how
    many are left, so `ending` hears nothing.

    Raises:
        BadInput: Ray is not installed, or the cluster cannot be had. ModelError: the model cannot
            be loaded there.
    """
    spec, _ = spec_for(settings.model or DEFAULT, settings.model_path)
    if not settings.port:
        raise BadInput("port is 0, and Ray Serve takes no free one by itself; give --port another")
    check(settings.ray)
    # In this order: Ray sets handlers of its own, which end the process at once.
    with connected(settings.ray), _told_to_end() as end:
        import ray
        from ray import serve as serving

        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        serving.start(
            http_options={
                "host": settings.host,
                "port": settings.port,
                "keep_alive_timeout_s": KEEP_ALIVE_S,
            },
            logging_config={"enable_access_log": False, "log_level": "WARNING"},
        )
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        try:
            serving.run(_deployment(serving, settings, loader, nodes), name=NAME)
            started(f"http://{settings.host}:{settings.port}", spec)
            end.wait()
        except RuntimeError as error:
            raise ModelError(f"Ray Serve cannot start {spec.name}: {error}") from error
        finally:
            serving.delete(NAME)  # returns when what was admitted is answered


def _deployment(
    serving: Any,  # noqa: ANN401 - Ray is imported when it is asked for
    settings: Settings,
    loader: Load,
    nodes: Sequence[Mapping[str, float]],
) -> Any:  # noqa: ANN401
    threads = settings.threads or each_gets([node.get("CPU", 0) for node in nodes], settings)
    gpus = sum(node.get("GPU", 0) for node in nodes)
    on_cpu = settings.backend == "openvino" or settings.precision == "int8"
    on_gpu = gpus >= settings.replicas and not on_cpu and settings.device != "cpu"
    made = serving.deployment(
        serving.ingress()(Deployed),
        name=NAME,
        num_replicas=settings.replicas,
        ray_actor_options={"num_cpus": threads, "num_gpus": int(on_gpu)},
        max_ongoing_requests=MOST_REQUESTS,
        max_constructor_retry_count=1,
        health_check_period_s=LOOK_S,
        health_check_timeout_s=SILENT_S,
        graceful_shutdown_wait_loop_s=0.5,
        graceful_shutdown_timeout_s=DRAIN_S,
    )
    return made.bind(settings.model_copy(update={"threads": threads}), loader)


def each_gets(cores: Sequence[float], settings: Settings) -> int:
    """The most that each replica can have, when a node's cores make whole replicas; at least 1."""
    for each in range(int(max(cores, default=1)), 1, -1):
        if sum(int(node) // each for node in cores) >= settings.replicas:
            return each
    return 1


class Deployed:
    """A replica, made where it runs. Ray calls its methods."""

    def __init__(self, settings: Settings, loader: Load) -> None:
        self._settings, self._loader = settings, loader
        self._heard = asyncio.Event()
        self._error: BaseException | None = None

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The server as it is on one machine."""
        self._app = make_app(self._settings, self._loader, self._told)
        return self._app

    def _told(self, spec: ModelSpec, error: BaseException | None) -> None:
        self._error = error
        self._heard.set()

    async def check_health(self) -> None:
        """The first is answered when the model is there: until then Ray sends no requests.

        Raises:
            RuntimeError: it is of no use any more; Ray starts another.
        """
        await self._heard.wait()
        if self._error:
            raise RuntimeError(str(self._error))
        inside = httpx2.ASGITransport(self._app)
        async with httpx2.AsyncClient(transport=inside, base_url="http://replica") as client:
            answer = await client.get("/health")
        if answer.status_code != 200:
            raise RuntimeError(answer.text)


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    told = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: told.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
