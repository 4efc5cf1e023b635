"""`polyseek serve` as a user starts it: a process of its own, the embedded default for a model."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LINE = r"(\S+) \((\d+) dimensions, up to (\d+) tokens\) at (http://127\.0\.0\.1:\d+)/v1; \S+/docs"

MAIN = "from polyseek.cli import main; main()"


@dataclass(frozen=True)
class Process:
    """A server that has said that it is there."""

    popen: subprocess.Popen[str]
    address: str
    told: str
    """Its first line."""


@contextmanager
def started(*flags: str, program: str = MAIN) -> Iterator[Process]:
    """The server, until the end of the block; it then ends by itself or is made to."""
    popen = subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert popen.stdout
    assert popen.stderr
    try:
        told = popen.stdout.readline()
        found = re.match(LINE, told)
        if not found:
            popen.kill()
            raise AssertionError(told + popen.stderr.read())
        yield Process(popen, found[4], told)
    finally:
        popen.terminate()
        try:
            popen.wait(20)
        finally:
            popen.kill()
            popen.stdout.close()
            popen.stderr.close()
