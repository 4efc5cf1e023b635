"""What is told of memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polyseek.errors import BadInput
from polyseek.loadtest.memory import Gauge, children, resident, used
from polyseek.loadtest.plan import Target

HOLDS = "held = b'x' * 60_000_000; print(flush=True); input()"
TELLS = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")


@TELLS
def test_a_process_counts_with_its_children() -> None:
    before = resident(os.getpid())
    assert before is not None
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout
    assert child.stdin
    try:
        child.stdout.readline()
        own, both = resident(child.pid), resident(os.getpid())
        assert own is not None
        assert own > 60
        assert both is not None
        assert both > own + 20
        assert child.pid in children(os.getpid())
    finally:
        child.stdin.close()
        child.stdout.close()
        child.wait()


def test_a_process_that_is_not_there() -> None:
    with pytest.raises(BadInput, match="--pid 999999999"):
        Gauge(Target("127.0.0.1", 1, False, "/v1"), "127.0.0.1", 999_999_999)


def test_cards_as_nvidia_smi_tells_of_them() -> None:
    assert used("0, 1000\n1, 24\n", None) == pytest.approx(1024 * 1.048576)
    assert used("4711, 1000\n4712, 500\n4713, [N/A]\n", {4712, 4713}) == pytest.approx(524.288)
