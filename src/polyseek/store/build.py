"""From the truth to a view: indexes, made a block at a time, or grown, or opened where they lie.

derived/<stamp>/  salt.txt                the recipe that prepared the rows
                  members.safetensors     which passages there are, and the sums for the means
                  vectors.faiss           prepared vectors, or codes that find candidates among them
                  rows.npy, ...           the prepared vectors, if the former are codes (rowfile.py)
                  moments.safetensors     how the prepared vectors of each language lie
                  directions.safetensors  where the documents lie
                  lexical/                words
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from polyseek.errors import StoreError
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.directions import Directions
from polyseek.store.faiss_index import FlatIndex
from polyseek.store.index import VectorIndex
from polyseek.store.lexical import LexicalIndex
from polyseek.store.members import Members
from polyseek.store.moments import Moments
from polyseek.store.quantised import TRAINING_ROWS, QuantisedIndex
from polyseek.store.reader import Reader
from polyseek.store.rowfile import ROWS_FILE, RowFile, share_rows, write_rows
from polyseek.store.view import Derive, Recipe, View, from_truth, prepared_blocks

SALT_FILE = "salt.txt"
MEMBERS_FILE = "members.safetensors"
VECTORS_FILE = "vectors.faiss"
LEXICAL_DIRECTORY = "lexical"
MOMENTS_FILE = "moments.safetensors"
DIRECTIONS_FILE = "directions.safetensors"

# From this many numbers on (42,000 vectors of 384; 64 MB), comparing a query with all of them
# takes longer than embedding it does, about 5 ms.
QUANTISED_FROM = 16_000_000


def build(catalog: Reader, derive: Derive, directory: Path | None) -> View:
    """Make the indexes of a pinned catalog; in the directory, or in memory if there is none."""
    members = Members.of(catalog)
    recipe = derive(members.sums)
    dimensions = catalog.dimensions or 0
    moments = Moments(dimensions)
    if len(members.ids) * dimensions < QUANTISED_FROM:
        index: VectorIndex = _flat(catalog, recipe, moments)
    else:
        index = _quantised(catalog, recipe, members, directory, moments)
    lexical = LexicalIndex.create(None if directory is None else directory / LEXICAL_DIRECTORY)
    _add_words(lexical, catalog, recipe)
    lexical.commit()
    directions = Directions.of(members, index.vectors, dimensions)
    view = View(catalog, recipe, members, index, lexical, moments, directions)
    if directory is not None:
        _save(view, directions, directory)
    return view


def load(catalog: Reader, derive: Derive, directory: Path) -> View:
    """Open what was made in a directory for the same pinned catalog; what was made with another
    recipe is a StoreError."""
    members = Members.load(directory / MEMBERS_FILE)
    recipe = derive(members.sums)
    if (directory / SALT_FILE).read_text("utf-8") != recipe.salt:
        raise StoreError(f"{directory} was made for another preparation of rows: build it anew")
    return View(
        catalog,
        recipe,
        members,
        _index(directory, _rowfile(directory)),
        LexicalIndex.open(directory / LEXICAL_DIRECTORY),
        Moments.load(directory / MOMENTS_FILE),
        Directions.load(directory / DIRECTIONS_FILE),
    )


def grow(catalog: Reader, derive: Derive, source: Path, directory: Path) -> View | None:
    """Make the indexes of a pinned catalog from those that lie in `source` for an earlier state of
    it; None if they have to be made anew.

    The means are held (members.py). What is found agrees with what indexes made anew from those
    means find, but for two things: which candidates a quantised index finds rests on the codes it
    began with, and words that were removed count in frequencies until tantivy merges.
    """
    before = Members.load(source / MEMBERS_FILE)
    members = before.grown(catalog)
    recipe = derive(members.sums)
    if not members.still_hold() or (source / SALT_FILE).read_text("utf-8") != recipe.salt:
        return None
    gone, last = before.without(members), int(before.ids[-1])
    rowfile = _rowfile(source)
    index, moments = _index(source, rowfile), Moments.load(source / MOMENTS_FILE)
    moments.remove(index.vectors(gone), before.languages[before.places(gone)].tolist())
    index.remove(gone)
    for ids, rows in _prepared(catalog, recipe, moments, after=last):
        index.add(ids, rows)
        if rowfile:
            rowfile.add(ids, rows)
    if rowfile:
        share_rows(source, directory)
        rowfile.save_added(directory)
    lexical = LexicalIndex.change(source / LEXICAL_DIRECTORY, directory / LEXICAL_DIRECTORY)
    lexical.remove(gone)
    _add_words(lexical, catalog, recipe, after=last)
    lexical.commit()
    directions = Directions.load(source / DIRECTIONS_FILE).grown(members, index.vectors)
    view = View(catalog, recipe, members, index, lexical, moments, directions)
    _save(view, directions, directory)
    return view


def _save(view: View, directions: Directions, directory: Path) -> None:
    """Write all but the words and the rows, which are there."""
    (directory / SALT_FILE).write_text(view.recipe.salt, "utf-8")
    view.members.save(directory / MEMBERS_FILE)
    view.index.save(directory / VECTORS_FILE)
    view.moments.save(directory / MOMENTS_FILE)
    directions.save(directory / DIRECTIONS_FILE)


def _rowfile(directory: Path) -> RowFile | None:
    return RowFile(directory) if (directory / ROWS_FILE).exists() else None


def _index(directory: Path, rowfile: RowFile | None) -> VectorIndex:
    path = directory / VECTORS_FILE
    return QuantisedIndex.load(path, rowfile) if rowfile else FlatIndex.load(path)


def _flat(catalog: Reader, recipe: Recipe, moments: Moments) -> FlatIndex:
    index = FlatIndex(catalog.dimensions or 1)  # FAISS has no index of 0 dimensions
    for ids, rows in _prepared(catalog, recipe, moments):
        index.add(ids, rows)
    return index


def _quantised(
    catalog: Reader, recipe: Recipe, members: Members, directory: Path | None, moments: Moments
) -> QuantisedIndex:
    fetch = from_truth(catalog, recipe, members)
    spread = np.linspace(0, len(members.ids) - 1, min(TRAINING_ROWS, len(members.ids)))
    training = fetch(members.ids[spread.astype(np.int64)])  # (t, D)
    index = QuantisedIndex(training.shape[1], fetch, training)

    def blocks() -> Iterator[Vectors]:
        for some, rows in _prepared(catalog, recipe, moments):
            index.add(some, rows)
            yield rows

    if directory is not None:
        write_rows(directory, members.ids, training.shape[1], blocks())
        index.fetch = RowFile(directory)
    else:
        for _ in blocks():
            pass
    return index


def _prepared(
    catalog: Reader, recipe: Recipe, moments: Moments, after: int = -1
) -> Iterator[tuple[Ids, Vectors]]:
    """Ids (n,) and the rows (n, D) float32 that are searched for them, a block at a time, which
    the moments are told of."""
    for ids, languages, rows in prepared_blocks(catalog, recipe, after):
        moments.add(rows, languages)
        yield ids, rows


def _add_words(lexical: LexicalIndex, catalog: Reader, recipe: Recipe, after: int = -1) -> None:
    for id, language, words, text in catalog.lexical_rows(after):
        lexical.add(id, language, recipe.segment(text) if words is None else words)
