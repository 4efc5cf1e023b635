"""What a view searches with, so that a leg may lie on this machine or on a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from polyseek.store.arrays import Ids, Vectors
from polyseek.store.index import VectorIndex


class Words(Protocol):
    """Passages by their words. See LexicalIndex, which says what is meant."""

    def search(
        self, words: Sequence[str], k: int, languages: Sequence[str] | None = None
    ) -> list[tuple[int, float]]:
        """The k passages with the highest BM25: (id, score), best first."""

    def document_frequency(self, word: str) -> int:
        """In how many passages this word occurs."""

    def __len__(self) -> int:
        """How many passages there are."""


class Wholes(Protocol):
    """What documents are about as a whole. See Directions."""

    def scores(self, query: Vectors, documents: Ids) -> Vectors:
        """Cosines (m,) float32 of query (D,) with these documents (m,); NaN for those of a single
        passage."""


class RemoteIndex(VectorIndex, Protocol):
    """A vector index on a server: it outlives whoever opened it, and knows languages."""

    stamp: str
    """Whatever was written here last; "" before. It lies with the index."""

    def add_rows(self, ids: Ids, vectors: Vectors, languages: Sequence[str]) -> None:
        """As `add`, with the language of each."""

    def search_in(self, queries: Vectors, k: int, languages: Sequence[str]) -> tuple[Ids, Vectors]:
        """As `search`, among the passages in these languages."""

    def settle(self) -> None:
        """After much was added: wait until it is found as well as the rest."""

    def ids(self) -> Ids:
        """All ids (n,) int64, ascending."""

    def drop(self) -> None:
        """Remove it from its server."""

    def close(self) -> None:
        """Let go of the connection."""
