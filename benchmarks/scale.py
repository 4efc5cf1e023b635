"""What sentences and versions cost: time, space and latency by number of passages and languages.

    python benchmarks/scale.py --kb DIR                        an index of fastapi-docs
    python benchmarks/scale.py --kb DIR --sizes 1000 10000     smaller

Passages and vectors are those of an indexed fastapi-docs (`python indexing.py --work WORK` leaves
one in WORK/kb). Where more are needed than it has, documents are taken again with the dimensions
of their vectors in another order, the same for all languages, so that a copy is near none of the
others and its versions lie as they did. Nothing is embedded here: what embedding costs is in
indexing.py. One thread; each figure is for the collection

plain     without vectors of sentences and without links, every passage a hit by itself
versions  with both, versions grouped

store     seconds to write the catalog          link     seconds to find all links
publish   seconds to make the indexes           disk_mb  catalog and indexes
search    milliseconds of a search, p50 and p95, apart from embedding the question
add       seconds that one more document of some 30 passages takes, apart from embedding: median
          of five
..._cpu   the same in processor time, in which other jobs on the machine hardly count
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import numpy as np
from common import save_result

from polyseek.candidates import Question
from polyseek.knowledge_base import KnowledgeBase
from polyseek.languages.words import is_title
from polyseek.linking import link
from polyseek.policy import Policy
from polyseek.preparing import terms_of
from polyseek.search import search
from polyseek.store.catalog import Catalog
from polyseek.store.collection import Collection
from polyseek.types import Chunk, Document, Terms

LANGUAGES = ("en", "ja", "zh", "de", "es", "fr", "ko", "ru")
QUESTIONS = 120
NEW, ADDED = 30, 5


@dataclass(frozen=True)
class Stored:
    """A document with its passages, and its vectors (n, D) and those of sentences (s, D) each."""

    path: str
    language: str
    chunks: list[Chunk]
    vectors: np.ndarray
    sentences: list[np.ndarray]
    terms: list[Terms]


def pool(kb: Path) -> list[Stored]:
    """The documents of an index, those of one page in all languages next to each other."""
    with Collection.open(kb) as collection:
        catalog = collection.catalog
        found: dict[str, list[tuple[int, Chunk]]] = {}
        ids, _ = catalog.languages()
        for row in catalog.rows(ids):
            found.setdefault(row.path, []).append((row.id, row.chunk))
        documents = [_document(catalog, path, rows) for path, rows in found.items()]
    return sorted(documents, key=lambda each: (each.path.partition("/")[2], each.path))


def _document(catalog: Catalog, path: str, rows: Sequence[tuple[int, Chunk]]) -> Stored:
    ids = [id for id, _ in rows]
    said = catalog.sentences(ids)
    chunks, sentences = [], []
    for id, chunk in rows:
        mine = said.owners == id
        borders = (said.borders[mine] + chunk.start).tolist()
        chunks.append(Chunk(**{**_fields(chunk), "sentences": tuple((a, b) for a, b in borders)}))
        sentences.append(said.vectors[mine])
    language = path.partition("/")[0]
    terms = [terms_of(chunk) for chunk in chunks]
    return Stored(path, language, chunks, catalog.vectors(ids), sentences, terms)


def _fields(chunk: Chunk) -> dict[str, Any]:
    return {name: getattr(chunk, name) for name in Chunk.__slots__}


def documents(
    found: Sequence[Stored], size: int, languages: Sequence[str]
) -> Iterator[tuple[str, Stored, np.ndarray]]:
    """Documents with about `size` passages: a name for each, and the order of its dimensions."""
    mine, count, copy = [each for each in found if each.language in languages], 0, 0
    while True:
        order = np.random.default_rng(copy).permutation(mine[0].vectors.shape[1])
        if not copy:
            order = np.sort(order)
        for each in mine:
            if count >= size:
                return
            count += len(each.chunks)
            yield f"{each.language}/{copy}/{each.path.partition('/')[2]}", each, order
        copy += 1


def put(catalog: Catalog, name: str, each: Stored, order: np.ndarray, sentences: bool) -> None:
    chunks = each.chunks
    if not sentences:
        chunks = [Chunk(**{**_fields(chunk), "sentences": ()}) for chunk in chunks]
    catalog.put(
        Document(name, name, language=each.language),
        1000,
        chunks,
        each.vectors[:, order],
        sentences=[rows[:, order] for rows in each.sentences] if sentences else None,
        terms=each.terms,
    )


def timed(run: Callable[[], object]) -> np.ndarray:
    """Seconds (2,): by the clock on the wall, and of processor time."""
    began = time.perf_counter(), time.process_time()
    run()
    return np.array([time.perf_counter() - began[0], time.process_time() - began[1]])


def told(name: str, seconds: np.ndarray) -> dict[str, float]:
    """As figures."""
    return {f"{name}_s": float(seconds[0]), f"{name}_cpu_s": float(seconds[1])}


def questions(base: KnowledgeBase, found: Sequence[Stored]) -> list[tuple[str, str, np.ndarray]]:
    """Heading paths of passages in all languages, and their vectors as queries."""
    drawn = random.Random(0).sample([(d.language, c) for d in found for c in d.chunks], QUESTIONS)
    texts = [" ".join(chunk.headings[-2:]) or chunk.text[:60] for _, chunk in drawn]
    vectors = base.embedder.embed(texts, "query", truncate="end")
    return [(text, lang, v) for text, (lang, _), v in zip(texts, drawn, vectors, strict=True)]


def measure(
    base: KnowledgeBase, found: Sequence[Stored], size: int, languages: Sequence[str], full: bool
) -> dict[str, Any]:
    """The figures of one collection; `full`: with sentences and links."""
    asked = questions(base, [each for each in found if each.language in languages])
    figures: dict[str, Any] = {}
    with Collection.open(base.path, write=True) as collection:
        catalog = collection.catalog
        catalog.set_fingerprint(base._check({}))

        def store() -> None:
            with catalog.transaction():
                for name, each, order in documents(found, size, languages):
                    put(catalog, name, each, order, full)

        def linked() -> int:
            if full:
                with collection.view(base._derive) as view:
                    return link(catalog, view.prepared)
            catalog.link([], catalog.pending())
            return 0

        mine = [each for each in found if each.language in languages]
        new = min(mine, key=lambda each: abs(len(each.chunks) - NEW))

        def added(number: int) -> np.ndarray:
            order = np.random.default_rng(999 + number).permutation(new.vectors.shape[1])

            def add() -> None:
                put(catalog, f"{new.language}/new-{number}", new, order, full)
                collection.publish(base._derive)
                linked()

            return timed(add)

        figures |= told("store", timed(store))
        figures |= told("publish", timed(lambda: collection.publish(base._derive)))
        figures |= told("link", timed(linked))
        figures["passages"] = len(catalog.languages()[0])
        figures["links"] = len(catalog.links())
        figures |= latency(base, collection, asked, full)
        figures |= told("add", np.median([added(n) for n in range(ADDED)], axis=0))
    figures["disk_mb"] = round(
        sum(f.stat().st_size for f in base.path.rglob("*") if f.is_file()) / 1e6, 1
    )
    return figures


def latency(
    base: KnowledgeBase,
    collection: Collection,
    asked: Sequence[tuple[str, str, np.ndarray]],
    grouped: bool,
) -> dict[str, float]:
    with collection.view(base._derive) as view:
        neutral = base._neutral(view.members.sums)
        taken = []
        for text, language, vector in asked:
            title = is_title(text)
            ready = Question(text, language, neutral.query(vector, language, title=title), title)
            taken.append(
                timed(lambda ready=ready: search(view, ready, 5, Policy(), grouped=grouped))
            )
    p50, p95 = np.percentile(1000 * np.array(taken[10:]), [50, 95], axis=0).round(1).tolist()
    return {
        "search_p50_ms": p50[0],
        "search_p50_cpu_ms": p50[1],
        "search_p95_ms": p95[0],
        "search_p95_cpu_ms": p95[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kb", type=Path, required=True, help="an index of fastapi-docs")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--languages", type=int, nargs="+", default=[2, 4, 8])
    chosen = parser.parse_args()
    faiss.omp_set_num_threads(1)
    found, figures = pool(chosen.kb), {}
    for size in chosen.sizes:
        for count in chosen.languages:
            for full in (False, True):
                with TemporaryDirectory() as scratch:
                    base = KnowledgeBase.open(Path(scratch) / "kb", sentences=full, threads=1)
                    name = f"{size} in {count}, {'versions' if full else 'plain'}"
                    figures[name] = measure(base, found, size, LANGUAGES[:count], full)
                    base.close()
                    figures[name] = {n: round(v, 4) for n, v in figures[name].items()}
                    print(name, figures[name], flush=True)
    save_result("scale", {"sizes": chosen.sizes, "languages": chosen.languages}, figures)


if __name__ == "__main__":
    main()
