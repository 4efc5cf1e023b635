"""Do chunks that follow the structure find more? Ours against a fixed window and four libraries.

FastAPI's documentation in en, zh, ja and es, every 4th file. The query is the last two headings of
a section's path in one language; sought is the same section in the three others. Every chunker has
240 tokens a chunk, no overlap, and is searched the same way: polyseek's search, versions ungrouped,
without vectors of sentences.

Headings are taken out of what is embedded, and no chunk gets a heading path: they are what the
queries are made of, in another language. What is compared is where the cuts are, and nothing else.
`with headings` is how each is used: ours with its heading path, the others with the text as it is.

recall    share of the sought sections that are found before so many tokens of passages in their
          language have been read, 240 tokens and 1,200. Found: half of the passage, or half of the
          section, lies in the other
covered   share of the sought sections' characters that have been read by then
mrr       1 / rank of the first passage that finds the section, among the first 5 in its language

Differences are to ours, with 95 % of 10,000 draws of sections (evaluate/significance).

    python benchmarks/chunkers.py                     # 20 minutes on 2 cores
    python benchmarks/chunkers.py --chunkers window   # ours and one other

Libraries that are not installed are left out:
pip install langchain-text-splitters chonkie semchunk semantic-text-splitter
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any

from common import data_directory, save_result

from polyseek import Chunk, Document, Embedder, Hit, KnowledgeBase, load
from polyseek.chunking import Chunker
from polyseek.chunking.markdown import parse
from polyseek.chunking.ruler import Count
from polyseek.evaluate.chunkers import SPLITS, chunker_called
from polyseek.evaluate.dataset import Answer
from polyseek.evaluate.run import HALF
from polyseek.evaluate.significance import difference, interval
from polyseek.fingerprint import CHUNK_TOKENS

LANGUAGES = ("en", "zh", "ja", "es")
EVERY = 4
SHORTEST = 80
"""Characters of a section's text; less says nothing without its heading."""
BUDGETS = (240, 1200)
HITS = 60
MRR = 5
OURS = "structure"


@dataclass(frozen=True)
class Asked:
    """A section's name in one language, and where it is in the others."""

    section: str
    text: str
    language: str
    sought: tuple[Answer, ...]


def files_and_questions() -> tuple[list[str], list[Asked]]:
    """Names of files below fastapi-docs, and the questions."""
    docs = data_directory() / "fastapi-docs"
    rows = [json.loads(line) for line in (docs / "sections.jsonl").open(encoding="utf-8")]
    chosen = set(sorted({row["doc"] for row in rows})[::EVERY])
    sections: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        if row["doc"] in chosen and row["lang"] in LANGUAGES:
            sections.setdefault(f"{row['doc']}#{row['anchor']}", {})[row["lang"]] = row
    texts: dict[str, str] = {}
    asked = []
    for name, by_language in sections.items():
        answers = {}
        for language, row in by_language.items():
            path = f"{language}/{row['doc']}"
            text = texts.setdefault(path, (docs / path).read_text("utf-8"))
            body = text[row["start"] : row["end"]].partition("\n")[2].strip()
            if len(body) >= SHORTEST:
                answers[language] = Answer(path, row["start"], row["end"], language)
        if len(answers) == len(LANGUAGES):
            for language, row in by_language.items():
                others = tuple(answer for spoken, answer in answers.items() if spoken != language)
                asked.append(Asked(name, " > ".join(row["path"][-2:]), language, others))
    return sorted(f"{language}/{doc}" for language in LANGUAGES for doc in chosen), asked


def bare(chunker: Chunker) -> Chunker:
    """The same cuts, without headings in what is embedded."""

    def cut(document: Document, most: int, count: Count, line: Callable[[int], int]) -> list[Chunk]:
        text = document.text
        ends = [(h.start, text.find("\n", h.start) % (len(text) + 1)) for h in parse(text)[1]]
        chunks = []
        for chunk in chunker.cut(document, most, count, line):
            inside = [(a, b) for a, b in ends if a < chunk.end and b > chunk.start]
            kept = _without(text, chunk.start, chunk.end, inside).strip()
            if kept:
                chunks.append(replace(chunk, text=kept, headings=()))
        return chunks

    return Chunker(f"{chunker.name}-bare", cut)


def _without(text: str, start: int, end: int, ranges: Sequence[tuple[int, int]]) -> str:
    kept, at = [], start
    for first, last in ranges:
        kept.append(text[at : max(at, first)])
        at = max(at, min(last, end))
    return "".join([*kept, text[at:end]])


