"""How much of what a question asks for a passage has, word by word: BM25 on a fixed scale."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from polyseek.store.legs import Words

K1 = 1.2
"""tantivy's term saturation; a term adds at most idf * (K1 + 1)."""


def coverage(
    index: Words, terms: Sequence[str], k: int, languages: Sequence[str] | None
) -> dict[int, float]:
    """The `k` passages with most of the terms: id -> BM25 over the highest BM25 there could be.

    So 0 is nothing and 1 everything, whatever the question's length and rarity. Only passages in
    `languages`; None for all.
    """
    distinct = list(dict.fromkeys(terms))
    ideal = (K1 + 1) * sum(_idf(index, term) for term in distinct)
    if not ideal or (languages is not None and not languages):
        return {}
    return {id: score / ideal for id, score in index.search(distinct, k, languages)}


def _idf(index: Words, term: str) -> float:
    """ln(1 + (N - n + 1/2) / (n + 1/2)), n of N passages having the term; as tantivy weighs it."""
    frequency = index.document_frequency(term)
    return log(1 + (len(index) - frequency + 0.5) / (frequency + 0.5))
