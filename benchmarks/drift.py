"""Does the report of drifted versions find what was changed, and nothing else?

FastAPI's documentation in eight languages, chunked, its sentences embedded and centred; passages
that cover the same (doc, anchor) sections are linked. Then one paragraph in 100 of the Japanese
pages is changed, one a page at most, of these kinds in turn:

number     a number in prose becomes another with as many digits
negation   the last verb of a sentence is negated, or its negation is taken away, in turn
missing    a sentence of a paragraph or an item of a list is removed, in turn
code       a name in inline code loses its last letter or gets another
link       a link leads to another page

Only what changed is embedded again, and the report is made anew. A change is *found* if the report
has a finding that calls its passage odd and that the report of the unchanged pages had not (of two
versions either may be the odd one); every new finding elsewhere is *false*. What the unchanged
pages give is natural: outdated or careless translations, or false. All of these at the time of
writing were read and judged, real (REAL) or false (FALSE), by their digests. FastAPI's pages are
kept in step by a machine, so hardly any of what is found there is real; and the lists of words
were made with these false alarms in sight, so other collections will have more of them. Precision
= (found + natural and real) / all that is reported; a natural finding that nobody judged counts as
false.

    python benchmarks/drift.py                     # about 5 minutes, most of it embedding, once
    python benchmarks/drift.py --languages en,ja   # pairs only: no witnesses
    python benchmarks/drift.py --show              # the findings on the unchanged pages
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import LANGUAGES, data_directory, save_result

from polyseek import Document, Embedder, load
from polyseek.chunking import chunk
from polyseek.chunking.prose import passage_sentences
from polyseek.fingerprint import CHUNK_TOKENS
from polyseek.languages.drift import LEAST, Drift, Version, find_drift
from polyseek.languages.means import calibrated
from polyseek.languages.neutral import Neutral
from polyseek.models.sources import cache_directory
from polyseek.store.sums import sums_of
from polyseek.types import Chunk

Floats = npt.NDArray[np.float32]
Sections = Mapping[tuple[str, str], list[tuple[str, int, int]]]
"""(language, page) -> anchor, start, end of its sections."""

KINDS = ("number", "negation", "missing", "code", "link")
EDITED = "ja"
SHARE = 100
"""One paragraph in so many is changed."""
PROSE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")
NUMBER = re.compile(r"(?<![\w`/.:_#\[(=-])(?<![\uff10-\uff19])[0-9]+(?![0-9]*[A-Za-z_/.:\])`-])")
CODE = re.compile(r"`([A-Za-z_][A-Za-z_.()]*[A-Za-z_()])`")
LINK = re.compile(r"(?<=\]\()([^)\s#]+)([^)\s]*)(?=\))")
SENTENCE = re.compile(r"[^。\n]+。")
NEGATED = (
    ("できません", "できます"),
    ("ありません", "あります"),
    ("ていません", "ています"),
    ("しません", "します"),
    ("れません", "れます"),
    ("きません", "きます"),
    ("りません", "ります"),
    ("えません", "えます"),
    ("ではありません", "です"),
)
NO_NEGATION = re.compile(r"(なければ|なくては|ないと|かも|しか|でしょう)[^。]{0,12}$")
REAL = "515f68"
FALSE = "af8716 419740 dd5a19 c8d7e7 172ad9 27e423 8d6f28 da98eb ed5e47 565a27 83e385"


@dataclass(frozen=True)
class Edit:
    """text[start:end] of a Japanese page, and what stands there instead."""

    page: str
    kind: str
    start: int
    end: int
    new: str


class Corpus:
    """The pages as versions and groups, before and after edits; vectors are kept in a cache."""

    def __init__(self, embedder: Embedder, root: Path, languages: Sequence[str]) -> None:
        self.embedder, self.languages = embedder, languages
        self.docs = root / "fastapi-docs"
        self.sections: dict[tuple[str, str], list[tuple[str, int, int]]] = defaultdict(list)
        for line in (self.docs / "sections.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            place = row["lang"], row["doc"]
            self.sections[place].append((row["anchor"], row["start"], row["end"]))
        self.pages = sorted({page for language, page in self.sections if language in languages})
        self.texts = {
            (language, page): (self.docs / language / page).read_text("utf-8")
            for language in languages
            for page in self.pages
        }
        self.chunks = {place: self._chunked(*place, text) for place, text in self.texts.items()}
        self.vectors = self._embedded()
        self.neutral = self._neutral()

    def _chunked(self, language: str, page: str, text: str) -> list[Chunk]:
        return chunk(Document(f"{language}/{page}", text), CHUNK_TOKENS, self.embedder.count)

    def _embedded(self) -> dict[str, Floats]:
        """Every sentence's vector (D,), as the model gives it."""
        texts = sorted({s for each in self.chunks.values() for c in each for s in said(c)})
        told = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
        precision = self.embedder.fingerprint["precision"]
        path = cache_directory() / "benchmarks" / f"drift-{precision}-{told}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, self.embedder.embed(texts, "passage", truncate="end").astype(np.float16))
        return dict(zip(texts, np.load(path).astype(np.float32), strict=True))

    def _neutral(self) -> Neutral:
        rows: dict[str, list[Floats]] = defaultdict(list)
        for (language, _), chunks in self.chunks.items():
            rows[language] += [self.vectors[s] for each in chunks for s in said(each)]
        sums = sums_of(([language] * len(own), np.array(own)) for language, own in rows.items())
        embed: Any = self.embedder.embed
        means = calibrated(self.embedder.fingerprint, embed, cache_directory())
        return Neutral(means, sums)

    def built(self, edits: Sequence[Edit]) -> tuple[list[Version], list[list[int]], dict[str, int]]:
        """Versions, groups, and for each edited page the id of the passage with the edit."""
        by_page = {edit.page: edit for edit in edits}
        versions: list[Version] = []
        groups: list[list[int]] = []
        edited = {}
        for page in self.pages:
            cover: dict[int, set[str]] = {}
            for language in self.languages:
                edit = by_page.get(page) if language == EDITED else None
                chunks = self._changed(page, edit) if edit else self.chunks[language, page]
                for each in chunks:
                    id = len(versions)
                    versions.append(self._version(id, language, page, each))
                    cover[id] = set(self._anchors(language, page, each, edit))
                    if edit and each.start <= edit.start < each.end + 2:
                        edited[page] = id
            groups += components(cover)
        return versions, groups, edited

    def _changed(self, page: str, edit: Edit) -> list[Chunk]:
        text = self.texts[EDITED, page]
        chunks = self._chunked(EDITED, page, text[: edit.start] + edit.new + text[edit.end :])
        new = sorted({s for c in chunks for s in said(c)} - self.vectors.keys())
        if new:
            rows = self.embedder.embed(new, "passage", truncate="end")
            self.vectors.update(zip(new, rows, strict=True))
        return chunks

    def _version(self, id: int, language: str, page: str, each: Chunk) -> Version:
        borders = tuple(passage_sentences(each.text))
        rows = np.array([self.vectors[each.text[a:b]] for a, b in borders], np.float32)
        if len(rows):
            rows = self.neutral.passages(rows, [language] * len(rows))
        shape = len(borders), self.embedder.spec.dimensions
        name = f"{language}/{page}"
        return Version(id, name, language, each.text, borders, rows.reshape(shape))

    def _anchors(self, language: str, page: str, each: Chunk, edit: Edit | None) -> Iterator[str]:
        for anchor, start, end in self.sections[language, page]:
            if edit:
                by = len(edit.new) - (edit.end - edit.start)
                start += by * (start > edit.start)
                end += by * (end > edit.start)
            if start < each.end and each.start < end:
                yield anchor


