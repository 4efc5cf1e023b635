"""Language bias: one pool of passages in many languages, asked in each of them.

    python benchmarks/language_bias.py xquad-r fastapi
    python benchmarks/language_bias.py xquad-r --model bge-m3                another of the table
    python benchmarks/language_bias.py xquad-r --model NAME --model-path DIR any other

XQuAD-R: 240 paragraphs and 1,190 questions, parallel in 11 languages. FastAPI: the sections of its
documentation in en, zh, ja and es; the query is the last two headings of a section's path, its
passage the section's body (1,067 have one in each language). Both are in ../shared/data. Languages
are identified and not given.

plain       the model as everybody uses it
meaning     centred by language, nothing else
passages    everything but versions: the best sentence, scores comparable across languages, words
versions    the whole product: versions found, and counted together

mixed mAP   all languages in one pool; a passage is relevant if it is the question's paragraph or
            section in any language
own first   how often the first hit is in the question's language (an unbiased system: one in 11,
            one in 4); of a group that stands first, the share of its versions that are
mono        MRR@5 with the pool restricted to the question's language
cross       MRR@5 with it restricted to one other language, mean over all ordered pairs
links       precision and recall of the links between passages, file names hidden

With versions a group stands at one place and its versions follow each other there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from common import data_directory, save_result

from polyseek import Chunk, Document, Embedder, load
from polyseek.candidates import Question
from polyseek.chunking import passage_sentences
from polyseek.knowledge_base import KnowledgeBase
from polyseek.languages.identify import document_language, passage_language, query_language
from polyseek.languages.neutral import Neutral
from polyseek.languages.words import is_title
from polyseek.linking import link
from polyseek.models.sources import cache_directory
from polyseek.models.spec import DEFAULT
from polyseek.policy import Policy
from polyseek.search import ranked
from polyseek.store.collection import Collection, View

Floats = npt.NDArray[np.float32]
K = 5
HITS = 100
"""Asked for; what a search does not bring counts as not found."""
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
    """The text of the file that each passage is from, or the passage itself; those of one file
    follow each other."""

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
    places: dict[str, tuple[str, int]] = {}
    for line in (docs / "sections.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["lang"] in FASTAPI:
            text = (docs / row["lang"] / row["doc"]).read_text()[row["start"] : row["end"]]
            name = f"{row['doc']}#{row['anchor']}"
            places.setdefault(name, (row["doc"], row["start"]))
            bodies[row["lang"]][name] = text.partition("\n")[2].strip()
            titles[row["lang"]][name] = " > ".join(row["path"][-2:])
    names = sorted(set.intersection(*(set(b) for b in bodies.values())), key=places.__getitem__)
    names = [n for n in names if min(len(bodies[lang][n]) for lang in FASTAPI) >= SHORTEST]
    passages = {language: [bodies[language][n] for n in names] for language in FASTAPI}
    queries = {language: [titles[language][n] for n in names] for language in FASTAPI}
    documents = {
        language: [(docs / language / name.partition("#")[0]).read_text() for name in names]
        for language in FASTAPI
    }
    return Task("fastapi", passages, queries, list(range(len(names))), documents)


@dataclass(frozen=True)
class Vectors:
    """By language: those of passages and queries (n, D), and of each passage's sentences."""

    passages: Mapping[str, Floats]
    queries: Mapping[str, Floats]
    sentences: Mapping[str, list[Floats]]


def borders(text: str) -> list[tuple[int, int]]:
    """The sentences of a passage of several."""
    found = passage_sentences(text)
    return found if len(found) > 1 else []


