"""What a collection lacks in a language, and what its language versions no longer agree on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polyseek.chunking import passage_sentences
from polyseek.errors import StoreError
from polyseek.languages.drift import Version, find_drift
from polyseek.meter import Progress, Watch
from polyseek.store.arrays import Sum
from polyseek.store.links import told_pending
from polyseek.store.reader import Reader
from polyseek.store.rows import Row
from polyseek.store.sums import sums_of

Floats = npt.NDArray[np.float32]
Prepare = Callable[[Floats, Sequence[str]], Floats]
"""Vectors (n, D) float32 and their n languages -> rows (n, D) in neutral space."""
Centre = Callable[[dict[str, tuple[int, Sum]]], Prepare]
"""Sums of vectors by language, as in store.sums -> what takes their means away."""

READ = 0.2
"""Share of the comparison's time that it takes to read the sentences, about."""
PRESENT = 0.05
"""A language is expected everywhere if at least this share of the passages is in it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A passage, for a reader."""

    path: str
    language: str
    line_start: int
    line_end: int
    headings: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Lacking:
    """A passage and its versions, which have none in some languages."""

    places: tuple[Place, ...]
    """In the order of paths and lines."""
    languages: tuple[str, ...]
    """Those that a version is missing in, of the ones that the documents have otherwise."""


@dataclass(frozen=True, slots=True)
class Drifted:
    """`one` says something else than its versions, of which `other` is one."""

    one: Place
    other: Place
    kind: str
    """"number", "link", "code", "meaning", "missing" or "negation"."""
    confidence: float
    """From 0 to 1; an order, no probability."""
    detail: str


@dataclass(frozen=True, slots=True)
class VersionsReport:
    """How complete a collection is in its languages."""

    languages: tuple[str, ...]
    """Those that every passage is expected in."""
    groups: Mapping[str, int]
    """Languages, such as "en ja zh" -> how many passages have versions in just these; empty if
    there is no passage."""
    documents: Mapping[str, tuple[str, ...]]
    """Document -> the languages that none of its passages has a version in."""
    passages: Sequence[Lacking]
    """Passages without a version in languages that their document has, each told once with the
    versions that it has."""
    drifted: Sequence[Drifted]
    """Surest first."""

    @property
    def complete(self) -> bool:
        """Whether there is something, and nothing of it is missing or has drifted."""
        return bool(self.groups) and not (self.documents or self.passages or self.drifted)


def review(
    catalog: Reader, centre: Centre, languages: Sequence[str], watch: Watch | None = None
) -> VersionsReport:
    """The report on a pinned catalog, for these languages; for all that matter if there are none.

    `centre` is for the sentences: they are compared in a neutral space of their own. `watch` is
    told how far the comparison is, which takes the time.

    Raises:
        StoreError: the versions of some documents have not been looked for.
    """
    if waiting := catalog.pending():
        raise StoreError(told_pending(waiting))
    ids, named = catalog.languages()
    language = dict(zip(ids.tolist(), named.tolist(), strict=True))
    expected = tuple(sorted(set(languages))) or _matter(language.values())
    links = catalog.links_of(ids)
    groups = _groups(links)
    rows = {row.id: row for row in catalog.rows(ids)}
    has = _spoken(groups, language)
    documents: dict[str, set[str]] = defaultdict(set)
    for id, row in rows.items():
        documents[row.path] |= has[id]
    alone = {
        path: tuple(x for x in expected if x not in spoken) for path, spoken in documents.items()
    }
    whole = _with_single(groups, language)
    return VersionsReport(
        expected,
        _sets(whole, language, expected),
        {path: lacking for path, lacking in sorted(alone.items()) if lacking},
        list(_lacking(whole, rows, has, documents, expected)),
        _drifted(catalog, centre, rows, groups, watch),
    )


def _lacking(
    groups: Sequence[Sequence[int]],
    rows: Mapping[int, Row],
    has: Mapping[int, set[str]],
    documents: Mapping[str, set[str]],
    expected: Sequence[str],
) -> Iterator[Lacking]:
    """In the order of their first places."""
    found = []
    for group in groups:
        wanted = set().union(*(documents[rows[id].path] for id in group)) - has[group[0]]
        if languages := tuple(x for x in expected if x in wanted):
            places = sorted((_place(rows[id]) for id in group), key=_order)
            found.append(Lacking(tuple(places), languages))
    yield from sorted(found, key=lambda each: _order(each.places[0]))


