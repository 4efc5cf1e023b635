"""`polyseek serve` as a user starts it: a process of its own, the embedded default for a model; and
a client with the toy's vectors to compare its answers with."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import numpy as np

from toy import toy_embedder

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


class Client(threading.Thread):
    """Asks one thing after the other until nobody listens any more, or it is told to stop."""

    def __init__(self, address: str, number: int) -> None:
        super().__init__()
        self._address, self._number = address, number
        self.answered = 0
        self.longest_s = 0.0
        self.stopped = False
        self.wrong: list[str] = []

    def run(self) -> None:
        embedder = toy_embedder()
        with httpx.Client(base_url=self._address, timeout=30) as client:
            for n in range(100_000):
                if self.stopped:
                    return
                texts = [f"client{self._number} text{n} word{m}" for m in range(1 + n % 7)]
                body = {"model": "toy", "input": texts}
                start = time.monotonic()
                try:
                    answer = client.post("/v1/embeddings", json=body)
                except httpx.TransportError:
                    return
                self.longest_s = max(self.longest_s, time.monotonic() - start)
                if answer.status_code != 200:
                    self.wrong.append(answer.text)
                    return
                found = [row["embedding"] for row in answer.json()["data"]]
                if not np.allclose(found, embedder.embed(texts, "passage"), atol=1e-6):
                    self.wrong.append(str(texts))
                self.answered += 1