def searched(
    chunker: Chunker, files: Sequence[str], asked: Sequence[Asked], embedder: Embedder
) -> tuple[int, list[list[Hit]]]:
    """How many passages the chunker makes of the files, and the hits of each question."""
    docs = data_directory() / "fastapi-docs"
    with tempfile.TemporaryDirectory() as directory:
        for name in files:
            path = Path(directory) / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to((docs / name).resolve())
        base = KnowledgeBase.open(
            Path(directory) / "kb",
            embedder=embedder,
            chunker=chunker,
            sentences=False,
            chunk_tokens=CHUNK_TOKENS,
        )
        with base:
            done = base.index(Path(directory) / "docs")
            assert not done.failed, done.failed
            hits = [
                base.search(each.text, HITS, grouped=False, language=each.language)
                for each in asked
            ]
            return done.chunks, hits


def measured(each: Asked, hits: Sequence[Hit], embedder: Embedder) -> dict[str, float]:
    """The figures of one question, mean over the languages that are sought."""
    tokens = embedder.count([hit.text for hit in hits])
    rows: list[dict[str, float]] = []
    for answer in each.sought:
        there = [(h, n) for h, n in zip(hits, tokens, strict=True) if h.path[:2] == answer.language]
        found = [answer.shared(hit.path, hit.start, hit.end) >= HALF for hit, _ in there]
        first = found.index(True) + 1 if True in found else MRR + 1
        row = {"mrr": 1 / first if first <= MRR else 0.0}
        for budget in BUDGETS:
            read = _read([n for _, n in there], budget)
            row[f"recall@{budget}"] = float(any(found[:read]))
            row[f"covered@{budget}"] = _covered(answer, [hit for hit, _ in there[:read]])
        rows.append(row)
    return {name: fmean(row[name] for row in rows) for name in rows[0]}


def _read(tokens: Sequence[int], budget: int) -> int:
    """How many passages fit into the budget, the first at least."""
    total = 0
    for at, n in enumerate(tokens):
        total += n
        if total > budget and at:
            return at
    return len(tokens)


def _covered(answer: Answer, hits: Sequence[Hit]) -> float:
    assert answer.end is not None
    seen = {
        at
        for hit in hits
        if hit.path == answer.path
        for at in range(max(hit.start, answer.start), min(hit.end, answer.end))
    }
    return len(seen) / (answer.end - answer.start)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunkers", nargs="*", default=list(SPLITS), choices=list(SPLITS))
    names = [OURS, *parser.parse_args().chunkers]
    packages = {n: SPLITS[n][0] for n in names if n != OURS and SPLITS[n][0]}
    names = [n for n in names if n not in packages or find_spec(packages[n])]
    embedder = load()
    files, asked = files_and_questions()
    print(f"{len(files)} files, {len(asked)} questions", flush=True)
    families = {str(at): each.section for at, each in enumerate(asked)}
    figures: dict[str, Any] = {}
    for way, wrap in (("cuts alone", bare), ("with headings", lambda chunker: chunker)):
        values: dict[str, dict[str, dict[str, float]]] = {}
        for name in names:
            passages, hits = searched(wrap(chunker_called(name)), files, asked, embedder)
            rows = [measured(each, of, embedder) for each, of in zip(asked, hits, strict=True)]
            values[name] = {m: {str(at): r[m] for at, r in enumerate(rows)} for m in rows[0]}
            told = {m: asdict(interval(of, families)) for m, of in values[name].items()}
            beside = {} if name == OURS else _beside(values[name], values[OURS], families)
            figures.setdefault(way, {})[name] = {
                "passages": passages,
                "figures": told,
                "ours_less_this": beside,
            }
            print(f"{way}: {name}, {passages} passages", flush=True)
            for measure, figure in told.items():
                more = beside.get(measure)
                add = (
                    f"   ours {more['mean']:+.3f} ({more['low']:+.3f} to {more['high']:+.3f})"
                    if more
                    else ""
                )
                print(f"  {measure:13} {figure['mean']:.3f}{add}", flush=True)
    settings = {
        **embedder.fingerprint,
        "chunk_tokens": CHUNK_TOKENS,
        "files": len(files),
        "questions": len(asked),
        "languages": LANGUAGES,
        "versions": {
            name: version(package.replace("_", "-")) for name, package in packages.items()
        },
    }
    save_result("chunkers", settings, figures)


def _beside(
    these: dict[str, dict[str, float]],
    ours: dict[str, dict[str, float]],
    families: dict[str, str],
) -> dict[str, Any]:
    found = {measure: difference(these[measure], ours[measure], families) for measure in these}
    return {measure: {**asdict(each.interval), "p": each.p} for measure, each in found.items()}


if __name__ == "__main__":
    main()
