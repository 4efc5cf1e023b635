"""The server under load: 64 clients at once, each answer compared with its own vector.

Starts `polyseek serve` as a user would, with the embedded default, and asks it for one text at a
time from 64 connections: runs of paragraphs of FastAPI's documentation in eight languages, 20 to
1,500 characters. Rounds of load and rounds of the engine by itself on the same texts, in this
process, take turns, so that whatever else the machine does hits both; the ratio is the median over
the rounds. The clients run on the same cores as the server and their work counts against it. The
ratio of tokens per second of processor time is there too: of the server alone, and with its
clients; other jobs move it less.

Then the overload: a server that may hold few tokens, 64 clients, 429 for who does not fit, and
one request after it.

    python benchmarks/serve_load.py                      60 s of load, and results/serve_load.json
    python benchmarks/serve_load.py --seconds 12 --rounds 2     sooner, rougher
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from common import LANGUAGES, paragraphs, save_result

from polyseek.engine.embedder import Embedder
from polyseek.engine.load import load
from polyseek.models.spec import DEFAULT

RUN = "from polyseek.cli import main; main()"
FEW_TOKENS = 2048
ALIKE = 0.999
"""Least cosine of an answer to its text's vector alone; in int8 some differ by 1e-4 in a batch, and
other texts' are below 0.95."""
SHORTEST, LONGEST = 20, 1500
"""Characters of a text; drawn evenly on a logarithmic scale, from questions to passages."""


@dataclass
class Text:
    """A text, what is sent for it, and what should come back."""

    tokens: int
    request: bytes
    vector: np.ndarray
    seen: set[str] = field(default_factory=set)
    """Answers that have been compared already."""


@dataclass
class Tally:
    """What the clients saw."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    tokens: int = 0
    tokens_in_time: int = 0
    """Of the answers that came before the round's end, when nobody asks any more."""
    wrong: int = 0
    least_cosine: float = 1.0
    without_retry_after: int = 0


