"""A view: one state of the truth and the indexes made from exactly that state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from polyseek.closing import Closing
from polyseek.errors import StoreError
from polyseek.store.arrays import Ids, Names, Vectors
from polyseek.store.directions import Fetch
from polyseek.store.index import VectorIndex
from polyseek.store.legs import Wholes, Words
from polyseek.store.members import Members, Sums
from polyseek.store.moments import Moments
from polyseek.store.reader import Reader
from polyseek.store.rows import Row
from polyseek.store.sentences import Sentences


@dataclass(frozen=True, slots=True)
class Recipe:
    """How rows of the truth become rows of the indexes. Decided elsewhere."""

    prepare: Callable[[Vectors, Sequence[str]], Vectors]
    """Stored vectors (n, D) float32 and their n languages → the unit rows (n, D) float32 that are
    searched (the mean of the language subtracted, for instance)."""
    segment: Callable[[str], list[str]]
    """A passage → its words."""
    salt: str
    """Names both: other means or another segmenter, another salt."""


Derive = Callable[[Sums], Recipe]
"""Makes the recipe from the sums of a collection's vectors, so that means can be computed."""


@dataclass(frozen=True, slots=True)
class View(Closing):
    """What a search needs. It stays as it is, whatever is written, until it is closed."""

    catalog: Reader
    """Pinned to the state of this view."""
    recipe: Recipe
    members: Members
    index: VectorIndex
    lexical: Words
    moments: Moments
    directions: Wholes

    @property
    def ids(self) -> Ids:
        """(n,) int64, ascending."""
        return self.members.ids

    @property
    def languages(self) -> Names:
        """(n,) str, the language of each id."""
        return self.members.languages

    def present(self) -> list[str]:
        """The languages there are, sorted."""
        return self.moments.languages()  # to look at every passage takes milliseconds

    def allowed(self, languages: Sequence[str]) -> Ids:
        """Ids (m,) int64, ascending, of the chunks in these languages."""
        return self.ids[np.isin(self.languages, list(languages))]

    def nearest(
        self, queries: Vectors, k: int, languages: Sequence[str] | None = None
    ) -> tuple[Ids, Vectors]:
        """As VectorIndex.search, among the chunks in these languages; None: in any."""
        return self.index.search(queries, k, None if languages is None else self.allowed(languages))

    def rows(self, ids: Sequence[int] | Ids) -> list[Row]:
        """The chunks with these ids, in this order."""
        return self.catalog.rows(ids)

    def sentences(self, ids: Sequence[int] | Ids) -> Sentences:
        """The sentences of these chunks, with vectors prepared like the chunks' own rows."""
        found = self.catalog.sentences(ids)
        codes = self.languages[np.searchsorted(self.ids, found.owners)]  # (s,)
        return replace(found, vectors=self.recipe.prepare(found.vectors, codes.tolist()))

    def links(self, ids: Sequence[int] | Ids) -> dict[int, list[int]]:
        """Chunk → its versions in other languages, ascending; only chunks that have any."""
        return self.catalog.links_of(ids)

    def prepared(self, ids: Ids) -> Vectors:
        """The rows (n, D) float32 that are searched for these ids."""
        return self.index.vectors(ids)

    def close(self) -> None:
        """Let go of the state; searches fail afterwards."""
        self.catalog.close()


def prepared_blocks(
    catalog: Reader, recipe: Recipe, after: int = -1
) -> Iterator[tuple[Ids, list[str], Vectors]]:
    """Of the chunks with ids greater than `after` the ids (n,), languages (n) and the rows (n, D)
    float32 that are searched for them, a block at a time."""
    for ids, languages, vectors in catalog.blocks(after=after):
        rows = recipe.prepare(vectors.astype(np.float32), languages)  # (n, D)
        if rows.shape != vectors.shape or not np.isfinite(rows).all():
            raise StoreError(
                f"prepare made rows of shape {rows.shape} from {vectors.shape}, or not finite "
                "ones: it must give one finite unit row for each vector"
            )
        yield ids, languages, rows


def from_truth(catalog: Reader, recipe: Recipe, members: Members) -> Fetch:
    """A function from ids (m,) to the rows (m, D) float32 that should be searched for them."""

    def fetch(wanted: Ids) -> Vectors:
        codes = members.languages[members.places(wanted)]  # (m,)
        return recipe.prepare(catalog.vectors(wanted), codes.tolist())

    return fetch
