"""Vectors of passages and of their sentences; what a collection knows is not embedded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from polyseek.engine.embeds import Embeds
from polyseek.store.reader import Reader
from polyseek.store.rows import chunk_key
from polyseek.types import Chunk

SLICE = 256
"""Passages at once, so that a document of any length takes little memory beside its own."""

Key = tuple[bytes, int]
"""A passage's key and its number of sentences."""
Told = Callable[[int, int, int], None]
"""More texts embedded, of how many texts, of how many passages."""


@dataclass(frozen=True, slots=True)
class Made:
    """Vectors of some passages, and of their sentences."""

    keys: Sequence[Key]
    """Of the n passages."""
    rows: np.ndarray
    """(n + all sentences, D) float32: the passages, then the sentences of each."""
    tokens: Sequence[int]
    """Of each passage with its sentences."""


class Vectors:
    """Those of some chunks, from the catalog where it has them."""

    def __init__(self, catalog: Reader, chunks: Iterable[Chunk]) -> None:
        self._texts = {key_of(chunk): chunk for chunk in chunks}
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

    def take(self, made: Made) -> None:
        """Vectors of passages, of which those that are missing are kept."""
        at = len(made.keys)
        for key, row, tokens in zip(made.keys, made.rows, made.tokens, strict=False):
            if key in self.missing and key not in self._passages:
                self._passages[key] = row
                self._sentences[key] = made.rows[at : at + key[1]]
                self.tokens += tokens
            at += key[1]

    def embed(self, embedder: Embeds, told: Told, instruction: str = "") -> None:
        """Make those that are missing. `instruction`: what passages are for, if they are told."""
        wanted = [each for key, each in self.missing.items() if key not in self._passages]
        for made in make(embedder, wanted, told, instruction):
            self.take(made)

    def of(self, chunks: Sequence[Chunk], dimensions: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """For these chunks: vectors (n, D) float32, and for each those of its sentences (s, D)."""
        keys = [key_of(chunk) for chunk in chunks]
        rows = [np.asarray(self._passages[key], np.float32) for key in keys]
        none = np.empty((0, dimensions), np.int8)
        stacked = np.stack(rows) if rows else np.empty((0, dimensions), np.float32)
        return stacked, [self._sentences.get(key, none) for key in keys]


def make(
    embedder: Embeds, chunks: Sequence[Chunk], told: Told, instruction: str = ""
) -> Iterator[Made]:
    """The vectors of these chunks, which are different texts, and of their sentences; a slice at a
    time."""
    work = sum(1 + len(each.sentences) for each in chunks)
    for first in range(0, len(chunks), SLICE):
        some = chunks[first : first + SLICE]
        said = [_sentences(each) for each in some]
        rows = embedder.embed(
            [*(each.embedded_text for each in some), *chain.from_iterable(said)],
            "passage",
            instruction=instruction,
            progress=lambda more: told(more, work, len(chunks)),
        )
        counts = iter(embedder.count([*chain.from_iterable(said)]))
        tokens = [
            each.tokens + sum(islice(counts, len(texts)))
            for each, texts in zip(some, said, strict=True)
        ]
        yield Made([key_of(each) for each in some], rows, tokens)


def key_of(chunk: Chunk) -> Key:
    """Equal for chunks that have the same vectors."""
    return chunk_key(chunk.embedded_text), len(chunk.sentences)


def _sentences(chunk: Chunk) -> list[str]:
    at = chunk.start
    return [chunk.text[start - at : end - at] for start, end in chunk.sentences]
