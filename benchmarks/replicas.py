"""Replicas: what two make of the same cores as one process, and who gets the requests.

Three servers with the embedded default take turns, each under 1, 4, 16 and 64 callers with a text
of 128 tokens a request: one process with one thread, one with two, and two replicas with a thread
each behind one address. Beside the answers a second there is the processor time of an answer, which
other jobs on the machine move less. The callers run on the same cores.

Then the alternative: two sockets that listen on one port (SO_REUSEPORT), between which the kernel
chooses by a hash of each connection. So many connections, many times over: which share the busier
one gets, and how many wait for ever where the other one does not accept, or are reset when it dies.

    python benchmarks/replicas.py                  results/replicas.json, in five minutes
    python benchmarks/replicas.py --seconds 2 --rounds 1      sooner, rougher
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from common import save_result
from serve_load import RUN, figure

from polyseek.loadtest.figures import Figures
from polyseek.loadtest.plan import Plan, Step, read_target
from polyseek.loadtest.run import Run
from polyseek.loadtest.texts import Generated

SERVERS = {
    "one process, 1 thread": ("--threads", "1"),
    "one process, 2 threads": ("--threads", "2"),
    "2 replicas, 1 thread each": ("--replicas", "2", "--threads", "1"),
}
CALLERS = (1, 4, 16, 64)
TOKENS = 128
DRAWS = 200


@contextmanager
def served(flags: tuple[str, ...]) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A server's port when all its replicas answer, and its process."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "serve", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        port = int(process.stdout.readline().split("/v1")[0].rsplit(":", 1)[1])
        while "--replicas" in flags and min(of_each(port, "ready")) < 1:
            time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        process.wait()


def of_each(port: int, name: str) -> list[float]:
    """A figure of both replicas."""
    return [figure(port, f'polyseek_replica_{name}{{replica="{number}"}}') for number in range(2)]


def step(port: int, pid: int, callers: int, seconds: float) -> dict[str, Any]:
    """What so many callers see in one window."""
    target = read_target(f"http://127.0.0.1:{port}/v1", remote=False)
    plan = Plan(target, (Step(callers=callers),), duration_s=seconds, warmup_s=min(2, seconds))
    cpu, answered = figure(port, "process_cpu_seconds_total"), figure(port, "polyseek_texts_total")
    handed = of_each(port, "requests_total")
    (found,) = Run(plan, Generated(TOKENS), pid=pid).steps()
    cpu = figure(port, "process_cpu_seconds_total") - cpu
    answered = figure(port, "polyseek_texts_total") - answered
    handed = [now - then for now, then in zip(of_each(port, "requests_total"), handed, strict=True)]
    return told(found) | {
        "cpu_ms_per_answer": cpu * 1e3 / max(answered, 1),
        "load_average": os.getloadavg()[0],
        "busier_share": max(handed) / sum(handed) if sum(handed) else 1.0,
    }


def told(found: Figures) -> dict[str, Any]:
    """The part of a step's figures that is compared."""
    return {
        "requests_per_s": found.requests_per_s,
        "p50_ms": found.latency_ms["p50"],
        "p95_ms": found.latency_ms["p95"],
        "errors": sum(found.errors.values()),
        "rss_mb": found.memory.get("rss_mb", 0.0),
    }


def compared(seconds: float, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Server -> callers -> the median of each figure over the rounds."""
    seen: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for turn in range(rounds):
        for name, flags in SERVERS.items():
            with served(flags) as (port, process):
                for callers in CALLERS:
                    seen[name, callers].append(step(port, process.pid, callers, seconds))
                    print(f"{turn + 1}: {name}, {callers}: {seen[name, callers][-1]}", flush=True)
    middle: dict[str, dict[str, dict[str, float]]] = {name: {} for name in SERVERS}
    for (name, callers), steps in seen.items():
        middle[name][str(callers)] = {
            key: round(float(np.median([each[key] for each in steps])), 3) for key in steps[0]
        }
    return middle


def kernel(connections: int) -> tuple[float, int]:
    """Of so many connections to a port with two listeners: the share of the busier one; and how
    many are reset when one of them dies before it has accepted them."""
    listeners = [socket.socket() for _ in range(2)]
    for each in listeners:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        each.bind(listeners[0].getsockname() if each is not listeners[0] else ("127.0.0.1", 0))
        each.listen(128)
        each.setblocking(False)
    clients = [socket.create_connection(listeners[0].getsockname()) for _ in range(connections)]
    taken = 0
    accepted = []
    while True:
        try:
            accepted.append(listeners[0].accept()[0])
        except BlockingIOError:
            break
        taken += 1
    listeners[1].close()
    reset = 0
    for client in clients:
        client.settimeout(0.01)
        try:
            client.recv(1)
        except TimeoutError:
            continue
        except ConnectionResetError:
            reset += 1
    for each in (listeners[0], *clients, *accepted):
        each.close()
    return max(taken, connections - taken) / connections, reset


def by_the_kernel() -> dict[str, dict[str, float]]:
    """Connections -> the shares of the busier of two listeners, and the connections that it had
    not accepted when it died."""
    made = {}
    for connections in CALLERS:
        draws = DRAWS if connections < 64 else DRAWS // 10  # each unreset one waits its time
        shares, resets = zip(*(kernel(connections) for _ in range(draws)), strict=True)
        made[str(connections)] = {
            "busier_share_mean": round(float(np.mean(shares)), 3),
            "busier_share_p95": round(float(np.quantile(shares, 0.95)), 3),
            "all_on_one": round(float(np.mean(np.array(shares) == 1)), 3),
            "stuck_or_reset_mean": round(float(np.mean(resets)), 1),
        }
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8, help="of each window")
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    figures = {
        "so_reuseport": by_the_kernel(),
        "servers": compared(chosen.seconds, chosen.rounds),
    }
    save_result("replicas", {**vars(chosen), "tokens_per_text": TOKENS}, figures)


if __name__ == "__main__":
    main()
