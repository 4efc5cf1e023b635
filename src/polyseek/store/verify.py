"""Proof that a collection is whole: the truth agrees with itself, and what is derived with it.

Nothing here trusts what it checks: sums are added up again, keys are hashed again, and the scores
that the index gives are compared with those that the stored vectors give.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from polyseek.store import derived
from polyseek.store.build import VECTORS_FILE, load
from polyseek.store.faiss_index import ids_in
from polyseek.store.members import Members
from polyseek.store.reader import Reader
from polyseek.store.rows import UNIT_TOLERANCE, chunk_key
from polyseek.store.sums import sums_of
from polyseek.store.view import Derive, View, from_truth

SAMPLES = 64
NEIGHBOURS = 10
SCORE_TOLERANCE = 1e-5


def problems_of(catalog: Reader, derive: Derive, root: Path) -> list[str]:
    """Everything that is wrong with a pinned catalog and with what is derived from it under root,
    a sentence each. Later checks rest on earlier ones, so the first kind that fails ends it."""
    return truth_problems(catalog) or list(_derived(catalog, derive, root))


def truth_problems(catalog: Reader) -> list[str]:
    """What is wrong with a pinned catalog by itself."""
    return catalog.damage() or [*_vectors(catalog), *_sums(catalog), *_keys(catalog)]


def _vectors(catalog: Reader) -> Iterator[str]:
    for ids, _, vectors in catalog.blocks():
        norms = np.linalg.norm(vectors.astype(np.float32), axis=1)  # (n,)
        # Negated, so that a NaN counts as bad.
        for place in np.flatnonzero(~(np.abs(norms - 1) <= UNIT_TOLERANCE)):
            yield f"the vector of chunk {ids[place]} has norm {norms[place]}, wanted 1"


def _sums(catalog: Reader) -> Iterator[str]:
    stored = catalog.language_sums()
    computed = sums_of((languages, vectors) for _, languages, vectors in catalog.blocks())
    for language in sorted(set(stored) | set(computed)):
        count, total = stored.get(language, (0, np.zeros(1)))
        wanted, exact = computed.get(language, (0, np.zeros(1)))
        if count != wanted or not np.array_equal(total, exact):
            yield f"the sum of language {language!r} is not that of its {wanted} vectors"


def _keys(catalog: Reader) -> Iterator[str]:
    for id, key, chunk in catalog.chunks():
        if key != chunk_key(chunk.embedded_text):
            yield f"the key of chunk {id} is not that of its text"


def _derived(catalog: Reader, derive: Derive, root: Path) -> Iterator[str]:
    stamp = derived.stamp_of(catalog)
    directory = root / stamp
    if not directory.exists():
        if catalog.dimensions is not None:
            yield (
                "its indexes are not made for what it holds now, as after a run that was stopped; "
                "`polyseek index` or the next search makes them"
            )
        return
    faults = derived.faults(directory, stamp)
    if faults:
        yield from faults
        return
    view = load(catalog, derive, directory)
    now = Members.of(catalog)
    if not (
        np.array_equal(np.sort(ids_in(directory / VECTORS_FILE)), now.ids)
        and np.array_equal(view.ids, now.ids)
        and np.array_equal(view.languages, now.languages)
        and np.array_equal(view.members.documents, now.documents)
    ):
        yield f"{directory} holds other passages than the catalog"
        return
    if len(view.lexical) != len(view.ids):
        yield f"the lexical index holds {len(view.lexical)} passages, wanted {len(view.ids)}"
    yield from sample_problems(view)


def sample_problems(view: View) -> Iterator[str]:
    """Search for some stored vectors: each must find itself, with the score the truth gives."""
    if not len(view.ids):
        return
    chosen = np.random.default_rng(0).permutation(len(view.ids))[:SAMPLES]
    ids = view.ids[chosen]  # (n,)
    rows = from_truth(view.catalog, view.recipe, view.members)(ids)  # (n, D)
    truth = (rows.astype(np.float64) ** 2).sum(axis=1)  # (n,)
    found, scores = view.nearest(rows, NEIGHBOURS)  # (n, k)
    for id, wanted, near, values in zip(ids, truth, found, scores, strict=True):
        if id in near:
            score = values[near == id][0]
            if abs(score - wanted) > SCORE_TOLERANCE:
                yield f"the index gives chunk {id} the score {score}, wanted {wanted}"
        elif values[-1] < wanted - SCORE_TOLERANCE:
            # Otherwise so many others are equal to it that they filled the result.
            yield f"the index does not find chunk {id} by its own vector"
