"""What a replica gets of the machine: a GPU, or some of the cores."""

from __future__ import annotations

import os

from polyseek.engine.load import backend_for
from polyseek.settings import Settings


def share(settings: Settings, number: int, of: int) -> Settings:
    """The settings of replica `number` of so many. Where they run on the CPU, this process is bound
    to its cores: threads of two replicas on one core would halve them both.

    Raises:
        ModelError: as load().
    """
    if backend_for(settings.backend, settings.device, settings.precision) == "torch":
        device = settings.device or _gpu(number)
        if not device.startswith("cpu"):
            return settings.model_copy(update={"device": device})
    cores = _cores()
    mine = divided(cores, number, of)
    if len(cores) >= of and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, mine)
    return settings.model_copy(update={"threads": settings.threads or len(mine)})


def divided(cores: list[int], number: int, of: int) -> list[int]:
    """Those of a replica: as many as each has, at least one. What is left over stays with the
    process that hands requests on."""
    each = max(len(cores) // of, 1)
    start = number * each % len(cores)
    return cores[start : start + each]


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _gpu(number: int) -> str:
    """ "" leaves it to PyTorch, which has none."""
    from polyseek.engine.torch.forward import gpus

    found = gpus()
    return found[number % len(found)] if found else ""
