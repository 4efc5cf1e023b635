"""How each part of a knowledge base grows: bytes, seconds and memory at several sizes, and a law.

    python benchmarks/growth.py --kb DIR                        an index of fastapi-docs
    python benchmarks/growth.py --kb DIR --sizes 1000 4000      smaller
    python benchmarks/growth.py --kb DIR --quantised --name growth-quantised --sizes 16000 64000

Passages, vectors and sentences are those of an indexed fastapi-docs, taken again in another order
of dimensions where more are needed (scale.py). Nothing is embedded. Each step runs in a process of
its own, on one thread and without a model, so that its memory is its own:

store     to write the catalog                  link     to find all links
publish   to make the indexes from nothing      open     to open a view of them
search    a search, p50 and p95, apart from embedding the question
add       one document more of some 30 passages, apart from embedding: the indexes grown, its links
..._mb    of a step: most resident memory over what it began with, when all is imported; view_mb
          and searched_mb: what is resident with the view open, and after the searches
..._s, ..._cpu_s   by the clock on the wall, and of processor time, in which other jobs count less

For each figure f the law f = a * (n / 1000) ** b is fitted to all sizes by least squares of the
logarithms; `last` is the exponent between the last two sizes alone. `--quantised` uses the index of
large collections at every size: without it the kind changes at 42,000 passages of 384 numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import numpy as np
from common import save_result
from scale import LANGUAGES, NEW, _document, documents, pool, put, questions, timed, told

from polyseek.candidates import Question
from polyseek.knowledge_base import KnowledgeBase
from polyseek.languages.means import calibrated
from polyseek.languages.neutral import Neutral
from polyseek.languages.words import is_title, words
from polyseek.linking import link
from polyseek.models.sources import cache_directory
from polyseek.policy import Policy
from polyseek.search import search
from polyseek.store import build
from polyseek.store.collection import Collection, Recipe
from polyseek.store.members import Sums
from polyseek.store.view import View

ADDED = 3
WARM = 10
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PARTS = {
    "codes_mb": "vectors.faiss",
    "rows_mb": "rows*",
    "words_mb": "lexical/*",
    "members_mb": "members.*",
    "directions_mb": "directions.*",
    "moments_mb": "moments.*",
}


class Step:
    """What a process of its own does to the collection in WORK/kb."""

    def __init__(self, work: Path) -> None:
        self.kb = work / "kb"
        self.given = json.loads((work / "given.json").read_text("utf-8"))
        self.asked = np.load(work / "asked.npy")
        self.before = resident_mb()

    def neutral(self, sums: Sums) -> Neutral:
        return Neutral(calibrated(self.given["model"], _never, cache_directory()), sums)

    def derive(self, sums: Sums) -> Recipe:
        neutral = self.neutral(sums)
        return Recipe(neutral.passages, words, neutral.salt)

    def publish(self) -> dict[str, float]:
        with Collection.open(self.kb, write=True) as collection:
            return told("publish", timed(lambda: collection.publish(self.derive)))

    def link(self) -> dict[str, float]:
        with Collection.open(self.kb, write=True) as collection:
            with collection.view(self.derive) as view:
                found = told("link", timed(lambda: link(collection.catalog, view.prepared)))
            return found | {"links": len(collection.catalog.links())}

    def search(self) -> dict[str, float]:
        views: list[View] = []
        with Collection.open(self.kb) as collection:
            opened = told("open", timed(lambda: views.append(collection.view(self.derive))))
        (view,) = views
        memory = {"view_mb": resident_mb() - self.before}
        neutral, taken = self.neutral(view.members.sums), []
        for (text, language), vector in zip(self.given["questions"], self.asked, strict=True):
            title = is_title(text)
            ready = Question(text, language, neutral.query(vector, language, title=title), title)
            taken.append(timed(lambda ready=ready: search(view, ready, 5, Policy())))
        p50, p95 = np.percentile(1000 * np.array(taken[WARM:]), [50, 95], axis=0)
        return {
            **opened,
            **memory,
            "searched_mb": resident_mb() - self.before,
            "search_p50_ms": p50[0],
            "search_p50_cpu_ms": p50[1],
            "search_p95_ms": p95[0],
        }

    def add(self) -> dict[str, float]:
        new = _one(Path(self.given["source"]), self.given["new"])
        Path("/proc/self/clear_refs").write_text("5")  # the most so far is now what there is
        self.before = resident_mb()
        taken = [self._added(new, number) for number in range(ADDED)]
        return {name: float(np.median([each[name] for each in taken])) for name in taken[0]}

    def _added(self, new: Any, number: int) -> dict[str, float]:  # noqa: ANN401
        order = np.random.default_rng(999 + number).permutation(new.vectors.shape[1])
        with Collection.open(self.kb, write=True) as collection:
            catalog = collection.catalog
            put(catalog, f"{new.language}/new-{number}", new, order, sentences=True)
            grown = timed(lambda: collection.publish(self.derive))
            if not self.given["linked"]:
                return told("add_publish", grown)
            with collection.view(self.derive) as view:
                linked = timed(lambda: link(catalog, view.prepared))
        return told("add_publish", grown) | told("add_link", linked)


def _never(*_: object) -> np.ndarray:
    raise SystemExit("there are no calibration means of this model: run the whole benchmark")


def _one(kb: Path, path: str) -> Any:  # noqa: ANN401 - scale.Stored
    with Collection.open(kb) as collection:
        catalog = collection.catalog
        rows = catalog.rows(catalog.languages()[0])
        return _document(catalog, path, [(r.id, r.chunk) for r in rows if r.path == path])


def resident_mb() -> float:
    """Of this process, now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run(work: Path, name: str, quantised: bool) -> dict[str, float]:
    """A step in a process of its own: its figures and its most memory."""
    command = [sys.executable, __file__, "--kb", str(work), "--step", name]
    done = subprocess.run(
        [*command, *(["--quantised"] if quantised else [])],
        env={**os.environ, **ONE_THREAD},
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measure(
    base: KnowledgeBase, found: Sequence[Any], size: int, chosen: argparse.Namespace, work: Path
) -> dict[str, float]:
    """The figures of one collection."""
    asked = questions(base, found)
    linked = size <= chosen.link_up_to
    new = min(found, key=lambda each: abs(len(each.chunks) - NEW))
    given = {
        "model": base.embedder.fingerprint,
        "questions": [(text, language) for text, language, _ in asked],
        "new": new.path,
        "source": str(chosen.kb.resolve()),
        "linked": linked,
    }
    (work / "given.json").write_text(json.dumps(given), "utf-8")
    np.save(work / "asked.npy", np.array([vector for _, _, vector in asked]))
    with Collection.open(work / "kb", write=True) as collection:
        catalog = collection.catalog
        catalog.set_fingerprint(base.embedder.fingerprint)

        def store() -> None:
            with catalog.transaction():
                for name, each, order in documents(found, size, LANGUAGES[: chosen.languages]):
                    put(catalog, name, each, order, sentences=True)

        figures = told("store", timed(store))
        figures["passages"] = catalog.statistics().chunks
        if not linked:
            catalog.link([], catalog.pending())
    for step in ("publish", *(["link"] if linked else []), "search"):
        figures |= run(work, step, chosen.quantised)
    figures |= sizes(work / "kb")
    figures |= run(work, "add", chosen.quantised)
    return {name: round(float(value), 5) for name, value in figures.items()}


def sizes(kb: Path) -> dict[str, float]:
    """Megabytes of the catalog, of the indexes, and of their parts."""
    (derived,) = (kb / "derived").iterdir()
    parts = {name: megabytes(derived, pattern) for name, pattern in PARTS.items()}
    return {
        "catalog_mb": megabytes(kb, "catalog.sqlite*"),
        "index_mb": megabytes(derived, "**/*"),
        **{name: value for name, value in parts.items() if value},
    }


def megabytes(directory: Path, pattern: str) -> float:
    return sum(f.stat().st_size for f in directory.glob(pattern) if f.is_file()) / 1e6


def laws(figures: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Of each figure that every size has: a and b of a * (n / 1000) ** b, how far the worst size is
    from that as a factor, and the exponent between the last two sizes."""
    found = {}
    n = np.array([each["passages"] for each in figures]) / 1000
    for name in figures[0]:
        values = np.array([each.get(name, 0.0) for each in figures])
        if name == "passages" or (values <= 0).any() or len(n) < 2:
            continue
        b, log_a = np.polyfit(np.log(n), np.log(values), 1)
        off = np.abs(np.log(values) - log_a - b * np.log(n)).max()
        last = np.log(values[-1] / values[-2]) / np.log(n[-1] / n[-2])
        law = {"a": np.exp(log_a), "b": b, "off_by": np.exp(off), "last": last}
        found[name] = {key: round(float(value), 4) for key, value in law.items()}
    return found


def step(work: Path, name: str) -> None:
    """What `run` started."""
    faiss.omp_set_num_threads(1)
    steps: dict[str, Callable[[Step], dict[str, float]]] = {
        "publish": Step.publish,
        "link": Step.link,
        "search": Step.search,
        "add": Step.add,
    }
    begun = Step(work)
    figures = {n: float(v) for n, v in steps[name](begun).items()}
    # Not getrusage: a new process has the most of its parent there.
    status = Path("/proc/self/status").read_text()
    most = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    json.dump(figures | {f"{name}_mb": most - begun.before}, sys.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kb", type=Path, required=True, help="an index of fastapi-docs")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000, 16_000, 64_000])
    parser.add_argument("--languages", type=int, default=8, help="2 to 8")
    parser.add_argument("--link-up-to", type=int, default=64_000, help="passages")
    parser.add_argument("--quantised", action="store_true", help="see above")
    parser.add_argument("--name", default="growth", help="of the file of results")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.quantised:
        build.QUANTISED_FROM = 0
    if chosen.step:
        step(chosen.kb, chosen.step)
        return
    found = [e for e in pool(chosen.kb) if e.language in LANGUAGES[: chosen.languages]]
    figures = []
    with KnowledgeBase.open(chosen.kb, threads=1) as base:
        base._calibrating.means()
        for size in chosen.sizes:
            with TemporaryDirectory() as work:
                figures.append(measure(base, found, size, chosen, Path(work)))
            print(figures[-1], flush=True)
    settings = {name: getattr(chosen, name) for name in ("sizes", "languages", "quantised")}
    told_all = {"sizes": figures, "laws": laws(figures)}
    save_result(chosen.name, settings, told_all)


if __name__ == "__main__":
    main()