def mixed_texts(count: int) -> list[str]:
    """Runs of paragraphs, as many of each language, of mixed lengths."""
    draw, found = np.random.default_rng(0), []
    for language in LANGUAGES:
        parts = paragraphs(language)
        for _ in range(count // len(LANGUAGES)):
            characters = int(np.exp(draw.uniform(np.log(SHORTEST), np.log(LONGEST))))
            start = int(draw.integers(len(parts) - LONGEST))
            text = "\n\n".join(parts[start : start + LONGEST]).strip()
            found.append(text[:characters])
    draw.shuffle(found)
    return found


@contextmanager
def served(*flags: str) -> Iterator[tuple[int, float]]:
    """The server's port, and the seconds from its start to its first answer."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "serve", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        port = int(re.findall(r":(\d+)/v1", process.stdout.readline())[0])
        body = json.dumps({"model": DEFAULT, "input": "first"}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/embeddings", body) as answer:
            answer.read()
        yield port, time.perf_counter() - start
    finally:
        process.terminate()
        process.wait()


def prepared(embedder: Embedder, texts: list[str]) -> list[Text]:
    """Each with its vector alone, not in a batch."""
    made = []
    for text, ready in zip(texts, embedder.prepare(texts, "passage", truncate="end"), strict=True):
        body = {"model": DEFAULT, "input": text, "encoding_format": "base64", "truncate": "end"}
        raw = json.dumps(body, ensure_ascii=False).encode()
        head = f"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: {len(raw)}\r\n\r\n"
        vector = embedder.finish(embedder.run([ready.ids]))[0]
        made.append(Text(len(ready.ids), head.encode() + raw, vector))
    return made


async def client(port: int, texts: list[Text], first: int, until: float, tally: Tally) -> None:
    """Asks for one text after the other, over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    at = first
    while time.perf_counter() < until:
        text = texts[at % len(texts)]
        at += 1
        start = time.perf_counter()
        writer.write(text.request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.findall(rb"content-length: (\d+)", head)[0])
        body = await reader.readexactly(length)
        status = int(head[9:12])
        tally.statuses[status] += 1
        if status == 200:
            tally.latencies_ms.append((time.perf_counter() - start) * 1e3)
            tally.tokens += text.tokens
            tally.tokens_in_time += text.tokens * (time.perf_counter() <= until)
            cosine = cosine_of(text, body)
            tally.wrong += cosine < ALIKE
            tally.least_cosine = min(tally.least_cosine, cosine)
        elif b"retry-after" not in head:
            tally.without_retry_after += 1
        else:
            await asyncio.sleep(0.05)
    writer.close()


def cosine_of(text: Text, body: bytes) -> float:
    """Of an answer to its text's vector; 1 if it has been compared before."""
    shown = json.loads(body)["data"][0]["embedding"]
    if shown in text.seen:
        return 1.0
    text.seen.add(shown)
    return float(np.frombuffer(base64.b64decode(shown), "<f4") @ text.vector)


async def load_for(port: int, texts: list[Text], clients: int, seconds: float, turn: int) -> Tally:
    """All clients at once, each beginning elsewhere among the texts."""
    tally, until = Tally(), time.perf_counter() + seconds
    step = len(texts) // clients
    await asyncio.gather(
        *(client(port, texts, n * step + turn * 7, until, tally) for n in range(clients))
    )
    return tally


def offline(
    embedder: Embedder, texts: list[str], tokens: int, seconds: float
) -> tuple[float, float]:
    """Tokens a second of the engine by itself, and a second of processor time; the texts are taken
    as a whole."""
    start, cpu, rounds = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds or not rounds:
        embedder.embed(texts, "passage", truncate="end")
        rounds += 1
    done = rounds * tokens
    return done / (time.perf_counter() - start), done / (time.process_time() - cpu)


def figure(port: int, name: str) -> float:
    """Of the server's metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M)
    return float(found[0]) if found else 0.0


def cpu_of(port: int) -> float:
    """Seconds of processor time that the server has had."""
    return figure(port, "process_cpu_seconds_total")


def overloaded(texts: list[Text], clients: int) -> dict[str, object]:
    """Far more than the server may hold, and one request after it."""
    with served("--queue-tokens", str(FEW_TOKENS), "--threads", "1") as (port, _):
        tally = asyncio.run(load_for(port, texts, clients, 5, 0))
        after = asyncio.run(load_for(port, texts, 1, 2, 0))
    return {
        "queue_tokens": FEW_TOKENS,
        "statuses": {str(status): n for status, n in sorted(tally.statuses.items())},
        "without_retry_after": tally.without_retry_after,
        "wrong": tally.wrong,
        "statuses_after": {str(status): n for status, n in sorted(after.statuses.items())},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60, help="of load, all rounds together")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=768)
    chosen = parser.parse_args()

    embedder, raw = load(), mixed_texts(chosen.texts)
    texts = prepared(embedder, raw)
    tokens = sum(text.tokens for text in texts)
    print(f"{len(texts)} texts, {tokens:,} tokens, longest {max(t.tokens for t in texts)}")
    rates, latencies, statuses, memory, wrong = [], [], Counter[int](), [], 0
    least = 1.0
    offline(embedder, raw, tokens, 1)
    with served() as (port, start_s):
        asyncio.run(load_for(port, texts, chosen.clients, 3, 0))
        for turn in range(chosen.rounds):
            alone, alone_cpu = offline(embedder, raw, tokens, chosen.seconds / chosen.rounds / 2)
            ours, theirs = time.process_time(), cpu_of(port)
            seconds = chosen.seconds / chosen.rounds
            tally = asyncio.run(load_for(port, texts, chosen.clients, seconds, turn))
            rate = tally.tokens_in_time / seconds
            theirs, ours = cpu_of(port) - theirs, time.process_time() - ours
            of_cpu = (tally.tokens / theirs, tally.tokens / (theirs + ours))
            rates.append((rate, alone, rate / alone, *(each / alone_cpu for each in of_cpu)))
            latencies += tally.latencies_ms
            statuses += tally.statuses
            wrong, least = wrong + tally.wrong, min(least, tally.least_cosine)
            memory.append(round(figure(port, "process_resident_memory_bytes") / 1e6))
            told = f"{rate:,.0f} tokens/s served, {alone:,.0f} offline, {rate / alone:.3f}"
            print(f"round {turn + 1}: {told}; {memory[-1]} MB; {dict(tally.statuses)}", flush=True)
        padded = figure(port, "polyseek_padded_tokens_total")
        filled = figure(port, "polyseek_tokens_total") / padded if padded else 0.0
        batch = padded / max(figure(port, "polyseek_batches_total"), 1)
    middle = np.median(rates, axis=0)
    figures = {
        "start_to_first_answer_s": round(start_s, 2),
        "requests": sum(statuses.values()),
        "statuses": {str(status): n for status, n in sorted(statuses.items())},
        "wrong_answers": wrong,
        "least_cosine_to_alone": round(least, 6),
        "served_tokens_per_s": middle[0].round(),
        "offline_tokens_per_s": middle[1].round(),
        "served_to_offline": middle[2].round(3),
        "served_to_offline_of_cpu": middle[3].round(3),
        "served_to_offline_of_cpu_with_clients": middle[4].round(3),
        "rounds": np.round(rates, 3).tolist(),
        "latency_ms": {f"p{p}": round(float(np.percentile(latencies, p)), 1) for p in (50, 95, 99)},
        "memory_mb": memory,
        "not_padding": round(filled, 3),
        "padded_tokens_a_batch": round(batch),
        "overload": overloaded(texts, chosen.clients),
    }
    print(json.dumps(figures, indent=1))
    settings = {**vars(chosen), "tokens": tokens, "longest": max(t.tokens for t in texts)}
    save_result("serve_load", settings, figures)


if __name__ == "__main__":
    main()
