"""What the difference is worth: the same questions to polyseek and to what people build first.

That is LangChain's RecursiveCharacterTextSplitter in its tutorial's setting (1,000 characters, 200
of overlap) and plain vector search: the same model with the prompts it wants, one pool of all
languages, cosine, nothing else. In between, to tell what is the chunks' part and what the search's:
polyseek's chunks, plain vector search; and polyseek ungrouped, where a hit is one passage as it is
for the others, and not a passage with its versions.

sample    examples/cloud-security-policy and its questions in zh, en, ja and es.
          MRR@5 of the first hit that overlaps an answering section in any language; share of
          questions whose first five hits hold an answer in every language that has one; share of
          first hits in the question's language (there is no document in Spanish).
fastapi   FastAPI's documentation in en, zh, ja and es, every 4th file; the query is the last two
          headings of a section's path, the same 150 sections in each language. Share found among
          the first ten in the query's own language, and in all four.

A hit is a section's if half of the hit or half of the section lies in the other. Blocks that fit
in a chunk and are cut are counted as in chunking.py.

    python benchmarks/peer_langchain.py                      # 4 minutes on 2 cores
    python benchmarks/peer_langchain.py fastapi --work DIR   # keeps indexes and vectors there

Needs `pip install langchain-text-splitters` beside polyseek.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
from common import data_directory, save_result

from chunking import (
    TUTORIAL,
    File,
    fits_in_characters,
    fits_in_tokens,
    langchain_splitter,
    polyseek_chunks,
    polyseek_splitter,
    read_files,
    structure,
)
from polyseek import Embedder, KnowledgeBase, load
from polyseek.fingerprint import CHUNK_TOKENS
from polyseek.store.collection import Collection

SAMPLE = Path(__file__).parents[1] / "examples" / "cloud-security-policy"
FASTAPI_LANGUAGES = ("en", "zh", "ja", "es")
EVERY = 4
SECTIONS = 150
POLYSEEK, MIDDLE, PEER = "polyseek", "polyseek's chunks, plain search", "LangChain, plain search"
UNGROUPED = "polyseek, ungrouped"
HEADING = re.compile(r"^(#{1,6}) .*\{ #([\w-]+) \}\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Range:
    """text[start:end] of a document: a hit or a section."""

    path: str
    start: int
    end: int

    @property
    def language(self) -> str:
        return self.path.split("/")[0]

    def overlaps(self, other: Range) -> bool:
        shared = min(self.end, other.end) - max(self.start, other.start)
        shorter = min(self.end - self.start, other.end - other.start)
        return self.path == other.path and 2 * shared >= shorter


@dataclass(frozen=True)
class Shown:
    """A hit with its versions."""

    ranges: tuple[Range, ...]

    @property
    def language(self) -> str:
        return self.ranges[0].language

    def overlaps(self, other: Range) -> bool:
        return any(each.overlaps(other) for each in self.ranges)


@dataclass(frozen=True)
class Query:
    text: str
    language: str
    gold: tuple[Range, ...]


@dataclass(frozen=True)
class Task:
    name: str
    files: list[File]
    queries: list[Query]
    k: int


Search = Callable[[str, int], Sequence[Range | Shown]]


# --- tasks ---------------------------------------------------------------------------------------


def sample() -> Task:
    files = _files(SAMPLE.name, ("zh", "en", "ja"))
    sections = {s: r for file in files for s, r in _anchored(file).items()}
    queries = []
    for line in (SAMPLE / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        gold = tuple(sections[each["path"], each["anchor"]] for each in row["answers"])
        queries.append(Query(row["question"], row["lang"], gold))
    return Task("sample", files, queries, 5)


def _anchored(file: File) -> dict[tuple[str, str], Range]:
    """The sections of a file by anchor, each with those below it."""
    text, path = file.document.text, file.document.path
    headings = list(HEADING.finditer(text))
    sections = {}
    for i, heading in enumerate(headings):
        after = (h.start() for h in headings[i + 1 :] if len(h[1]) <= len(heading[1]))
        sections[path, heading[2]] = Range(path, heading.start(), next(after, len(text)))
    return sections


def fastapi() -> Task:
    docs = data_directory() / "fastapi-docs"
    rows = [json.loads(line) for line in (docs / "sections.jsonl").open(encoding="utf-8")]
    chosen = set(sorted({row["doc"] for row in rows})[::EVERY])
    by_name: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if row["doc"] in chosen:
            by_name.setdefault((row["doc"], row["anchor"]), {})[row["lang"]] = row
    queries = []
    for name in random.Random(0).sample(sorted(by_name), SECTIONS):
        here = [by_name[name][language] for language in FASTAPI_LANGUAGES]
        gold = tuple(Range(f"{r['lang']}/{r['doc']}", r["start"], r["end"]) for r in here)
        queries += [Query(" > ".join(r["path"][-2:]), r["lang"], gold) for r in here]
    files = _files("fastapi-docs", FASTAPI_LANGUAGES)
    files = [f for f in files if f.document.path.partition("/")[2] in chosen]
    return Task("fastapi", files, queries, 10)


TASKS = {"sample": sample, "fastapi": fastapi}


def _files(root: str, languages: Sequence[str]) -> list[File]:
    files = [f for f in read_files(1) if f.document.path.startswith(root + "/")]
    return [f.below(root) for f in files if f.language in languages]


# --- ways to search ------------------------------------------------------------------------------


def polyseek(task: Task, embedder: Embedder, work: Path, *, grouped: bool) -> Search:
    """A knowledge base of the task's files, searched with the default policy."""
    docs = work / "docs"
    for file in task.files:
        path = docs / file.document.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.document.text.encode())
    base = KnowledgeBase.open(work / "kb", embedder=embedder)
    base.index([docs])

    def search(question: str, k: int) -> list[Shown]:
        return [
            Shown(tuple(Range(each.path, each.start, each.end) for each in (hit, *hit.versions)))
            for hit in base.search(question, k, grouped=grouped)
        ]

    return search