def said(each: Chunk) -> list[str]:
    """The sentences of a chunk."""
    return [each.text[start:end] for start, end in passage_sentences(each.text)]


def components(cover: Mapping[int, set[str]]) -> list[list[int]]:
    """Passages that share sections, directly or through others."""
    found: list[tuple[set[str], list[int]]] = []
    for id, anchors in cover.items():
        near = [group for group in found if group[0] & anchors]
        found = [group for group in found if not group[0] & anchors]
        ids = [other for group in near for other in group[1]]
        found.append((anchors.union(*(group[0] for group in near)), [*ids, id]))
    return [sorted(ids) for _, ids in found]


def edits(texts: Mapping[str, str], seed: int) -> list[Edit]:
    """One paragraph in SHARE, one a page, the kinds in turn."""
    chance = random.Random(seed)
    pages = sorted(texts)
    chance.shuffle(pages)
    wanted = sum(len(text.split("\n\n")) for text in texts.values()) // SHARE
    found: list[Edit] = []
    for page in pages:
        for kind in sorted(KINDS, key=lambda kind: (_made(found, kind), KINDS.index(kind))):
            some = list(possible(texts[page], kind, _made(found, kind) % 2, chance))
            if some and len(found) < wanted:
                start, end, new = chance.choice(some)
                found.append(Edit(page, kind, start, end, new))
                break
    return found


