"""`polyseek serve --ray local --replicas 2` from its start to its end; what was seen, as JSON.

Ray listens on all interfaces, so tests run this where there is no other machine: in a network of
its own.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

TESTS = str(Path(__file__).parents[1])
TOY = f"""
import sys
sys.path[:0] = [{TESTS!r}]
from polyseek.server import cluster
from server import slow_toy
serve = cluster.serve
cluster.serve = lambda *told: serve(*told, slow_toy.load)
from polyseek.cli import main; main()
"""
FLAGS = ("--model", "toy", "--replicas", "2", "--ray", "local", "--port", "30111")
LONG = [f"word{n} " * 400 for n in range(100)]
"""A batch each: 20 ms."""


def main() -> None:
    """Start, ask, end in the middle of requests."""
    popen = subprocess.Popen(
        [sys.executable, "-c", TOY, "serve", *FLAGS], stdout=subprocess.PIPE, text=True
    )
    assert popen.stdout
    told = popen.stdout.readline()
    with httpx.Client(base_url="http://127.0.0.1:30111", timeout=60) as client:
        seen = {"told": told, **asked(client)}
        with ThreadPoolExecutor(8) as pool:
            begun = threading.Barrier(9)

            def last(_: int) -> int:
                begun.wait()
                return embed(client, LONG).status_code

            answers = [pool.submit(last, n) for n in range(8)]
            begun.wait()
            # Of two replicas Ray asks the one with less to do, which has some, too.
            while not waiting(client) and not all(answer.done() for answer in answers):
                time.sleep(0.05)
            time.sleep(0.3)  # for the last of the eight
            seen["left"] = sum(not answer.done() for answer in answers)
            popen.send_signal(signal.SIGTERM)
            seen["last"] = [answer.result() for answer in answers]
    seen["exit"] = popen.wait(60)
    sys.stdout.write(json.dumps(seen))


def waiting(client: httpx.Client) -> bool:
    """Whether the replica that answers has requests."""
    text = client.get("/metrics").text
    return any(map(float, re.findall(r"^polyseek_queue_tokens{.*} (\S+)", text, re.M)))


def asked(client: httpx.Client) -> dict[str, Any]:
    """Vectors, states, an error, and which processes answer."""
    starts = set()
    for _ in range(200):
        found = re.search(r"^process_start_time_seconds (\S+)", client.get("/metrics").text, re.M)
        starts.add(found and found[1])
        if len(starts) == 2:
            break
    return {
        "replicas": len(starts),
        "vectors": [row["embedding"] for row in embed(client, TEXTS).json()["data"]],
        "health": client.get("/health").json(),
        "ready": client.get("/ready").json(),
        "wrong": embed(client, "").json()["error"]["code"],
    }


TEXTS = ["cat and dog", "堡垒机登录失败的常见原因", "踏み台サーバーへのログイン", "кошка и собака"]


def embed(client: httpx.Client, given: list[str] | str) -> httpx.Response:
    """The answer to a request."""
    return client.post("/v1/embeddings", json={"model": "toy", "input": given})


if __name__ == "__main__":
    main()
