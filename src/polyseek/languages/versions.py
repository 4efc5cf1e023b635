"""Language versions: which passages of a collection are translations of each other.

In neutral space (neutral.py) a passage's translation is its nearest neighbour in the other
language, if it is there at all; where it is missing, something else is nearest. What tells them
apart, in the order in which it is asked here:

neighbours    the four nearest of each passage in each other language; a pair is mutual if each is
              the other's nearest
counterparts  pairs of documents that are each other's first choice, or namesakes
alignment     of such a pair in the order of reading, one to one or one to several
strength      of the pair: cosine * margin of its mutual cells, over the passages of the smaller
              document, times the agreement of all their marks; from ENOUGH on they are versions
links         the cells of the alignments of such documents

A passage that is a document of its own is the smallest case of the same rule.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polyseek.languages.agreement import Marked, marks
from polyseek.languages.alignment import align
from polyseek.languages.counterparts import Pair, candidates
from polyseek.languages.neighbours import Floats, Neighbours
from polyseek.languages.passages import Bools, Ints, Passage, Passages

__all__ = ["Link", "Passage", "find_links", "marks"]

Doubles = npt.NDArray[np.float64]

FLOOR = np.float32(0.2)
"""Cosine above which a cell is worth aligning. Precision and recall on FastAPI's documentation
(benchmarks/versions.py) with 0.15: 0.998, 0.984; this: 0.999, 0.980; 0.25: 1.000, 0.974."""
OTHER_DEPTH = np.float32(0.1)
"""Taken from the worth of a cell whose heading paths differ in length: 36 wrong links of 45,000
in place of 63."""
SAME_LANGUAGE = np.float32(-9.0)
OUTSTANDING = np.float32(1.5)
"""Margin above which a pair gains nothing more. Where passages are few, two on one subject stand
out from all others without saying the same: of 240 paragraphs in one language each, 22 to a
language, 7 % are linked without this limit and 1.7 with it; XQuAD-R finds 0.005 less."""
ENOUGH = 0.32
"""Strength from which on two documents are versions. Pages made from one template come closest:
"Response Headers" in one language and "Response Cookies" in another have 0.33, at most 0.39; no
limit keeps them apart and half-rewritten translations together. Where nothing is translated, the
share of FastAPI's passages linked in the worst of 100 draws is 1.7 % with 0.25, 1.3 with 0.28 and
0.3, 0.8 with this (0.9 in 600 draws), 0.6 with 0.34. Of XQuAD-R they find 0.98, 0.96, 0.94, 0.92
and 0.90; FastAPI's translations hardly notice (0.982 to 0.979)."""
NAMED = 2.5
"""Times as strong are documents whose names differ in the language only. It lets in what has been
half rewritten: of FastAPI's true versions of several passages 1 in 100 has a strength below 0.30
without it, of false candidates 1 in 100 one above."""


@dataclass(frozen=True, slots=True)
class Link:
    """Two passages in different languages that say the same; one < other."""

    one: int
    other: int
    cosine: float
    """In neutral space."""
    margin: float
    """The cosine over the mean of both sides' four nearest in the other's language, or of as many
    as there are."""
    evidence: tuple[str, ...]
    """Any of "mutual": each is the other's nearest; "document": other passages of their documents
    are linked too; "order": one next to both of them is; "marks": they share marks; "names":
    their documents' names differ in the language only."""


def find_links(
    passages: Sequence[Passage], vectors: Floats, fresh: Collection[str] | None = None
) -> list[Link]:
    """Links between passages of different languages, ordered by their ids.

    `vectors` (n, D) float32 are the unit rows of `passages`, centred per language
    (Neutral.passages). `fresh`: names of documents; only links with an end in one of these are
    looked for, at a cost of the fresh documents times the collection.
    """
    known = Passages(passages)
    near = Neighbours(known, vectors)
    new = known.fresh(fresh)
    if new.all():
        near.ask_all()
    else:
        near.ask(np.flatnonzero(new[known.document]), range(len(known.languages)))
    pairs, named = candidates(near, new)
    marked = Marked.of([passages[at].marks for at in known.given.tolist()])
    cells = _aligned(near, pairs)
    strength = _strength(cells, near, marked, pairs) * np.where(named, NAMED, 1.0)
    kept = cells.of(strength >= ENOUGH)
    return _links(kept, near, marked, named)


