"""A real Milvus for tests: scripts/milvus-server as a process that can be killed and started again
with what it held."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from polyseek.store.milvus_address import MilvusAddress, milvus_address

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "milvus-server"


def why_no_milvus() -> str:
    """Why no Milvus can be had here; "" if one can."""
    if sys.platform != "linux":
        return "the Milvus of the tests runs on Linux only"
    if not (ROOT / ".venv-milvus" / "done").exists():
        return "no Milvus here: scripts/milvus-server --install gets one (58 MB)"
    try:
        import pymilvus  # noqa: F401
    except ImportError:
        return "pymilvus is not installed: pip install -e '.[milvus]'"
    found = subprocess.run([SCRIPT, "--check"], capture_output=True, text=True)
    return found.stderr.strip() if found.returncode else ""


class RunningMilvus:
    """The server, on a port that stays the same."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers. Skips the test if it does not."""
        command = [str(SCRIPT), "--port", str(self.port), "--data", str(self.data)]
        # A group of its own: an interrupted pytest kills it below, and not in the middle.
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if not said:
            self.kill()
            pytest.skip(f"Milvus does not start here: see {self.data / 'logs'}")
        self.port = int(said.rpartition(":")[2])

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def address(self, name: str) -> MilvusAddress:
        """The address of something of this name."""
        return milvus_address(f"milvus://127.0.0.1:{self.port}/{name}")
