"""Language versions: which passages are translations of each other, on real translated text.

    python benchmarks/versions.py
    python benchmarks/versions.py --kb DIR             an index of fastapi-docs that is there
    python benchmarks/versions.py --without-anchors    headings without their English anchors
    python benchmarks/versions.py --copies 8           time on 100,000 passages as well

FastAPI's documentation in 8 languages, cut and embedded as `polyseek index` does it, the names of
the documents hidden; sections.jsonl knows which sections are the same. A passage covers the
sections that it shares at least 20 characters with; passages that cover none (front matter, one
banner) are left out of the count. XQuAD-R: 240 paragraphs in 11 languages, each a document of its
own, languages identified. Vectors are centred with the means of what is left in the collection.

precision   links whose two ends cover a section of the same file and anchor (XQuAD-R: are the same
            paragraph), of all links
recall      of all pairs (passage, other language) where some passage in that language, from the
            folder of another language, covers one of its sections: those where it is linked to one
linked      share of passages with at least one link

all         everything
named       everything, the names of the documents shown
half        half of the documents of each language (XQuAD-R: passages), drawn for each by itself
single      each document in one language only, drawn at random: nothing is there to be linked

What is drawn is drawn SEEDS times; "worst" are the least precision and recall and the largest share
linked of all draws.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Collection as Group
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from common import data_directory, save_result
from language_bias import Floats, xquad

from polyseek import Embedder, load
from polyseek.knowledge_base import KnowledgeBase
from polyseek.languages.identify import document_language, passage_language
from polyseek.languages.neutral import Calibrated, Neutral
from polyseek.languages.versions import Link, Passage, find_links, marks
from polyseek.store.collection import Collection
from polyseek.store.sums import sums_of

SHARED = 20
"""Characters of a section from which on a passage covers it."""
SEEDS = range(20)
NEW = 30
"""Passages of the document that is added alone."""
ANCHOR = re.compile(r"\{ ?#[\w-]+ ?\}")


@dataclass(frozen=True)
class Pool:
    """Passages with what is known of them; entry i of each belongs to passage i."""

    passages: list[Passage]
    vectors: Floats
    """(n, D) float32 as the model made them."""
    sections: list[frozenset[str]]
    """What each covers, by names that are the same in all languages."""

    def of(self, documents: Group[str]) -> Pool:
        """The passages of these documents."""
        at = [i for i, p in enumerate(self.passages) if p.document in documents]
        return Pool(
            [self.passages[i] for i in at], self.vectors[at], [self.sections[i] for i in at]
        )

    def centred(self, calibrated: Calibrated) -> Floats:
        """The vectors in neutral space, by the means of this pool."""
        languages = [p.language for p in self.passages]
        neutral = Neutral(calibrated, sums_of([(languages, self.vectors)]))
        return neutral.passages(self.vectors, languages)


def folder(document: str) -> str:
    return document.partition("/")[0]


def hidden(passages: Sequence[Passage]) -> list[Passage]:
    """The passages under names of documents that say nothing."""
    names = sorted({p.document for p in passages})
    places = np.random.default_rng(0).permutation(len(names)).tolist()
    number = dict(zip(names, places, strict=True))
    return [p._replace(document=str(number[p.document])) for p in passages]


def measure(pool: Pool, calibrated: Calibrated, named: bool = False) -> dict[str, float]:
    """The figures of one pool."""
    vectors = pool.centred(calibrated)
    passages = pool.passages if named else hidden(pool.passages)
    start = perf_counter()
    links = find_links(passages, vectors)
    seconds = perf_counter() - start
    return {**judged(pool, links), "links": len(links), "seconds": round(seconds, 2)}


def judged(pool: Pool, links: Sequence[Link]) -> dict[str, float]:
    """Precision, recall and share of passages linked; precision 1 and recall 0 of nothing."""
    row = {p.id: i for i, p in enumerate(pool.passages)}
    told = [(row[x.one], row[x.other]) for x in links]
    known = [(a, b) for a, b in told if pool.sections[a] and pool.sections[b]]
    right = [(a, b) for a, b in known if pool.sections[a] & pool.sections[b]]
    there: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for passage, sections in zip(pool.passages, pool.sections, strict=True):
        for section in sections:
            there[section].add((passage.language, folder(passage.document)))
    wanted = {
        (i, language)
        for i, (passage, sections) in enumerate(zip(pool.passages, pool.sections, strict=True))
        for section in sections
        for language, where in there[section]
        if language != passage.language and where != folder(passage.document)
    }
    languages = [p.language for p in pool.passages]
    met = {(a, languages[b]) for a, b in right} | {(b, languages[a]) for a, b in right}
    ends = {end for pair in told for end in pair}
    return {
        "precision": round(len(right) / len(known), 4) if known else 1.0,
        "recall": round(len(met & wanted) / len(wanted), 4) if wanted else 0.0,
        "linked": round(len(ends) / len(pool.passages), 4),
    }


def fastapi_pool(directory: Path) -> Pool:
    """The passages of a knowledge base of fastapi-docs."""
    covered: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    listed = data_directory() / "fastapi-docs" / "sections.jsonl"
    for line in listed.read_text("utf-8").splitlines():
        row = json.loads(line)
        section = row["start"], row["end"], f"{row['doc']}#{row['anchor']}"
        covered[f"{row['lang']}/{row['doc']}"].append(section)
    with Collection.open(directory) as collection:
        blocks = [(ids, vectors) for ids, _, vectors in collection.catalog.blocks()]
        rows = collection.catalog.rows(np.concatenate([ids for ids, _ in blocks]))
    vectors = np.concatenate([vectors for _, vectors in blocks]).astype(np.float32)
    ordinals: dict[str, int] = defaultdict(int)
    passages, sections = [], []
    for row in rows:
        chunk, path = row.chunk, row.path
        place = path, ordinals[path], chunk.language, len(chunk.headings)
        passages.append(Passage(row.id, *place, marks(chunk.text)))
        ordinals[path] += 1
        covers = {
            name
            for start, end, name in covered[path]
            if min(end, chunk.end) - max(start, chunk.start) >= SHARED
        }
        sections.append(frozenset(covers))
    return Pool(passages, vectors, sections)


def xquad_pool(embedder: Embedder) -> Pool:
    """XQuAD-R's paragraphs, each a document."""
    task = xquad(data_directory())
    passages, sections, vectors = [], [], []
    for language in task.languages:
        vectors.append(embedder.embed(task.passages[language], "passage", truncate="end"))
        for i, text in enumerate(task.passages[language]):
            told = passage_language(text, document_language(text))
            name = f"{language}/{i}"
            passages.append(Passage(len(passages), name, 0, told, 0, marks(text)))
            sections.append(frozenset([str(i)]))
    return Pool(passages, np.concatenate(vectors), sections)