def plain_on_polyseek(embedder: Embedder, work: Path) -> Search:
    """The stored vectors of that knowledge base, which no search has touched."""
    with Collection.open(work / "kb") as collection, collection.catalog.snapshot() as catalog:
        blocks = list(catalog.blocks())
        ids = np.concatenate([ids for ids, *_ in blocks])
        vectors = np.concatenate([rows for *_, rows in blocks]).astype(np.float32)
        ranges = [Range(r.path, r.chunk.start, r.chunk.end) for r in catalog.rows(ids)]
    return plain(embedder, ranges, vectors)


def langchain(task: Task, embedder: Embedder, work: Path) -> tuple[Search, int, int]:
    """Also how many passages there are, and how many the model has to cut off."""
    split = langchain_splitter(*TUTORIAL)
    if split is None:
        raise SystemExit("pip install langchain-text-splitters, and run this again")
    ranges, texts = [], []
    for file in task.files:
        for piece in split(file.document):
            ranges.append(Range(file.document.path, piece.start, piece.end))
            texts.append(file.document.text[piece.start : piece.end])
    kept = work / "langchain.npy"
    if not kept.exists():
        np.save(kept, embedder.embed(texts, "passage", truncate="end"))
    too_long = sum(n > embedder.room("passage") for n in embedder.count(texts))
    return plain(embedder, ranges, np.load(kept)), len(texts), too_long


def plain(embedder: Embedder, ranges: list[Range], vectors: npt.NDArray[np.float32]) -> Search:
    def search(question: str, k: int) -> list[Range]:
        scores = vectors @ embedder.embed([question], "query")[0]
        return [ranges[i] for i in np.argsort(-scores, kind="stable")[:k]]

    return search


# --- figures -------------------------------------------------------------------------------------


def measure(task: Task, search: Search) -> dict[str, dict[str, float]]:
    """The figures of each language of questions, and of all."""
    figure = {"sample": sample_figures, "fastapi": fastapi_figures}[task.name]
    found = [(query, figure(query, search(query.text, task.k))) for query in task.queries]
    languages = dict.fromkeys(query.language for query in task.queries)
    table = {lang: _means([f for q, f in found if q.language == lang]) for lang in languages}
    return {**table, "all": _means([f for _, f in found])}


