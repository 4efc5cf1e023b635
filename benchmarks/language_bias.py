"""Language bias: one pool of passages in many languages, asked in each of them.

    python benchmarks/language_bias.py xquad-r fastapi

XQuAD-R: 240 paragraphs and 1,190 questions, parallel in 11 languages. FastAPI: the sections of its
documentation in en, zh, ja and es; the query is the last two headings of a section's path, its
passage the section's body (1,067 have one in each language). Both are in ../shared/data. Languages
are identified and not given.

mixed mAP   all languages in one pool; a passage is relevant if it is the question's paragraph or
            section in any language
own first   how often the first hit is in the question's language (an unbiased system: one in 11,
            one in 4)
mono        MRR@5 with the pool restricted to the question's language
cross       MRR@5 with it restricted to one other language, mean over all ordered pairs
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from common import data_directory, save_result

from polyseek import Chunk, Document, Embedder, load
from polyseek.knowledge_base import KnowledgeBase
from polyseek.languages.identify import document_language, passage_language, query_language
from polyseek.languages.neutral import Neutral
from polyseek.languages.words import is_title
from polyseek.models.sources import cache_directory
from polyseek.policy import Policy
from polyseek.search import Question, Scored, ranked
from polyseek.store.collection import Collection, View

Floats = npt.NDArray[np.float32]
K = 5
SHORTEST = 20
"""Characters: an empty body, or a lone include line, is no passage."""
XQUAD = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
FASTAPI = ("en", "zh", "ja", "es")


@dataclass(frozen=True)
class Task:
    """Parallel passages and queries: entry i of one language is entry i of every other."""

    name: str
    passages: Mapping[str, list[str]]
    queries: Mapping[str, list[str]]
    relevant: list[int]
    """For each query the index of its passage."""
    documents: Mapping[str, list[str]]
    """The text of the file that each passage is from, where there is one."""

    @property
    def languages(self) -> list[str]:
        return list(self.passages)


def xquad(root: Path) -> Task:
    """XQuAD-R's paragraphs and questions."""
    passages, queries, relevant = {}, {}, []
    for language in XQUAD:
        data = json.loads((root / "xquad-r" / f"{language}.json").read_text())["data"]
        paragraphs = [p for article in data for p in article["paragraphs"]]
        passages[language] = [p["context"] for p in paragraphs]
        queries[language] = [qa["question"] for p in paragraphs for qa in p["qas"]]
        relevant = [i for i, p in enumerate(paragraphs) for _ in p["qas"]]
    return Task("xquad-r", passages, queries, relevant, passages)


