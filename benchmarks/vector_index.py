"""How fast and how complete is the vector index, on real embeddings, against exact search?

Up to 100,000 distinct texts - sentences, paragraphs and runs of two or three sentences of
fastapi-docs in eight languages and of XQuAD-R in eleven - embedded as passages and centred for
their language as the product does it; the queries are questions of XQuAD-R and headings of
fastapi-docs, as people type them. The first run embeds them, which takes a quarter of an hour on
two cores; it may be interrupted, and goes on where it was.

    exact       NumPy, what is right: recall is measured against it
    flat        store/faiss_index.py: IndexFlatIP behind an id map (the peer)
    flat, bare  IndexFlatIP alone, without the ids and the exact scores
    quantised   store/quantised.py: codes find candidates, the stored vectors score them

    python benchmarks/vector_index.py                     the table, and results/vector_index.json
    python benchmarks/vector_index.py --embed 200         embed for 200 seconds and stop
    python benchmarks/vector_index.py --real 20480        embed so many only, make the others:
                          a real vector moved by 0.3 of the way between two more of its language
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from common import LANGUAGES, data_directory, paragraphs, save_result

from polyseek.engine.load import load
from polyseek.languages.means import calibrated
from polyseek.languages.neutral import Neutral
from polyseek.models.sources import cache_directory
from polyseek.store.faiss_index import FlatIndex
from polyseek.store.index import ExactIndex, VectorIndex
from polyseek.store.quantised import TRAINING_ROWS, QuantisedIndex
from polyseek.store.rowfile import RowFile, write_rows

XQUAD = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
SIZES = (10_000, 42_000, 100_000)
QUERIES = 400
K = 10
PIECE = 2048
"""Texts embedded between two looks at the clock."""
LONGEST = 900
"""Characters; longer ones take long to embed and are few."""
SHORTEST = {"zh": 8, "ja": 8, "ko": 8}
ENDS = re.compile(r"(?<=[。！？])|(?<=[.!?])\s+|\n+")

Floats = np.ndarray
Text = tuple[str, str]
"""Language and text."""
Search = Callable[[Floats], np.ndarray]
"""One query (1, D) -> ids (1, K)."""


@dataclass(frozen=True)
class Corpus:
    """Vectors as the index gets them, and the queries for them."""

    vectors: Floats
    """(n, D) float32 unit rows, in random order."""
    queries: Floats
    """(q, D) float32 unit rows."""


def passages(count: int) -> list[Text]:
    """Distinct texts in a random order that is always the same."""
    found: dict[str, str] = {}
    for kind in (_sentences, _paragraphs, _windows):
        for language, text in kind():
            if SHORTEST.get(language, 20) <= len(text) <= LONGEST:
                found.setdefault(text, language)
    texts = [(language, text) for text, language in found.items()][:count]
    random.Random(0).shuffle(texts)
    return texts


def queries(count: int) -> list[tuple[str, str, bool]]:
    """Language, text, and whether it is a title; half of them questions of XQuAD-R, half headings
    with the one above them."""
    questions = [
        (language, qa["question"], False)
        for language in XQUAD
        for paragraph in _xquad(language)
        for qa in paragraph["qas"]
    ]
    lines = (data_directory() / "fastapi-docs" / "sections.jsonl").read_text("utf-8").splitlines()
    sections = [json.loads(line) for line in lines]
    headings = [(each["lang"], " ".join(each["path"][-2:]), True) for each in sections]
    pick = random.Random(1)
    return pick.sample(questions, count // 2) + pick.sample(headings, count - count // 2)


def _xquad(language: str) -> list[dict[str, Any]]:
    path = data_directory() / "xquad-r" / f"{language}.json"
    articles = json.loads(path.read_text("utf-8"))["data"]
    return [paragraph for article in articles for paragraph in article["paragraphs"]]


def _sentences() -> Iterator[Text]:
    for language in LANGUAGES:
        for paragraph in paragraphs(language):
            for sentence in ENDS.split(paragraph):
                yield language, sentence.strip()
    for language in XQUAD:
        for paragraph in _xquad(language):
            for sentence in paragraph["sentences"]:
                yield language, sentence.strip()


def _paragraphs() -> Iterator[Text]:
    for language in LANGUAGES:
        for paragraph in paragraphs(language):
            yield language, paragraph
    for language in XQUAD:
        for paragraph in _xquad(language):
            yield language, paragraph["context"]


def _windows() -> Iterator[Text]:
    """Two and three sentences that stand together."""
    for language in LANGUAGES:
        for paragraph in paragraphs(language):
            yield from _runs(language, [part for part in ENDS.split(paragraph) if part.strip()])
    for language in XQUAD:
        for paragraph in _xquad(language):
            yield from _runs(language, paragraph["sentences"])


def _runs(language: str, sentences: Sequence[str]) -> Iterator[Text]:
    for length in (2, 3):
        for first in range(len(sentences) - length + 1):
            yield language, " ".join(sentences[first : first + length]).strip()


def embed(texts: Sequence[str], role: str, seconds: float, first_ones: int) -> Floats | None:
    """Vectors (n, D) float16 of the `first_ones` (a multiple of PIECE, or all), from the cache as
    far as they are there; None if time ran out."""
    embedder = load()
    named = hashlib.sha256(repr((embedder.fingerprint, role, texts)).encode()).hexdigest()[:16]
    directory = cache_directory() / "benchmarks" / f"vectors-{named}"
    directory.mkdir(parents=True, exist_ok=True)
    stop, blocks = time.monotonic() + seconds, []
    for first in range(0, min(len(texts), first_ones), PIECE):
        path = directory / f"{first}.npy"
        if not path.exists():
            if time.monotonic() > stop:
                return None
            some = embedder.embed(texts[first : first + PIECE], role, truncate="end")  # type: ignore[arg-type]
            np.save(path.with_suffix(".part.npy"), some.astype(np.float16))
            path.with_suffix(".part.npy").rename(path)
            print(f"\r{role}: {first + len(some):,} of {len(texts):,} texts", end="", flush=True)
        blocks.append(np.load(path))
    print()
    return np.concatenate(blocks)


def moved(vectors: Floats, languages: Sequence[str], count: int) -> Floats:
    """`vectors` (n, D) and as many more as make `count`: each a real one moved by 0.3 of the way
    between two others of its language."""
    random_, named = np.random.default_rng(0), np.array(languages)
    rows = [vectors]
    missing = count - len(vectors)
    for language in sorted(set(languages)):
        own = vectors[named == language]
        share = -(-missing * len(own) // len(vectors))
        a, b, c = (own[random_.integers(0, len(own), share)] for _ in range(3))
        made = a + 0.3 * (b - c)
        rows.append(made / np.linalg.norm(made, axis=1, keepdims=True))
    mixed = np.concatenate(rows[1:])
    return np.concatenate([vectors, random_.permutation(mixed)[:missing]]).astype(np.float32)


def corpus(seconds: float, real: int, count: int = max(SIZES)) -> Corpus | None:
    """Everything embedded and centred, `count` vectors; None if time ran out."""
    told, asked = passages(max(SIZES)), queries(QUERIES)
    rows = embed([text for _, text in told], "passage", seconds, real)
    questions = embed([text for _, text, _ in asked], "query", seconds, QUERIES)
    if rows is None or questions is None:
        return None
    rows = rows.astype(np.float32)
    languages = [language for language, _ in told[: len(rows)]]
    named = np.array(languages)
    sums = {
        language: (int((named == language).sum()), rows[named == language].sum(0, np.float64))
        for language in sorted(set(languages))
    }
    embedder = load()
    neutral = Neutral(
        calibrated(embedder.fingerprint, embedder.embed, cache_directory()),  # type: ignore[arg-type]
        sums,
    )
    centred = [
        neutral.query(vector.astype(np.float32), language, title=title)
        for vector, (language, _, title) in zip(questions, asked, strict=True)
    ]
    prepared = neutral.passages(rows, languages)
    return Corpus(moved(prepared, languages, count), np.stack(centred))


def timed(search: Search, questions: Floats) -> tuple[np.ndarray, np.ndarray]:
    """The ids that each query finds (q, K), and the milliseconds it takes (q,)."""
    found, taken = [], []
    for question in questions:
        start = time.perf_counter()
        found.append(search(question[None])[0])
        taken.append((time.perf_counter() - start) * 1e3)
    return np.stack(found), np.array(taken)


def competitors(vectors: Floats, scratch: Path) -> dict[str, tuple[Search, float, float]]:
    """For each index its search, the seconds to build it, and the megabytes it holds."""
    ids = np.arange(len(vectors))
    write_rows(scratch, ids, vectors.shape[1], [vectors])
    spread = np.linspace(0, len(ids) - 1, min(TRAINING_ROWS, len(ids))).astype(np.int64)

    def quantised() -> VectorIndex:
        return QuantisedIndex(vectors.shape[1], RowFile(scratch), vectors[spread])

    made: dict[str, tuple[Search, float, float]] = {}
    for name, make in {
        "exact": lambda: ExactIndex(vectors.shape[1]),
        "flat": lambda: FlatIndex(vectors.shape[1]),
        "quantised": quantised,
    }.items():
        start = time.perf_counter()
        index: VectorIndex = make()
        index.add(ids, vectors)
        seconds = time.perf_counter() - start
        index.save(scratch / name)
        size = (scratch / name).stat().st_size / 1e6
        made[name] = (lambda q, index=index: index.search(q, K)[0]), seconds, size
    bare = faiss.IndexFlatIP(vectors.shape[1])
    start = time.perf_counter()
    bare.add(vectors)
    seconds = time.perf_counter() - start
    made["flat, bare"] = (lambda q: bare.search(q, K)[1]), seconds, vectors.nbytes / 1e6
    return made


def measure(vectors: Floats, questions: Floats, threads: int, rounds: int) -> dict[str, Any]:
    """Each index on every query, round by round in turn; the lowest time of each query counts."""
    faiss.omp_set_num_threads(threads)
    with tempfile.TemporaryDirectory() as scratch:
        made = competitors(vectors, Path(scratch))
        found, taken = {}, {}
        for _ in range(rounds):
            for name, (search, _, _) in made.items():
                some = questions[:: 8 if name == "exact" and threads else 1]
                if name in found and name == "exact":
                    continue
                found[name], times = timed(search, questions if name == "exact" else some)
                taken.setdefault(name, []).append(times)
    best = {name: np.min(times, axis=0) for name, times in taken.items()}
    figures = {}
    for name, (_, seconds, size) in made.items():
        hits = [len(set(a) & set(b)) for a, b in zip(found[name], found["exact"], strict=True)]
        figures[name] = {
            "p50_ms": round(float(np.percentile(best[name], 50)), 3),
            "p95_ms": round(float(np.percentile(best[name], 95)), 3),
            "recall_at_10": round(float(np.mean(hits)) / K, 4),
            "index_mb": round(size, 1),
            "build_s": round(seconds, 2),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--embed", type=float, metavar="SECONDS", help="only embed, so long")
    parser.add_argument("--rounds", type=int, default=3, help="how often each index runs (3)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="vectors (%(default)s)")
    parser.add_argument("--queries", type=int, default=QUERIES, help="how many (%(default)s)")
    parser.add_argument("--real", type=int, default=max(SIZES), help="texts to embed (all)")
    chosen = parser.parse_args()
    made = corpus(chosen.embed or float("inf"), chosen.real)
    if made is None or chosen.embed:
        print("\nall is embedded" if made else "\ntime is up: run it again to go on")
        return
    figures: dict[str, Any] = {}
    default = faiss.omp_get_max_threads()
    for size in chosen.sizes:
        for threads in (1, default):
            asked = made.queries[:: max(1, QUERIES // chosen.queries)]
            some = measure(made.vectors[:size], asked, threads, chosen.rounds)
            figures[f"{size} vectors, {threads} threads"] = some
            print(f"\n{size:,} x {made.vectors.shape[1]}, {threads} thread(s)")
            for name, row in some.items():
                faster = some["flat"]["p50_ms"] / row["p50_ms"]
                print(
                    f"  {name:11} p50 {row['p50_ms']:7.2f} ms  p95 {row['p95_ms']:7.2f} ms  "
                    f"{faster:5.1f}x  recall@10 {row['recall_at_10']:.4f}  "
                    f"{row['index_mb']:6.1f} MB  built in {row['build_s']:.1f} s"
                )
    save_result("vector_index", {"k": K, **vars(chosen)}, figures)


if __name__ == "__main__":
    main()
