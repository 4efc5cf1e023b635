"""From a vector for each token to one for the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from polyseek.engine.batch import pad
from polyseek.models.spec import Pooling

Floats = npt.NDArray[np.float32]
Hidden = Callable[[npt.NDArray[np.int64], Floats], Floats]
"""ids (B, T) and mask (B, T) of 0 and 1, padded on the right -> hidden states (B, T, D)."""


def pool_padded(hidden: Hidden, rows: Sequence[Sequence[int]], pad_id: int, how: Pooling) -> Floats:
    """Token ids of B texts -> (B, D), not normalised, by a model that takes them padded."""
    ids, mask = pad(rows, pad_id)
    return pool(hidden(ids, mask), mask, how)


def pool(hidden: Floats, mask: Floats, how: Pooling) -> Floats:
    """hidden (B, T, D), mask (B, T) of 0 and 1, padded on the right -> (B, D), not normalised.

    "mean" averages the tokens, "first" takes the first and "last" the last one that is no padding.
    """
    if how == "mean":
        pooled: Floats = np.einsum("btd,bt->bd", hidden, mask) / mask.sum(axis=1, keepdims=True)
    elif how == "first":
        pooled = hidden[:, 0]
    else:
        last = mask.sum(axis=1).astype(np.int64) - 1
        pooled = hidden[np.arange(len(hidden)), last]
    return pooled


def normalize(vectors: Floats) -> Floats:
    """Rows (n, D) scaled to length 1; a zero row stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return unit