def _made(found: Sequence[Edit], kind: str) -> int:
    return sum(edit.kind == kind for edit in found)


def possible(
    text: str, kind: str, turn: int, chance: random.Random
) -> Iterator[tuple[int, int, str]]:
    """Changes of this kind: start, end, and what stands there instead."""
    for at, part in prose(text):
        if kind == "number":
            for m in NUMBER.finditer(part):
                yield at + m.start(), at + m.end(), other_number(m[0], chance)
        elif kind == "code":
            for m in CODE.finditer(part):
                new = m[1][:-1] if turn and len(m[1]) > 3 else m[1] + "s"
                yield at + m.start(1), at + m.end(1), new
        elif kind == "link":
            for m in LINK.finditer(part):
                yield at + m.start(1), at + m.end(1), re.sub(r"(\w+)(\W*\w{0,4})$", r"\1-2\2", m[1])
        elif kind == "negation":
            yield from turned(at, part, turn)
        else:
            yield from removed(at, part, turn)


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs of Japanese prose with their offsets; no headings, code or tables."""
    fenced = False
    for m in re.finditer(r"(?:[^\n]+\n?)+", text):
        fence = m[0].count("```") % 2
        if not fenced and not fence and PROSE.search(m[0]) and m[0][0] not in "#|`<{/":
            yield m.start(), m[0]
        fenced ^= bool(fence)


def other_number(number: str, chance: random.Random) -> str:
    """As many digits, another value."""
    low = 10 ** (len(number) - 1) if len(number) > 1 else 2
    return str(chance.choice([n for n in range(low, min(low * 10, low + 90)) if n != int(number)]))


def turned(at: int, part: str, turn: int) -> Iterator[tuple[int, int, str]]:
    """Sentences that say the opposite: negated (turn 0), or no more negated (1)."""
    for m in re.finditer(r"(?=。)", part):
        before = part[: m.start()]
        for pair in NEGATED:
            old, new = pair if turn else pair[::-1]
            if before.endswith(old) and not NO_NEGATION.search(before[: -len(old)]):
                yield at + m.start() - len(old), at + m.start(), new
                break


def removed(at: int, part: str, turn: int) -> Iterator[tuple[int, int, str]]:
    """A sentence out of two or more (turn 0), an item of a list of two or more (1)."""
    if turn:
        lines = list(re.finditer(r"^[*-] .*\n|^\d+\. .*\n", part, re.M))
        yield from ((at + m.start(), at + m.end(), "") for m in lines if len(lines) > 1)
    elif len(sentences := list(SENTENCE.finditer(part))) > 1:
        yield from ((at + m.start(), at + m.end(), "") for m in sentences)


def digest(finding: Drift, names: Mapping[int, str]) -> str:
    """Of a finding, whatever the ids are."""
    told = f"{names[finding.one]} {finding.kind} {finding.detail}"
    return hashlib.sha256(told.encode()).hexdigest()[:6]


def measure(corpus: Corpus, seed: int, usual: set[str]) -> tuple[dict[str, Any], list[str]]:
    """Recall by kind, false findings and rank of one set of edits; and a line for each edit."""
    texts = {page: corpus.texts[EDITED, page] for page in corpus.pages}
    made = edits(texts, seed)
    versions, groups, edited = corpus.built(made)
    names = {version.id: version.document for version in versions}
    group_of = {id: at for at, group in enumerate(groups) for id in group}
    report = find_drift(versions, groups)
    fresh = [(at, f) for at, f in enumerate(report) if digest(f, names) not in usual]
    places: set[int] = set()

    def told_of(finding: Drift) -> set[str]:
        """Documents that a finding calls odd: of two versions nobody knows which is."""
        pair = len(corpus.languages) == 2
        return {names[finding.one], names[finding.other]} if pair else {names[finding.one]}

    found: dict[str, bool] = {}
    ranks, lines = [], []
    for edit in made:
        place = group_of.get(edited.get(edit.page, -1), -1)
        page = f"{EDITED}/{edit.page}"
        hits = [(at, f) for at, f in fresh if group_of[f.one] == place and page in told_of(f)]
        places.add(place)
        found[edit.page] = bool(hits)
        ranks += [at for at, _ in hits[:1]]
        told = hits[0][1] if hits else None
        old = texts[edit.page][max(0, edit.start - 20) : edit.end + 5].replace("\n", "/")
        lines.append(f"{edit.kind:8s} {edit.page} {old!r} -> {edit.new!r}: {told}")
    edited_pages = {f"{EDITED}/{edit.page}" for edit in made}
    false = [f for _, f in fresh if group_of[f.one] not in places or not told_of(f) & edited_pages]
    kinds = Counter(edit.kind for edit in made)
    hits_by = Counter(edit.kind for edit in made if found[edit.page])
    return {
        "edits": dict(kinds),
        "found": {kind: hits_by[kind] for kind in kinds},
        "false": len(false),
        "reported": len(report),
        "ranks": ranks,
    }, lines + [f"FALSE {names[f.one]} {f}" for f in false]


def natural(corpus: Corpus) -> tuple[list[dict[str, Any]], set[str], float]:
    """The findings on the unchanged pages with their verdicts, their digests, pairs a second."""
    versions, groups, _ = corpus.built([])
    names = {version.id: version.document for version in versions}
    started = time.perf_counter()
    report = find_drift(versions, groups)
    seconds = time.perf_counter() - started
    pairs = sum(_pairs([names[id] for id in group]) for group in groups)
    told = []
    for f in report:
        key = digest(f, names)
        verdict = "real" if key in REAL.split() else "false" if key in FALSE.split() else "unjudged"
        told.append(
            {
                "digest": key,
                "document": names[f.one],
                "kind": f.kind,
                "confidence": round(f.confidence, 3),
                "detail": f.detail,
                "verdict": verdict,
            }
        )
    return told, {row["digest"] for row in told}, pairs / seconds


def _pairs(documents: Sequence[str]) -> float:
    """Pairs of passages in different documents, each passage with one of each."""
    return len(documents) * (len(set(documents)) - 1) / 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="ja among them")
    parser.add_argument("--seeds", type=int, default=5, help="so many sets of edits")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--show", action="store_true", help="print findings and edits")
    chosen = parser.parse_args()
    languages = chosen.languages.split(",")
    corpus = Corpus(load(), data_directory(), languages)
    findings, usual, speed = natural(corpus)
    verdicts = Counter(row["verdict"] for row in findings)
    print(f"unchanged: {len(findings)} findings, {dict(verdicts)}; {speed:.0f} pairs/s")
    if chosen.show:
        print("\n".join(json.dumps(row, ensure_ascii=False) for row in findings))
    sets = []
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    for seed in seeds:
        figures, lines = measure(corpus, seed, usual)
        sets.append(figures)
        if chosen.show:
            print("\n".join(lines))
    figures = summary(sets, findings)
    print(json.dumps({name: figures[name] for name in figures if name != "natural"}, indent=1))
    settings = {"languages": languages, "seeds": [*seeds], "least": LEAST}
    figures["passage_pairs_per_second"] = round(speed)
    save_result("drift" if len(languages) > 2 else "drift-pair", settings, figures)


def summary(
    sets: Sequence[Mapping[str, Any]], findings: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Recall by kind and overall; precision of the whole report of one set, on average."""
    made: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for each in sets:
        made.update(each["edits"])
        found.update(each["found"])
    real = sum(row["verdict"] == "real" for row in findings)
    false = len(findings) - real + sum(each["false"] for each in sets) / len(sets)
    caught = sum(found.values()) / len(sets)
    ranks = [rank for each in sets for rank in each["ranks"]]
    return {
        "edits": dict(made),
        "recall_by_kind": {kind: round(found[kind] / made[kind], 3) for kind in made},
        "recall": round(sum(found.values()) / sum(made.values()), 3),
        "precision": round((caught + real) / (caught + real + false), 3),
        "precision_of_changes": round(
            sum(found.values()) / (sum(found.values()) + sum(each["false"] for each in sets)), 3
        ),
        "median_rank": float(np.median(ranks)) if ranks else None,
        "natural_by_kind": {
            kind: dict(Counter(row["verdict"] for row in findings if row["kind"] == kind))
            for kind in sorted({row["kind"] for row in findings})
        },
        "natural": list(findings),
    }


if __name__ == "__main__":
    main()
