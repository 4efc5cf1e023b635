"""Which documents may be versions of each other: by the votes of their passages, by their names."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import combinations

import numpy as np

from polyseek.languages.nearest import NOBODY
from polyseek.languages.neighbours import Neighbours
from polyseek.languages.passages import Bools, Passages

Pair = tuple[int, int]
"""Numbers of two documents, ascending."""

SEPARATOR = re.compile(r"[/._-]+")


def candidates(near: Neighbours, fresh: Bools) -> tuple[list[Pair], Bools]:
    """Pairs of documents with at least one fresh end, sorted, and for each whether its names say
    so: namesakes, and documents that are each other's first choice.

    The neighbours of fresh documents are known; those of the documents they choose are found here.
    """
    passages = near.passages
    named = {pair for pair in namesakes(passages) if fresh[pair[0]] or fresh[pair[1]]}
    first = choices(near)
    if not fresh.all():
        met = {b for a, b in first if fresh[a]} | {at for pair in named for at in pair}
        rows = [passages.rows_of(at) for at in sorted(met)]
        spoken = np.unique(passages.language[fresh[passages.document]]).tolist()
        near.ask(np.concatenate(rows) if rows else passages.reading[:0], spoken)
        first = choices(near)
    chosen = {(a, b) for a, b in first if a < b and (b, a) in first and (fresh[a] or fresh[b])}
    pairs = sorted(chosen | named)
    return pairs, np.array([pair in named for pair in pairs], bool)


def choices(near: Neighbours) -> set[Pair]:
    """(document, other document) where the other is its first choice in some language.

    Each passage whose neighbours are known votes, in every language, for the documents that they
    are from, once for each, with the cosine of the nearest.
    """
    passages = near.passages
    n, spoken = len(passages.documents), len(passages.languages)
    row, language, rank = np.nonzero(near.near != NOBODY)
    chosen = passages.document[near.near[row, language, rank]]
    _, once = np.unique((row * spoken + language) * n + chosen, return_index=True)
    once = once[passages.document[row[once]] != chosen[once]]
    row, language, rank, chosen = row[once], language[once], rank[once], chosen[once]
    polls, poll = np.unique(
        (passages.document[row] * spoken + language) * n + chosen, return_inverse=True
    )
    votes = np.bincount(poll, near.cosine[row, language, rank], minlength=len(polls))
    voter, chosen = np.divmod(polls, max(1, n))
    order = np.lexsort((chosen, -votes, voter))
    _, best = np.unique(voter[order], return_index=True)
    best = order[best]
    return set(zip((voter[best] // max(1, spoken)).tolist(), chosen[best].tolist(), strict=True))


def namesakes(passages: Passages) -> set[Pair]:
    """Documents whose names differ in the language only, such as "zh/x.md" and "x.ja.md".

    A name that several documents of one language come to says nothing.
    """
    found: dict[tuple[str, ...], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, language in enumerate(passages.main_language().tolist()):
        stem = neutral_name(passages.documents[at], passages.languages[language])
        found[stem][language].append(at)
    pairs: set[Pair] = set()
    for spoken in found.values():
        alone = sorted(each[0] for each in spoken.values() if len(each) == 1)
        pairs.update(combinations(alone, 2))
    return pairs


def neutral_name(name: str, language: str) -> tuple[str, ...]:
    """The parts of a document's name without its own language: "docs/pt-BR/x.md" -> docs, x, md."""
    region = r"(?:[-_](?:hans|hant|[a-z]{2}))?"
    code = rf"(?:^|(?<=[/._-])){re.escape(language)}{region}(?=[/._-]|$)"
    bare = re.sub(code, "", name.lower()) if language else name.lower()
    return tuple(part for part in SEPARATOR.split(bare) if part)
