"""`polyseek loadtest` beside the truth, and beside locust on one server.

1. A stub answers after delays that are known; the figures have to be those.
2. `polyseek serve` with the embedded default under callers of ours and of locust's (FastHttpUser),
   in turns, with the same texts. Locust's latencies are taken from its own event, each, since its
   summary rounds them to two digits; the warm-up is left out for both.

Other jobs on the machine distort rounds, so there are several, and each is in the result. Compared
are the best round of each (most answers a second), the medians of its better half, and, with both
at once on the server and in the same window, the medians of all.

    python -m venv /tmp/locust && /tmp/locust/bin/pip install locust
    python benchmarks/loadtest_peer.py --locust /tmp/locust/bin/locust
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from common import REPOSITORY, save_result

from polyseek.loadtest.texts import Generated

RUN = "from polyseek.cli import main; main()"
WARMUP_S = 3.0
PERCENTILES = (50, 95, 99)
WHO = ("polyseek", "locust")
KEYS = ("requests_per_s", "p50", "p95", "p99")

STUB = """
import asyncio, itertools, json, sys
delays = itertools.cycle(json.loads(sys.argv[1]))
body = json.dumps({"data": [{"embedding": [0.0123456] * 384}], "usage": {"prompt_tokens": 100}})
answer = f"HTTP/1.1 200 OK\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n{body}".encode()
class Stub(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.held = transport, b""
    def data_received(self, data):
        self.held += data
        head, found, rest = self.held.partition(b"\\r\\n\\r\\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\\r\\n")[0]
        if found and len(rest) >= int(length or 0):
            self.held, delay = b"", next(delays) if length else 0
            if delay:
                asyncio.get_running_loop().call_later(delay, self.transport.write, answer)
            else:
                self.transport.write(answer)
async def main():
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    print(f":{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

LOCUST = """
import itertools, json, os, random, time
from locust import FastHttpUser, events, task
texts = open(os.environ["TEXTS"], encoding="utf-8").read().split("\\n")
turn = itertools.count(random.randrange(len(texts)))
seen = []
class Caller(FastHttpUser):
    @task
    def ask(self):
        body = {"model": os.environ["MODEL"], "input": [texts[next(turn) % len(texts)]]}
        self.client.post("/v1/embeddings", json=body)
@events.request.add_listener
def note(response_time, exception, **_):
    seen.append((time.time(), response_time, exception is not None))
@events.quitting.add_listener
def tell(**_):
    json.dump(seen, open(os.environ["SEEN"], "w"))
"""


@contextmanager
def started(*command: str) -> Iterator[int]:
    """The port of a server that prints it."""
    process = subprocess.Popen([sys.executable, "-c", *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(re.findall(r":(\d+)/v1", process.stdout.readline())[0])
    finally:
        process.terminate()
        process.wait()


def ours(port: int, *flags: str) -> list[dict[str, Any]]:
    """The steps of a `polyseek loadtest --json`."""
    url = f"http://127.0.0.1:{port}/v1"
    command = [sys.executable, "-c", RUN, "loadtest", url, "--json", "--warmup", str(WARMUP_S)]
    done = subprocess.run([*command, *flags], stdout=subprocess.PIPE, text=True, check=True)
    steps: list[dict[str, Any]] = json.loads(done.stdout)["steps"]
    return steps


def of_truth(seconds: float) -> list[dict[str, Any]]:
    """Figures against delays that are known."""
    rows = []
    mixed = [0.4] * 9 + [0.8]
    for name, delays, flags, rate, p50, p95 in (
        ("8 callers, 400 ms", [0.4], ("--concurrency", "8"), 20.0, 400, 400),
        ("8 callers, 400 ms and a tenth 800", mixed, ("--concurrency", "8"), 8 / 0.44, 400, 800),
        ("40 requests/s, 400 ms", [0.4], ("--rate", "40"), 40.0, 400, 400),
        ("40 requests/s, a tenth 800 ms", mixed, ("--rate", "40"), 40.0, 400, 800),
    ):
        with started(STUB, json.dumps(delays)) as port:
            step = ours(port, *flags, "--duration", str(seconds), "--model", "stub")[0]
        row = {"case": name, "late_ms": step["late_ms"]}
        for what, found, true in (
            ("requests_per_s", step["requests_per_s"], rate),
            ("p50_ms", step["latency_ms"]["p50"], p50),
            ("p95_ms", step["latency_ms"]["p95"], p95),
        ):
            row[what] = {"found": found, "true": round(true, 3), "ratio": round(found / true, 4)}
        print(row, flush=True)
        rows.append(row)
    return rows


def theirs(port: int, locust: str, folder: Path, callers: int, seconds: float) -> np.ndarray:
    """Locust's requests (N, 3): when each ended, how many ms it took, whether it failed."""
    (folder / "locustfile.py").write_text(LOCUST)
    seen = folder / "seen.json"
    length = WARMUP_S + seconds + 5
    subprocess.run(
        [
            *(locust, "-f", str(folder / "locustfile.py"), "--headless", "--only-summary"),
            *("-u", str(callers), "-r", "1000", "-t", f"{length:.0f}s", "--stop-timeout", "10"),
            *("--host", f"http://127.0.0.1:{port}"),
        ],
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "TEXTS": str(folder / "texts.txt"),
            "SEEN": str(seen),
            "MODEL": "multilingual-e5-small",
        },
        capture_output=True,
        check=True,
    )
    return np.array(json.loads(seen.read_text()), dtype=np.float64)


def figures(rows: np.ndarray, opens: float, seconds: float) -> dict[str, Any]:
    """Of locust's requests, in a window that opens at `opens`, in seconds since 1970."""
    ended, ms, failed = rows.T
    begun = ended - ms / 1e3
    counted = (opens <= begun) & (begun < opens + seconds) & (failed == 0)
    within = np.minimum(ended, opens + seconds) - np.maximum(begun, opens)
    shares = np.clip(within / (ms / 1e3), 0, 1) * (failed == 0)
    answered = int(((opens <= ended) & (ended < opens + seconds) & (failed == 0)).sum())
    return {
        "requests_per_s": round(float(shares.sum()) / seconds, 3),
        "requests_per_s_by_answers_within": round(answered / seconds, 3),
        "errors": int(failed.sum()),
        **{
            f"p{p}": round(float(np.percentile(ms[counted], p, method="inverted_cdf")), 2)
            for p in PERCENTILES
        },
    }


def beside_locust(
    locust: str, callers: int, seconds: float, rounds: int, tokens: int
) -> dict[str, Any]:
    """Each round: one of them, the other, and both at once, which has what the machine does
    otherwise in common."""
    with tempfile.TemporaryDirectory() as name, started(RUN, "serve", "--port", "0") as port:
        folder = Path(name)
        (folder / "texts.txt").write_text("\n".join(Generated(tokens).take(20_000)), "utf-8")
        flags = ("--concurrency", str(callers), "--duration", str(seconds))

        def locusts() -> np.ndarray:
            return theirs(port, locust, folder, callers, seconds)

        def own() -> dict[str, Any]:
            return ours(port, *flags, "--file", str(folder / "texts.txt"))[0]

        alone: dict[str, list[dict[str, Any]]] = {who: [] for who in WHO}
        both: dict[str, list[dict[str, Any]]] = {who: [] for who in WHO}
        for turn in range(rounds):
            for who in WHO if turn % 2 else WHO[::-1]:
                if who == "locust":
                    rows = locusts()
                    row = figures(rows, (rows[:, 0] - rows[:, 1] / 1e3).min() + WARMUP_S, seconds)
                else:
                    row = flat(own())
                alone[who].append(row | {"load_average": round(os.getloadavg()[0], 2)})
                print("alone", who, row, flush=True)
            with ThreadPoolExecutor() as pool:
                other, step = pool.submit(locusts), own()
            opens = datetime.fromisoformat(step["opened"]).timestamp()
            both["polyseek"].append(flat(step))
            both["locust"].append(figures(other.result(), opens, seconds))
            print("both", both["polyseek"][-1], both["locust"][-1], flush=True)
    best = {who: max(rows, key=lambda row: row["requests_per_s"]) for who, rows in alone.items()}
    version = subprocess.run([locust, "--version"], capture_output=True, text=True, check=True)
    told = {
        "best_alone_ours_to_locust": ratios(best),
        "best_half_alone_ours_to_locust": ratios({w: middle(half(alone[w])) for w in WHO}),
        "median_at_once_ours_to_locust": ratios({w: middle(both[w]) for w in WHO}),
        "peer": version.stdout.split(" from ")[0],
        "alone": alone,
        "at_once": both,
    }
    print(json.dumps(told, indent=1))
    return told


def flat(step: dict[str, Any]) -> dict[str, Any]:
    """Our figures, named as locust's."""
    rates = {key: step[key] for key in ("requests_per_s", "late_ms", "cpu_share")}
    return rates | {f"p{p}": step["latency_ms"][f"p{p}"] for p in PERCENTILES}


def half(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rounds with the most answers a second, which other jobs disturbed least."""
    return sorted(rows, key=lambda row: -row["requests_per_s"])[: max(1, len(rows) // 2)]


def middle(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure."""
    return {key: float(np.median([row[key] for row in rows])) for key in KEYS}


def ratios(rows: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Our figures to locust's."""
    return {key: round(rows["polyseek"][key] / rows["locust"][key], 4) for key in KEYS}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--locust", default="locust", help="its program")
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=256, help="of a text, about")
    chosen = parser.parse_args()
    os.environ["PYTHONPATH"] = str(REPOSITORY / "src")

    truth = of_truth(chosen.seconds)
    beside = beside_locust(
        chosen.locust, chosen.callers, chosen.seconds, chosen.rounds, chosen.tokens
    )
    settings = {**vars(chosen), "locust": "program of the version below", "warmup_s": WARMUP_S}
    save_result("loadtest_peer", settings, {"truth": truth, "beside_locust": beside})


if __name__ == "__main__":
    main()