def embedded(task: Task, embedder: Embedder) -> Vectors:
    """The vectors of a task; kept in the cache for the next run."""
    model = "" if embedder.spec.name == DEFAULT else f"{embedder.spec.name}-"
    key = f"{model}{task.name}-{embedder.fingerprint['precision']}-{len(task.relevant)}-2.npz"
    path = cache_directory() / "benchmarks" / key
    if not path.exists():
        arrays = {}
        for language in task.languages:
            passages = task.passages[language]
            said = [text[a:b] for text in passages for a, b in borders(text)]
            arrays[f"p.{language}"] = embedder.embed(passages, "passage", truncate="end")
            arrays[f"q.{language}"] = embedder.embed(task.queries[language], "query")
            arrays[f"s.{language}"] = embedder.embed(said, "passage", truncate="end")
            print(f"embedded {task.name} {language}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)
    sentences = {}
    with np.load(path) as found:
        for language in task.languages:
            counts = [len(borders(text)) for text in task.passages[language]]
            sentences[language] = np.split(found[f"s.{language}"], np.cumsum(counts)[:-1])
        passages, queries = (
            {language: found[f"{role}.{language}"] for language in task.languages} for role in "pq"
        )
    return Vectors(passages, queries, sentences)


@dataclass(frozen=True)
class Ranking:
    """What a search made of one query."""

    scores: Floats
    """(languages * n,) of all passages, language by language in the task's order; -inf if the
    search did not come across it."""
    first: list[int]
    """Numbers of the passages that share the first place."""


def average_precision(scores: Floats, relevant: Sequence[int]) -> float:
    """Sum over the relevant items that were found of (relevant so far / rank), over the number of
    relevant items."""
    found = [item for item in relevant if np.isfinite(scores[item])]
    ranks = np.sort([(scores > scores[item]).sum() + 1 for item in found])
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / len(relevant))


def reciprocal_rank(scores: Floats, relevant: int) -> float:
    """1 / rank of the relevant item if that is at most K, else 0."""
    rank = int((scores > scores[relevant]).sum()) + 1
    return 1 / rank if rank <= K and np.isfinite(scores[relevant]) else 0.0


