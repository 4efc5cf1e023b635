"""What the server takes while it is under load: its own word, or its process's."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from polyseek.addresses import is_loopback
from polyseek.errors import BadInput
from polyseek.loadtest.client import Failed, get
from polyseek.loadtest.lines import Lines
from polyseek.loadtest.plan import Target

EVERY_S = 1.0
METRIC = re.compile(r"^process_resident_memory_bytes(?:\{[^}]*\})? (\S+)", re.M)

Look = Callable[[], float | None]


class Gauge:
    """The greatest of what is looked at once a second."""

    def __init__(self, target: Target, address: str, pid: int = 0) -> None:
        """`pid`: of the server, with its children; 0 takes what its /metrics tells."""
        if pid and resident(pid) is None:
            raise BadInput(f"--pid {pid}: there is no such process, or no /proc that tells of it")
        self._target, self._address, self._pid = target, address, pid
        # Another machine's cards are not those that nvidia-smi tells of here.
        self._cards = is_loopback(target.host) and shutil.which("nvidia-smi") is not None

    async def watch(self, greatest: dict[str, float]) -> None:
        """Keep `greatest` (MB) up to date until it is cancelled."""
        with Lines(self._target, self._address, 1) as lines:
            while True:
                found = {
                    "rss_mb": await self._resident(lines),
                    "gpu_mb": await asyncio.to_thread(cards, self._pid) if self._cards else None,
                }
                for name, value in found.items():
                    if value is not None:
                        greatest[name] = max(round(value, 1), greatest.get(name, 0.0))
                await asyncio.sleep(EVERY_S)

    async def _resident(self, lines: Lines) -> float | None:
        if self._pid:
            return resident(self._pid)
        until = asyncio.get_running_loop().time() + 10
        try:
            status, body = await lines.ask(get(self._target, self._path()), until)
        except Failed:
            return None
        found = METRIC.search(body.decode("utf-8", "replace")) if status == 200 else None
        return float(found[1]) / 1e6 if found else None

    def _path(self) -> str:
        return self._target.root.removesuffix("/v1") + "/metrics"


def resident(pid: int) -> float | None:
    """MB of memory that a process and its descendants have, shared pages counted for each."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)
    total = int(found[1]) * 1024 / 1e6 if found else 0.0
    return total + sum(resident(child) or 0.0 for child in children(pid))


def children(pid: int) -> list[int]:
    """The processes that a process has started and that are there."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, path.read_text().split())
        except OSError:  # the thread has gone
            continue
    return found


def family(pid: int) -> set[int]:
    """A process and its descendants."""
    return {pid}.union(*(family(child) for child in children(pid)))


def cards(pid: int) -> float | None:
    """MB of GPU memory: of a process and its descendants, or, with 0, of all there is."""
    query = "--query-compute-apps=pid,used_memory" if pid else "--query-gpu=index,memory.used"
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return used(told.stdout, family(pid) if pid else None)


def used(told: str, only: set[int] | None) -> float:
    """The sum of the second column, in MB (it is told in MiB), of the rows of `only`."""
    rows = re.findall(r"^(\d+), (\d+)", told, re.M)
    mib = sum(int(amount) for key, amount in rows if only is None or int(key) in only)
    return mib * 1.048576
