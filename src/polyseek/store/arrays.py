"""The arrays that travel through the store, named once."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ids: TypeAlias = npt.NDArray[np.int64]
"""(n,) int64: chunk ids. -1 pads search results."""

Vectors: TypeAlias = npt.NDArray[np.float32]
"""(n, D) float32."""

Halves: TypeAlias = npt.NDArray[np.float16]
"""(n, D) float16: vectors as they lie on disk, little-endian."""

Bytes: TypeAlias = npt.NDArray[np.int8]
"""(n, D) int8: directions; a vector is its row scaled to length 1."""

Borders: TypeAlias = npt.NDArray[np.int32]
"""(n, 2) int32: start and end of sentences in their chunk's text."""

Sum: TypeAlias = npt.NDArray[np.float64]
"""(D,) float64: the exact sum of stored vectors of one language."""

Names: TypeAlias = npt.NDArray[np.str_]
"""(n,) str: language codes, aligned with Ids."""

HALF = np.dtype("<f2")
DOUBLE = np.dtype("<f8")