def measure(task: Task, ranking: Callable[[str, int], Ranking], step: int) -> dict[str, float]:
    """The figures of a way to search."""
    n, languages = len(task.passages[task.languages[0]]), task.languages
    precision, own, mono, cross = [], [], [], []
    for at, language in enumerate(languages):
        for query in range(0, len(task.relevant), step):
            found, gold = ranking(language, query), task.relevant[query]
            precision.append(
                average_precision(found.scores, [gold + n * i for i in range(len(languages))])
            )
            own.append(np.mean([first // n == at for first in found.first]))
            for other in range(len(languages)):
                rank = reciprocal_rank(found.scores[other * n : (other + 1) * n], gold)
                (mono if other == at else cross).append(rank)
    figures = {"mixed_map": precision, "own_first": own, "mono_mrr5": mono, "cross_mrr5": cross}
    return {name: round(float(np.mean(values)), 4) for name, values in figures.items()}


def plain(vectors: Vectors) -> Callable[[str, int], Ranking]:
    """As everybody uses the model: the cosine, nothing else."""
    matrix = np.concatenate(list(vectors.passages.values()))

    def ranking(language: str, query: int) -> Ranking:
        scores = matrix @ vectors.queries[language][query]
        return Ranking(scores, [int(scores.argmax())])

    return ranking


class Product:
    """polyseek's own ranking of all passages."""

    def __init__(self, task: Task, view: View, neutral: Neutral, vectors: Vectors) -> None:
        self.task, self.view, self.neutral, self.vectors = task, view, neutral, vectors
        self.rows = view.prepared(view.ids)  # (n, D)

    def question(self, language: str, query: int) -> Question:
        text = self.task.queries[language][query]
        spoken, title = query_language(text, self.view.present()), is_title(text)
        vector = self.neutral.query(self.vectors.queries[language][query], spoken, title=title)
        return Question(text, spoken, vector, title)

    def meaning(self, language: str, query: int) -> Ranking:
        scores = self.rows @ self.question(language, query).vector
        return Ranking(scores, [int(scores.argmax())])

    def ranking(self, language: str, query: int, *, grouped: bool) -> Ranking:
        question = self.question(language, query)
        groups = ranked(self.view, question, HITS, Policy(), grouped=grouped)
        return self._ranking([[each.id for each in group] for group in groups])

    def _ranking(self, groups: Sequence[Sequence[int]]) -> Ranking:
        order = np.searchsorted(self.view.ids, [id for group in groups for id in group])
        scores = np.full(len(self.view.ids), -np.inf, np.float32)
        scores[order] = -np.arange(len(order), dtype=np.float32)
        return Ranking(scores, np.searchsorted(self.view.ids, groups[0]).tolist())


def stored(task: Task, vectors: Vectors, base: KnowledgeBase) -> None:
    """A knowledge base with the passages in their documents, under names that say nothing, and
    languages identified; linked and published as `index` does it."""
    texts = {text for each in task.documents.values() for text in each}
    whole = {text: document_language(text) for text in texts}
    with Collection.open(base.path, write=True) as collection:
        catalog = collection.catalog
        catalog.set_fingerprint(base._check({}))
        with catalog.transaction():
            for language in task.languages:
                for text, group in groupby(
                    range(len(task.passages[language])), task.documents[language].__getitem__
                ):
                    at = list(group)
                    chunks = [_chunk(task.passages[language][i], whole[text]) for i in at]
                    name = hashlib.sha256(f"{language} {text}".encode()).hexdigest()
                    catalog.put(
                        Document(name, text),
                        len(text),
                        chunks,
                        vectors.passages[language][at],
                        sentences=[vectors.sentences[language][i] for i in at],
                    )
        collection.publish(base._derive)
        with collection.view(base._derive) as view:
            link(catalog, view.prepared)


def _chunk(text: str, document: str) -> Chunk:
    told = passage_language(text, document)
    return Chunk(0, len(text), text, 1, 1, language=told, sentences=tuple(borders(text)))


def links(task: Task, view: View) -> dict[str, float]:
    """Precision, and recall over the pairs that there are."""
    n = len(task.passages[task.languages[0]])
    pairs = view.catalog.links()
    right = sum(
        int(np.searchsorted(view.ids, pair.one)) % n
        == int(np.searchsorted(view.ids, pair.other)) % n
        for pair in pairs
    )
    there = n * len(task.languages) * (len(task.languages) - 1) // 2
    return {
        "precision": round(right / max(1, len(pairs)), 4),
        "recall": round(right / there, 4),
    }


def run(task: Task, embedder: Embedder, step: int) -> dict[str, dict[str, float]]:
    """The figures of each way of searching."""
    vectors = embedded(task, embedder)
    figures = {"plain": measure(task, plain(vectors), step)}
    with TemporaryDirectory() as directory:
        base = KnowledgeBase.open(directory, embedder=embedder)
        stored(task, vectors, base)
        with base, Collection.open(base.path) as collection, collection.view(base._derive) as view:
            product = Product(task, view, base._neutral(view.members.sums), vectors)
            ways = {
                "meaning": product.meaning,
                "passages": partial(product.ranking, grouped=False),
                "versions": partial(product.ranking, grouped=True),
            }
            for name, ranking in ways.items():
                figures[name] = measure(task, ranking, step)
            figures["links"] = links(task, view)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="+", choices=("xquad-r", "fastapi"))
    parser.add_argument("--step", type=int, default=1, help="take every n-th query only")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--model", default=DEFAULT, help="%(default)s")
    parser.add_argument("--model-path", type=Path, help="a directory with its weights")
    chosen = parser.parse_args()
    embedder = load(chosen.model, chosen.model_path, precision=chosen.precision)
    root, which = data_directory(), "" if chosen.model == DEFAULT else f"-{chosen.model}"
    for name in chosen.tasks:
        task = {"xquad-r": xquad, "fastapi": fastapi}[name](root)
        figures = run(task, embedder, chosen.step)
        print(f"{name:20s} mixed mAP  own first  mono MRR@5  cross MRR@5")
        for way, row in figures.items():
            print(f"{way:20s} " + "  ".join(f"{value:9.4f}" for value in row.values()))
        settings = {"step": chosen.step, **embedder.fingerprint}
        save_result(f"language_bias-{name}-{chosen.precision}{which}", settings, figures)


if __name__ == "__main__":
    main()
