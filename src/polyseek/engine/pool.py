"""From a vector for each token to one for the text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from polyseek.models.spec import Pooling

Floats = npt.NDArray[np.float32]


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
