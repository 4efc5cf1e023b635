"""The stages one after the other, as one pipeline of Ray Data, and what comes out of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from polyseek.distributed.cluster import Workers, connected, here, nodes, workers
from polyseek.distributed.stages import KINDS, Ask, Cut, Embed, Model, Part, Read
from polyseek.documents import Found
from polyseek.engine.chosen import chosen
from polyseek.engine.embeds import Embeds
from polyseek.engine.remote import PRECISION
from polyseek.errors import PolyseekError
from polyseek.preparing import Plan, Prepared, changed
from polyseek.settings import Settings
from polyseek.store.reader import Reader

if TYPE_CHECKING:
    from ray.data import ActorPoolStrategy, Dataset

PART_BYTES = 2**16
"""Of the files of a part: some 100 passages, seconds on a core. What a dead worker costs."""
PART_FILES = 64
IN_FLIGHT = 2
"""Parts that a worker has, so that one is there when another is done."""
TRIES = 3
"""Pipelines in a row that bring nothing, before it is given up."""
PATIENCE_S = 20.0
"""After a node is lost, how long nothing may come before the rest is begun anew."""


class _Broken(Exception):
    """A pipeline that will not come to its end, and why; another one may."""


@dataclass(frozen=True, slots=True)
class Job:
    """Prepares files (`preparing.Prepares`) with the workers of a cluster."""

    address: str
    model: Callable[[int], Model]
    """For a worker with so many cores."""
    gpus: bool
    """Whether the model runs on a GPU, where there is one."""
    threads: int
    """Cores of a worker; 0: a few."""
    plan: Plan
    fingerprint: Mapping[str, Any]
    """Of the model."""
    catalog: Callable[[], Reader]
    """Opens what the collection knows, on this machine."""

    def __call__(
        self, files: Sequence[Found], known: Mapping[str, str]
    ) -> Generator[Prepared, None, None]:
        """Files that are unchanged first, then the others, in their order. Ray is not started if
        there are none.

        Raises:
            BadInput: no Ray there. ModelError: a worker cannot use the model.
            PolyseekError: Ray has given up.
        """
        new: list[Found] = []
        for found in files:
            digest = known.get(found.name)
            data = b"" if digest is None else changed(found, digest)
            if isinstance(data, Prepared):
                yield data
            else:
                new.append(found)
        left, tries = deque(_parts(new)), 0
        while left:
            try:
                for part in self._run(left):
                    left.popleft()
                    tries = 0
                    yield from (replace(each, made=part.made) for each in part.prepared)
            except _Broken as broken:
                tries += 1
                if tries == TRIES:
                    raise PolyseekError(
                        f"Ray at {self.address!r} does not get past {left[0].files[0].name!r} "
                        f"({broken}); see its logs and `ray status`, and run the same again"
                    ) from broken

    def _run(self, parts: Sequence[Part]) -> Iterator[Part]:
        """Those that are done, in order.

        Raises:
            _Broken: Ray cannot do the rest.
        """
        with connected(self.address):
            from ray.exceptions import RayError

            try:
                with closing(_arriving(self._dataset(parts))) as arriving:
                    for part in arriving:
                        if part.fault:
                            kind, told = part.fault
                            raise KINDS[kind](told)
                        yield part
            except RayError as error:
                raise _Broken(str(error).strip().split("\n")[0]) from error

    def _dataset(self, parts: Sequence[Part]) -> Dataset:
        import ray.data

        ray.data.DataContext.get_current().execution_options.preserve_order = True
        room = workers(self.threads, self.gpus)
        model, near = self.model(room.cores), {"num_cpus": 0, "resources": here()}
        cut, embed = (model, self.plan), (model, self.plan, self.fingerprint)
        # Tasks without an actor would each get a process of their own, hundreds at once.
        rows = ray.data.from_items([{"part": p} for p in parts], override_num_blocks=len(parts))
        return (
            rows.map(Read, compute=_pool(1), **near)
            .map(Cut, fn_constructor_args=cut, compute=_pool(room.cutters), num_cpus=0)
            .map(Ask, fn_constructor_args=(self.catalog,), compute=_pool(1), **near)
            .map(Embed, fn_constructor_args=embed, compute=_pool(room.count), **_share(room))
        )


def _pool(size: int) -> ActorPoolStrategy:
    """Actors that Ray Data starts again when they die, and their parts with them."""
    from ray.data import ActorPoolStrategy

    return ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=IN_FLIGHT)


def job_of(
    settings: Settings,
    given: Embeds | None,
    plan: Plan,
    fingerprint: Mapping[str, Any],
    catalog: Callable[[], Reader],
) -> Job:
    """As the settings want it, for a knowledge base with this fingerprint. `given`: a model instead
    of the one that the settings name; it travels to the workers."""

    def model(cores: int) -> Model:
        if given:
            return lambda: given
        return partial(chosen, settings.model_copy(update={"threads": cores}), fingerprint)

    gpus = not given and not str(fingerprint["precision"]).startswith(("int8", PRECISION))
    return Job(settings.ray, model, gpus, settings.threads, plan, fingerprint, catalog)


def _share(room: Workers) -> dict[str, Any]:
    """What a worker takes of its node. On the CPU half of what it uses, so that those of a node
    that is lost have room on the others."""
    if room.gpu:
        return {"num_gpus": 1, "num_cpus": 1}
    return {"num_cpus": room.cores / 2}


def _parts(files: Iterable[Found]) -> Iterator[Part]:
    """Files in parts of about PART_BYTES, in order."""
    some, size, number = list[Found](), 0, 0
    for found in files:
        some.append(found)
        size += _size(found)
        if size >= PART_BYTES or len(some) >= PART_FILES:
            yield Part(number, some)
            some, size, number = [], 0, number + 1
    if some:
        yield Part(number, some)


def _size(found: Found) -> int:
    try:
        return found.path.stat().st_size
    except OSError:  # reading it will say what is wrong
        return 0


def _arriving(dataset: Dataset) -> Generator[Part, None, None]:
    """The parts as they are done.

    Raises:
        _Broken: a node is lost and nothing comes any more; its workers may wait for room for ever.
    """
    there, last = nodes(), time.monotonic()
    rows = iter(dataset.iter_rows())
    waiter = ThreadPoolExecutor(1)
    try:
        coming = waiter.submit(next, rows, None)
        while True:
            try:
                row = coming.result(timeout=1.0)
            except TimeoutError:
                if time.monotonic() - last > PATIENCE_S and there - nodes():
                    raise _Broken("a node is lost") from None
                continue
            if row is None:
                return
            last, coming = time.monotonic(), waiter.submit(next, rows, None)
            yield row["part"]
    finally:
        waiter.shutdown(wait=False)
