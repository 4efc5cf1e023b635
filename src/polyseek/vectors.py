"""Vectors of passages and of their sentences; what a collection knows is not embedded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from polyseek.engine.embeds import Embeds
from polyseek.store.catalog import Catalog, chunk_key
from polyseek.types import Chunk

SLICE = 256
"""Passages at once, so that a document of any length takes little memory beside its own."""

Key = tuple[bytes, int]
"""A passage's key and its number of sentences."""
Told = Callable[[int, int, int], None]
"""More texts embedded, of how many texts, of how many passages."""


class Vectors:
    """Those of some chunks, from the catalog where it has them."""

    def __init__(self, catalog: Catalog, chunks: Iterable[Chunk]) -> None:
        self._texts = {_key(chunk): chunk for chunk in chunks}
        keys = [key for key, _ in self._texts]
        self._sentences: dict[Key, np.ndarray] = {
            (key, len(rows)): rows for key, rows in catalog.sentences_by_key(keys).items()
        }
        known = catalog.vectors_by_key(keys)
        self._passages: dict[Key, np.ndarray] = {
            key: known[key[0]]
            for key in self._texts
            if key[0] in known and (key in self._sentences or not key[1])
        }
        self.missing = {key: each for key, each in self._texts.items() if key not in self._passages}
        self.tokens = 0
        """Of all texts that were embedded, sentences included."""

    def embed(self, embedder: Embeds, told: Told, instruction: str = "") -> None:
        """Make those that are missing. `instruction`: what passages are for, if they are told."""
        keys = list(self.missing)
        work = sum(1 + len(each.sentences) for each in self.missing.values())
        for first in range(0, len(keys), SLICE):
            some = keys[first : first + SLICE]
            said = [sentence for key in some for sentence in _sentences(self.missing[key])]
            rows = embedder.embed(
                [*(self.missing[key].embedded_text for key in some), *said],
                "passage",
                instruction=instruction,
                progress=lambda more: told(more, work, len(keys)),
            )
            self._passages.update(zip(some, rows, strict=False))
            at = len(some)
            for key in some:
                self._sentences[key] = rows[at : at + key[1]]
                at += key[1]
            self.tokens += sum(self.missing[key].tokens for key in some)
            self.tokens += sum(embedder.count(said))

    def of(self, chunks: Sequence[Chunk], dimensions: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """For these chunks: vectors (n, D) float32, and for each those of its sentences (s, D)."""
        keys = [_key(chunk) for chunk in chunks]
        rows = [np.asarray(self._passages[key], np.float32) for key in keys]
        none = np.empty((0, dimensions), np.int8)
        stacked = np.stack(rows) if rows else np.empty((0, dimensions), np.float32)
        return stacked, [self._sentences.get(key, none) for key in keys]


def _key(chunk: Chunk) -> Key:
    return chunk_key(chunk.embedded_text), len(chunk.sentences)


def _sentences(chunk: Chunk) -> list[str]:
    at = chunk.start
    return [chunk.text[start - at : end - at] for start, end in chunk.sentences]