def _order(place: Place) -> tuple[str, int]:
    return place.path, place.line_start


def _with_single(groups: Sequence[Sequence[int]], ids: Iterable[int]) -> list[Sequence[int]]:
    """The groups, and each passage without a version as one of its own."""
    linked = {id for group in groups for id in group}
    return [*groups, *([id] for id in ids if id not in linked)]


def _spoken(groups: Sequence[Sequence[int]], language: Mapping[int, str]) -> dict[int, set[str]]:
    """Passage -> the languages that it or a version of it is in."""
    has = {id: {language[id]} for id in language}
    for group in groups:
        spoken = {language[id] for id in group}
        has |= {id: spoken for id in group}
    return has


def _matter(languages: Iterable[str]) -> tuple[str, ...]:
    counts = Counter(languages)
    least = PRESENT * counts.total()
    return tuple(sorted(name for name, count in counts.items() if name and count >= least))


def _sets(
    groups: Sequence[Sequence[int]], language: Mapping[int, str], expected: Sequence[str]
) -> dict[str, int]:
    """How many groups there are of each set of the languages; most complete first."""
    counts = Counter(
        " ".join(sorted({language[id] for id in group} & set(expected))) for group in groups
    )
    return dict(sorted(counts.items(), key=lambda item: (-len(item[0].split()), -item[1], item[0])))


def _groups(links: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The passages that links hold together, each group and all groups in the order of ids."""
    groups: list[list[int]] = []
    seen: set[int] = set()
    for first in sorted(links):
        if first in seen:
            continue
        seen.add(first)
        group, at = [first], 0
        while at < len(group):
            new = [other for other in links.get(group[at], ()) if other not in seen]
            seen.update(new)
            group += new
            at += 1
        groups.append(sorted(group))
    return groups


def _drifted(
    catalog: Reader,
    centre: Centre,
    rows: Mapping[int, Row],
    groups: Sequence[Sequence[int]],
    watch: Watch | None,
) -> list[Drifted]:
    def told(share: float) -> None:
        if watch:
            watch(Progress(files, files, 0, share, "comparing versions"))

    files = len({row.path for row in rows.values()})
    told(0.0)
    versions = _versions(catalog, centre, rows)
    told(READ)
    found = find_drift(versions, groups, watch=lambda share: told(READ + (1 - READ) * share))
    return [
        Drifted(
            _place(rows[each.one]),
            _place(rows[each.other]),
            each.kind,
            each.confidence,
            each.detail,
        )
        for each in found
    ]


def _versions(catalog: Reader, centre: Centre, rows: Mapping[int, Row]) -> list[Version]:
    """Every passage with its sentences, those of a document in its order. A passage of one
    sentence has the passage's own vector for it."""
    ids = sorted(rows)  # a document's ids follow each other
    said = catalog.sentences(ids)
    codes = [rows[int(id)].chunk.language for id in said.owners]
    # A language without any passage of several sentences has its passages' own.
    prepare = centre(catalog.language_sums() | sums_of([(codes, said.vectors)]))
    vectors = prepare(said.vectors, codes)
    starts = np.searchsorted(said.owners, ids)
    ends = np.searchsorted(said.owners, ids, side="right")
    borders, own = {}, {}
    for id, start, end in zip(ids, starts.tolist(), ends.tolist(), strict=True):
        borders[id], own[id] = said.borders[start:end].tolist(), vectors[start:end]
        if start == end:
            borders[id] = passage_sentences(rows[id].chunk.text)
    single = [id for id in ids if len(borders[id]) == 1 and not len(own[id])]
    alone = prepare(catalog.vectors(single), [rows[id].chunk.language for id in single])
    own |= dict(zip(single, alone[:, None], strict=True))
    return [_version(rows[id], borders[id], own[id]) for id in ids]


def _version(row: Row, borders: Sequence[Sequence[int]], vectors: Floats) -> Version:
    chunk = row.chunk
    known = tuple((start, end) for start, end in borders[: len(vectors)])
    return Version(row.id, row.path, chunk.language, chunk.text, known, vectors)


def _place(row: Row) -> Place:
    chunk = row.chunk
    return Place(
        row.path, chunk.language, chunk.line_start, chunk.line_end, chunk.headings, chunk.text
    )
