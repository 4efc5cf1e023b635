"""From the truth to a view: both indexes, made a block at a time, or opened where they lie.

derived/<stamp>/vectors.faiss  prepared vectors, or codes that find candidates among them
                rows.npy       the prepared vectors (n, D) float32, if the former are codes
                moments.safetensors  how the prepared vectors of each language lie
                lexical/       words
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from polyseek.errors import StoreError
from polyseek.store.arrays import Ids, Names, Vectors
from polyseek.store.faiss_index import FlatIndex
from polyseek.store.index import VectorIndex
from polyseek.store.lexical import LexicalIndex
from polyseek.store.moments import Moments
from polyseek.store.quantised import TRAINING_ROWS, QuantisedIndex
from polyseek.store.reader import Reader
from polyseek.store.rowfile import map_rows, write_rows
from polyseek.store.view import Recipe, View, fetcher

VECTORS_FILE = "vectors.faiss"
ROWS_FILE = "rows.npy"
LEXICAL_DIRECTORY = "lexical"
MOMENTS_FILE = "moments.safetensors"

# From this many numbers on (42,000 vectors of 384; 64 MB), comparing a query with all of them
# takes longer than embedding it does, about 5 ms.
QUANTISED_FROM = 16_000_000


def build(catalog: Reader, recipe: Recipe, directory: Path | None) -> View:
    """Make both indexes from a pinned catalog; in the directory, or in memory if there is none."""
    ids, languages = catalog.languages()
    moments = Moments(catalog.dimensions or 0)
    if len(ids) * (catalog.dimensions or 0) < QUANTISED_FROM:
        index: VectorIndex = _flat(catalog, recipe, moments)
    else:
        index = _quantised(catalog, recipe, (ids, languages), directory, moments)
    lexical = LexicalIndex.create(None if directory is None else directory / LEXICAL_DIRECTORY)
    for id, language, words, text in catalog.lexical_rows():
        lexical.add(id, language, recipe.segment(text) if words is None else words)
    lexical.commit()
    if directory is not None:
        index.save(directory / VECTORS_FILE)
        moments.save(directory / MOMENTS_FILE)
    return View(catalog, recipe, catalog.generation, ids, languages, index, lexical, moments)


def load(catalog: Reader, recipe: Recipe, directory: Path) -> View:
    """Open what `build` made in a directory for the same pinned catalog and recipe."""
    ids, languages = catalog.languages()
    if (directory / ROWS_FILE).exists():
        fetch = map_rows(directory / ROWS_FILE, ids)
        index: VectorIndex = QuantisedIndex.load(directory / VECTORS_FILE, fetch)
    else:
        index = FlatIndex.load(directory / VECTORS_FILE)
    lexical = LexicalIndex.open(directory / LEXICAL_DIRECTORY)
    moments = Moments.load(directory / MOMENTS_FILE)
    return View(catalog, recipe, catalog.generation, ids, languages, index, lexical, moments)


def _flat(catalog: Reader, recipe: Recipe, moments: Moments) -> FlatIndex:
    index = FlatIndex(catalog.dimensions or 1)  # FAISS has no index of 0 dimensions
    for ids, rows in _prepared(catalog, recipe, moments):
        index.add(ids, rows)
    return index


def _quantised(
    catalog: Reader,
    recipe: Recipe,
    named: tuple[Ids, Names],
    directory: Path | None,
    moments: Moments,
) -> QuantisedIndex:
    ids, languages = named
    from_truth = fetcher(catalog, recipe, ids, languages)
    spread = np.linspace(0, len(ids) - 1, min(TRAINING_ROWS, len(ids))).astype(np.int64)
    training = from_truth(ids[spread])  # (t, D)
    index = QuantisedIndex(training.shape[1], from_truth, training)

    def blocks() -> Iterator[Vectors]:
        for some, rows in _prepared(catalog, recipe, moments):
            index.add(some, rows)
            yield rows

    if directory is not None:
        write_rows(directory / ROWS_FILE, len(ids), training.shape[1], blocks())
    else:
        for _ in blocks():
            pass
    return index


def _prepared(catalog: Reader, recipe: Recipe, moments: Moments) -> Iterator[tuple[Ids, Vectors]]:
    """Ids (n,) and the rows (n, D) float32 that are searched for them, a block at a time, which
    the moments are told of."""
    for ids, languages, vectors in catalog.blocks():
        rows = recipe.prepare(vectors.astype(np.float32), languages)  # (n, D)
        if rows.shape != vectors.shape or not np.isfinite(rows).all():
            raise StoreError(
                f"prepare made rows of shape {rows.shape} from {vectors.shape}, or not finite "
                "ones: it must give one finite unit row for each vector"
            )
        moments.add(rows, languages)
        yield ids, rows