def halves(pool: Pool, seed: int) -> set[str]:
    """Names of half of the documents of each folder, drawn for each by itself."""
    rng = np.random.default_rng(seed)
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in sorted({p.document for p in pool.passages}):
        by_folder[folder(name)].append(name)
    return {
        name
        for names in by_folder.values()
        for name in rng.permutation(names)[: len(names) // 2].tolist()
    }


def singles(pool: Pool, seed: int) -> set[str]:
    """Names of documents such that each is there in one language, drawn at random."""
    rng = np.random.default_rng(seed)
    names = sorted({p.document for p in pool.passages})
    folders = sorted({folder(name) for name in names})
    works = sorted({name.partition("/")[2] for name in names})
    return {f"{folders[rng.integers(len(folders))]}/{work}" for work in works}


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}


DRAWN = {
    "half": (halves, {"precision": min, "recall": min}),
    "single": (singles, {"linked": max}),
}
"""Ways of thinning a pool by chance, and what is the worst of several draws."""


def figures_of(name: str, pool: Pool, calibrated: Calibrated) -> dict[str, dict[str, float]]:
    """Every way of thinning the pool; the mean and the worst over SEEDS where it is by chance."""
    found = {"all": measure(pool, calibrated)}
    if name == "fastapi":
        found["named"] = measure(pool, calibrated, named=True)
    for way, (draw, worst) in DRAWN.items():
        rows = [measure(pool.of(draw(pool, seed)), calibrated) for seed in SEEDS]
        found[way] = mean(rows)
        found[f"{way} worst"] = {
            figure: most(row[figure] for row in rows) for figure, most in worst.items()
        }
    return found


def timed(pool: Pool, calibrated: Calibrated, copies: int) -> dict[str, float]:
    """Seconds for the pool and `copies` - 1 others like it, each with its dimensions in another
    order, so that they have nothing to do with each other; then for one document of them."""
    rng = np.random.default_rng(0)
    one = pool.centred(calibrated)
    vectors = np.concatenate([one[:, rng.permutation(one.shape[1])] for _ in range(copies)])
    passages = [
        p._replace(id=p.id + copy * (1 << 32), document=f"{copy}/{p.document}")
        for copy in range(copies)
        for p in hidden(pool.passages)
    ]
    sizes: dict[str, int] = defaultdict(int)
    for passage in passages:
        sizes[passage.document] += 1
    new = next(name for name in sorted(sizes) if sizes[name] == NEW)
    took = {}
    for kind, fresh in ((f"one document of {NEW}", [new]), ("all", None)):
        start = perf_counter()
        find_links(passages, vectors, fresh)
        took[kind] = round(perf_counter() - start, 2)
    return {"passages": len(passages), **took}


def index(directory: Path, embedder: Embedder, anchors: bool) -> None:
    """Index fastapi-docs; without anchors, they are blanks of the same length."""
    with TemporaryDirectory() as copy, KnowledgeBase.open(directory, embedder=embedder) as base:
        source = Path(copytree(data_directory() / "fastapi-docs", Path(copy) / "docs"))
        for file in source.rglob("*.md") if not anchors else ():
            text = file.read_bytes().decode("utf-8")
            file.write_bytes(ANCHOR.sub(lambda m: " " * len(m.group()), text).encode("utf-8"))
        base.index([source])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kb", type=Path, help="an index of fastapi-docs, read only")
    parser.add_argument("--without-anchors", action="store_true")
    parser.add_argument("--copies", type=int, default=1, help="time on so many times the passages")
    chosen = parser.parse_args()
    embedder = load()
    with TemporaryDirectory() as made:
        directory = chosen.kb or Path(made)
        if not chosen.kb:
            index(directory, embedder, not chosen.without_anchors)
        with KnowledgeBase.open(directory, embedder=embedder) as base:
            calibrated = base._calibrating.means()
        pools = {"fastapi": fastapi_pool(directory), "xquad-r": xquad_pool(embedder)}
    found = {}
    for name, pool in pools.items():
        found[name] = figures_of(name, pool, calibrated)
        print(f"{name}: {len(pool.passages)} passages")
        for way, row in found[name].items():
            print(f"{way:13s} " + "  ".join(f"{key} {value}" for key, value in row.items()))
    took = timed(pools["fastapi"], calibrated, chosen.copies)
    print("seconds: " + ", ".join(f"{kind} {value}" for kind, value in took.items()))
    settings = {"seeds": [*SEEDS], "copies": chosen.copies, **embedder.fingerprint}
    name = "versions-without-anchors" if chosen.without_anchors else "versions"
    save_result(name, settings, {**found, "seconds": took})


if __name__ == "__main__":
    main()