def fastapi(root: Path) -> Task:
    """The sections of FastAPI's documentation that every one of the languages has."""
    docs = root / "fastapi-docs"
    bodies: dict[str, dict[str, str]] = {language: {} for language in FASTAPI}
    titles: dict[str, dict[str, str]] = {language: {} for language in FASTAPI}
    for line in (docs / "sections.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["lang"] in FASTAPI:
            text = (docs / row["lang"] / row["doc"]).read_text()[row["start"] : row["end"]]
            name = f"{row['doc']}#{row['anchor']}"
            bodies[row["lang"]][name] = text.partition("\n")[2].strip()
            titles[row["lang"]][name] = " > ".join(row["path"][-2:])
    names = sorted(set.intersection(*(set(b) for b in bodies.values())))
    names = [n for n in names if min(len(bodies[lang][n]) for lang in FASTAPI) >= SHORTEST]
    passages = {language: [bodies[language][n] for n in names] for language in FASTAPI}
    queries = {language: [titles[language][n] for n in names] for language in FASTAPI}
    documents = {
        language: [(docs / language / name.partition("#")[0]).read_text() for name in names]
        for language in FASTAPI
    }
    return Task("fastapi", passages, queries, list(range(len(names))), documents)


def embedded(task: Task, embedder: Embedder) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Passages and queries of each language as vectors; kept in the cache for the next run."""
    key = f"{task.name}-{embedder.fingerprint['precision']}-{len(task.relevant)}.npz"
    path = cache_directory() / "benchmarks" / key
    if not path.exists():
        arrays = {}
        for language in task.languages:
            texts = task.passages[language], task.queries[language]
            arrays[f"p.{language}"] = embedder.embed(texts[0], "passage", truncate=True)
            arrays[f"q.{language}"] = embedder.embed(texts[1], "query", truncate=True)
            print(f"embedded {task.name} {language}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)
    with np.load(path) as found:
        return tuple(  # type: ignore[return-value]
            {language: found[f"{role}.{language}"] for language in task.languages} for role in "pq"
        )


def average_precision(scores: Floats, relevant: Sequence[int]) -> float:
    """Mean over the relevant items of (relevant so far / rank), ties counted in favour."""
    ranks = np.sort([(scores > scores[item]).sum() + 1 for item in relevant])
    return float((np.arange(1, len(ranks) + 1) / ranks).mean())


def reciprocal_rank(scores: Floats, relevant: int) -> float:
    """1 / rank of the relevant item if that is at most K, else 0."""
    rank = int((scores > scores[relevant]).sum()) + 1
    return 1 / rank if rank <= K else 0.0


def measure(task: Task, score: Callable[[str, int], Floats], step: int) -> dict[str, float]:
    """`score(language, query)` gives the scores (languages * n,) of all passages, language by
    language in the task's order."""
    n, languages = len(task.passages[task.languages[0]]), task.languages
    precision, own, mono, cross = [], [], [], []
    for at, language in enumerate(languages):
        for query in range(0, len(task.relevant), step):
            scores, gold = score(language, query), task.relevant[query]
            precision.append(
                average_precision(scores, [gold + n * i for i in range(len(languages))])
            )
            own.append(int(scores.argmax()) // n == at)
            for other in range(len(languages)):
                rank = reciprocal_rank(scores[other * n : (other + 1) * n], gold)
                (mono if other == at else cross).append(rank)
    figures = {"mixed_map": precision, "own_first": own, "mono_mrr5": mono, "cross_mrr5": cross}
    return {name: round(float(np.mean(values)), 4) for name, values in figures.items()}


def plain(
    passages: Mapping[str, Floats], queries: Mapping[str, Floats]
) -> Callable[[str, int], Floats]:
    """As everybody uses the model: the cosine, nothing else."""
    matrix = np.concatenate(list(passages.values()))
    return lambda language, query: matrix @ queries[language][query]


class Product:
    """polyseek's own ranking of all passages, with everything in it."""

    def __init__(
        self, task: Task, view: View, neutral: Neutral, queries: Mapping[str, Floats]
    ) -> None:
        self.task, self.view, self.neutral, self.queries = task, view, neutral, queries
        self.found: dict[tuple[str, int], list[Scored]] = {}

    def score(self, language: str, query: int, parts: tuple[str, ...]) -> Floats:
        """Scores of all passages; the sum of the named parts, or of all."""
        text = self.task.queries[language][query]
        key = (language, query)
        if key not in self.found:
            spoken = query_language(text, self.view.present())
            vector = self.neutral.query(self.queries[language][query], spoken, title=is_title(text))
            question = Question(text, spoken, vector)
            self.found[key] = ranked(self.view, question, len(self.view.ids) // 10 + 1, Policy())
        scores = np.full(len(self.view.ids), -1, np.float32)
        for each in self.found[key]:
            at = int(np.searchsorted(self.view.ids, each.id))
            scores[at] = sum(v for name, v in each.parts.items() if not parts or name in parts)
        return scores


def stored(task: Task, passages: Mapping[str, Floats], base: KnowledgeBase) -> None:
    """A knowledge base with a document for each passage, languages identified."""
    texts = {text for each in task.documents.values() for text in each}
    whole = {text: document_language(text) for text in texts}
    with Collection.open(base.path, write=True) as collection:
        collection.catalog.set_fingerprint(base._check({}))
        with collection.catalog.transaction():
            for language in task.languages:
                for i, text in enumerate(task.passages[language]):
                    told = passage_language(text, whole[task.documents[language][i]])
                    chunk = Chunk(0, len(text), text, 1, 1, language=told)
                    document = Document(f"{language}/{i}", text)
                    vector = passages[language][i : i + 1]
                    collection.catalog.put(document, len(text), [chunk], vector)
        collection.publish(base._derive)


def run(task: Task, embedder: Embedder, step: int) -> dict[str, dict[str, float]]:
    """The figures of each way of searching."""
    passages, queries = embedded(task, embedder)
    figures = {"plain": measure(task, plain(passages, queries), step)}
    with TemporaryDirectory() as directory:
        base = KnowledgeBase.open(directory, embedder=embedder)
        stored(task, passages, base)
        with base, Collection.open(base.path) as collection, collection.view(base._derive) as view:
            neutral = Neutral(base._calibrated, view.catalog.language_sums())
            product = Product(task, view, neutral, queries)
            ways = {"neutral": ("meaning",), "neutral and words": ()}
            for name, parts in ways.items():
                figures[name] = measure(task, partial(product.score, parts=parts), step)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="+", choices=("xquad-r", "fastapi"))
    parser.add_argument("--step", type=int, default=1, help="take every n-th query only")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    chosen = parser.parse_args()
    embedder, root = load(precision=chosen.precision), data_directory()
    for name in chosen.tasks:
        task = {"xquad-r": xquad, "fastapi": fastapi}[name](root)
        figures = run(task, embedder, chosen.step)
        print(f"{name:20s} mixed mAP  own first  mono MRR@5  cross MRR@5")
        for way, row in figures.items():
            print(f"{way:20s} " + "  ".join(f"{value:9.4f}" for value in row.values()))
        settings = {"step": chosen.step, **embedder.fingerprint}
        save_result(f"language_bias-{name}-{chosen.precision}", settings, figures)


if __name__ == "__main__":
    main()