@dataclass(frozen=True, slots=True)
class _Cells:
    """k cells of alignments, by pair of documents and place."""

    pair: Ints
    """Number (k,) of the pair of documents."""
    one: Ints
    """Row (k,) of the passage in the pair's first document."""
    other: Ints
    cosine: Floats
    margin: Floats
    mutual: Bools
    adjacent: Bools
    """Whether the cell before or behind it is next to it in both documents."""

    def of(self, chosen: Bools) -> _Cells:
        """The cells of the chosen pairs."""
        at = chosen[self.pair]
        return _Cells(
            self.pair[at],
            self.one[at],
            self.other[at],
            self.cosine[at],
            self.margin[at],
            self.mutual[at],
            self.adjacent[at],
        )


def _aligned(near: Neighbours, pairs: Sequence[Pair]) -> _Cells:
    passages = near.passages
    chains = align([_worths(near, a, b) for a, b in pairs])
    pair = np.repeat(np.arange(len(pairs)), [len(chain) for chain in chains])
    places = np.concatenate([np.zeros((0, 2), np.int64), *chains])
    heads = passages.heads[np.array(pairs, np.int64).reshape(-1, 2)[pair]]
    rows = passages.reading[heads + places]
    cosine = near.cosines(rows[:, 0], rows[:, 1])
    step = np.abs(np.diff(places, axis=0)).max(axis=1) <= 1
    step &= np.diff(pair) == 0
    edge = np.zeros(1, bool)
    return _Cells(
        pair,
        rows[:, 0],
        rows[:, 1],
        cosine,
        near.margins(rows[:, 0], rows[:, 1], cosine),
        near.mutual(rows[:, 0], rows[:, 1]),
        (np.concatenate([edge, step]) | np.concatenate([step, edge]))[: len(pair)],
    )


def _worths(near: Neighbours, a: int, b: int) -> Floats:
    """What it is worth (n, m) to align each passage of document a with each one of b."""
    one, other = near.passages.rows_of(a), near.passages.rows_of(b)
    worth = near.vectors(one) @ near.vectors(other).T - FLOOR
    language, depth = near.passages.language, near.passages.depth
    worth -= OTHER_DEPTH * (depth[one][:, None] != depth[other])
    worth[language[one][:, None] == language[other]] = SAME_LANGUAGE
    return worth


def _strength(cells: _Cells, near: Neighbours, marked: Marked, pairs: Sequence[Pair]) -> Doubles:
    """Of each pair of documents; see above."""
    passages = near.passages
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    worth = cells.cosine * np.minimum(cells.margin, OUTSTANDING) * cells.mutual
    total = np.bincount(cells.pair, worth, minlength=len(pairs))
    smaller = np.minimum(passages.sizes[one], passages.sizes[other])
    met = np.unique([one, other])
    rows = np.concatenate([passages.reading[:0], *(passages.rows_of(at) for at in met.tolist())])
    whole = marked.united(rows, passages.document[rows], len(passages.documents))
    strength: Doubles = total / smaller * whole.agreement(one, other)
    return strength


def _links(cells: _Cells, near: Neighbours, marked: Marked, named: Bools) -> list[Link]:
    ids = near.passages.ids
    seen = {
        "mutual": cells.mutual,
        "document": np.bincount(cells.pair, minlength=len(named))[cells.pair] > 1,
        "order": cells.adjacent,
        "marks": marked.shared(cells.one, cells.other) > 0,
        "names": named[cells.pair],
    }
    kinds = [
        tuple(kind for kind, true in zip(seen, row, strict=True) if true)
        for row in zip(*(flags.tolist() for flags in seen.values()), strict=True)
    ]
    columns = (
        np.minimum(ids[cells.one], ids[cells.other]),
        np.maximum(ids[cells.one], ids[cells.other]),
    )
    found = zip(
        columns[0].tolist(),
        columns[1].tolist(),
        cells.cosine.tolist(),
        cells.margin.tolist(),
        kinds,
        strict=True,
    )
    return sorted((Link(*each) for each in found), key=lambda link: (link.one, link.other))