def sample_figures(query: Query, hits: Sequence[Range | Shown]) -> dict[str, float]:
    right = [[hit.overlaps(gold) for gold in query.gold] for hit in hits]
    first = next((rank for rank, row in enumerate(right, start=1) if any(row)), None)
    held = {g.language for row in right for g, ok in zip(query.gold, row, strict=True) if ok}
    figures = {
        "mrr5": 1 / first if first else 0.0,
        "every_language": float(held == {gold.language for gold in query.gold}),
    }
    if query.language != "es":
        figures["own_first"] = float(hits[0].language == query.language)
    return figures


def fastapi_figures(query: Query, hits: Sequence[Range | Shown]) -> dict[str, float]:
    held = {gold.language for gold in query.gold if any(hit.overlaps(gold) for hit in hits)}
    return {
        "own_language": float(query.language in held),
        "all_four": float(len(held) == len(FASTAPI_LANGUAGES)),
    }


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: round(fmean(row[name] for row in rows if name in row), 4) for name in names}


def blocks(task: Task, embedder: Embedder) -> dict[str, dict[str, Any]]:
    """Blocks that fit, and those of them that are cut."""
    chunks_of = polyseek_chunks(CHUNK_TOKENS, embedder.count)
    peer = langchain_splitter(*TUTORIAL)
    assert peer is not None
    found = {
        POLYSEEK: structure(
            task.files, polyseek_splitter(chunks_of), fits_in_tokens(CHUNK_TOKENS, embedder.count)
        ),
        PEER: structure(task.files, peer, fits_in_characters(TUTORIAL[0])),
    }
    return {name: {"fit": f["fit"], "cut": f["cut"]} for name, f in found.items()}


def run(task: Task, embedder: Embedder, work: Path) -> dict[str, Any]:
    work.mkdir(parents=True, exist_ok=True)
    peer, passages, too_long = langchain(task, embedder, work)
    print(f"LangChain: {passages} passages, {too_long} of them too long for the model", flush=True)
    ways = {POLYSEEK: polyseek(task, embedder, work, grouped=True)}
    ways[UNGROUPED] = polyseek(task, embedder, work, grouped=False)
    ways |= {MIDDLE: plain_on_polyseek(embedder, work), PEER: peer}
    figures = {name: measure(task, search) for name, search in ways.items()}
    cut = blocks(task, embedder)
    show(task, figures, cut)
    return {
        "queries": len(task.queries),
        "langchain_passages": passages,
        "langchain_passages_cut_off_by_the_model": too_long,
        "figures": figures,
        "blocks": cut,
    }


def show(task: Task, figures: dict[str, Any], cut: dict[str, Any]) -> None:
    print(f"\n{task.name}: {len(task.queries)} questions")
    for name, table in figures.items():
        print(name)
        for language, row in table.items():
            print(f"  {language:4}", "  ".join(f"{k} {v:.3f}" for k, v in row.items()))
    for name, found in cut.items():
        told = (f"{kind} {found['cut'][kind]} of {n}" for kind, n in found["fit"].items())
        print(f"{name}: cut {', '.join(told)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", choices=TASKS, help="one of them (both)")
    parser.add_argument("--work", type=Path, help="where indexes and vectors are kept")
    args = parser.parse_args()
    embedder = load()
    settings = {
        **embedder.fingerprint,
        "fastapi": {"every": EVERY, "sections": SECTIONS, "languages": FASTAPI_LANGUAGES},
        POLYSEEK: {"chunk_tokens": CHUNK_TOKENS, "policy": "any"},
        PEER: {
            "splitter": "RecursiveCharacterTextSplitter",
            "chunk_size": TUTORIAL[0],
            "chunk_overlap": TUTORIAL[1],
            "langchain-text-splitters": version("langchain-text-splitters"),
            "search": "cosine over one pool; no centring, no lexical leg",
            "passages": "without headings; cut off at the model's 512 tokens",
        },
    }
    with tempfile.TemporaryDirectory() as temporary:
        for name in args.tasks or TASKS:
            work = (args.work or Path(temporary)) / name
            save_result(f"peer_langchain-{name}", settings, run(TASKS[name](), embedder, work))


if __name__ == "__main__":
    main()
