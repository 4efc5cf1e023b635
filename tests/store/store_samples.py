"""Small truths for the tests of the store: unit vectors, documents, a recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from polyseek.store.arrays import Vectors
from polyseek.store.catalog import Catalog
from polyseek.store.members import Sums
from polyseek.store.view import Recipe
from polyseek.types import Chunk, Document

DIMENSIONS = 16


def unit(count: int, dimensions: int = DIMENSIONS, seed: int = 0) -> Vectors:
    """(count, dimensions) float32 unit rows."""
    rows = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def clustered(count: int, dimensions: int, seed: int = 0) -> Vectors:
    """(count, dimensions) float32 unit rows around 50 centres."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((50, dimensions))
    rows = centres[random.integers(0, 50, count)]
    rows = rows + 0.5 * random.standard_normal((count, dimensions))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def chunks_of(texts: Sequence[str], languages: Sequence[str] = ("en", "zh")) -> list[Chunk]:
    """One chunk for each text, one after the other, languages in turn."""
    made: list[Chunk] = []
    start = 0
    for place, text in enumerate(texts):
        end = start + len(text)
        language = languages[place % len(languages)]
        line = place + 1
        made.append(Chunk(start, end, text, line, line, headings=("顶", "b"), language=language))
        start = end
    return made


def document(path: str, text: str = "") -> Document:
    """A document whose digest is that of its text."""
    return Document(
        path, text, title=f"About {path}", digest=hashlib.sha256(text.encode()).hexdigest()
    )


def put(catalog: Catalog, path: str, texts: Sequence[str], seed: int = 0) -> Vectors:
    """Put a document with one chunk a text; returns the vectors (n, D) float32 it was given."""
    vectors = unit(len(texts), seed=seed)
    with catalog.transaction():
        catalog.put(document(path, "".join(texts)), 100, chunks_of(texts), vectors)
        catalog.link([], [path])
    return vectors


def derive(sums: Sums) -> Recipe:
    """Centres with the mean of each language, as the real recipe does; splits words at spaces."""
    means = {language: total / count for language, (count, total) in sums.items()}

    def prepare(vectors: Vectors, languages: Sequence[str]) -> Vectors:
        centred = vectors - 0.5 * np.array([means[language] for language in languages])
        return np.asarray(
            centred / np.linalg.norm(centred, axis=1, keepdims=True), dtype=np.float32
        )

    return Recipe(prepare, str.split, "half the mean, spaces")
