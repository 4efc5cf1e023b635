"""Between nouns and SQLite rows: keys, encodings, and the two records the catalog gives out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyseek.errors import BadInput
from polyseek.store.arrays import HALF, Halves
from polyseek.types import Chunk

KEY_BYTES = 16
UNIT_TOLERANCE = 1e-2


@dataclass(frozen=True, slots=True)
class Row:
    """One stored chunk with what a hit says about its document."""

    id: int
    path: str
    title: str
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Statistics:
    """How much a collection holds."""

    documents: int
    chunks: int
    languages: Mapping[str, int]
    """Chunks per language code; "" where the language could not be told."""
    source_bytes: int
    """Bytes of the indexed files."""
    stored_bytes: int
    """Bytes of catalog.sqlite."""


def chunk_key(text: str) -> bytes:
    """16 bytes that name an embedded text: the same text has the same vector.

    A lone surrogate cannot be encoded strictly, and the key need not lead back to the text.
    """
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


CHUNK_COLUMNS = 'language, start, "end", line_start, line_end, tokens, key, headings, context, text'


def chunk_values(chunk: Chunk) -> tuple[str, int, int, int, int, int, bytes, str, str, str]:
    """The values of CHUNK_COLUMNS."""
    headings = json.dumps(chunk.headings, ensure_ascii=False)
    key = chunk_key(chunk.embedded_text)
    place = (chunk.start, chunk.end, chunk.line_start, chunk.line_end)
    return (chunk.language, *place, chunk.tokens, key, headings, chunk.context, chunk.text)


def chunk_from(values: Sequence[Any]) -> Chunk:
    """The chunk whose CHUNK_COLUMNS hold these values."""
    language, start, end, line_start, line_end, tokens, _key, headings, context, text = values
    return Chunk(
        start=int(start),
        end=int(end),
        text=str(text),
        line_start=int(line_start),
        line_end=int(line_end),
        headings=tuple(json.loads(headings)),
        context=str(context),
        language=str(language),
        tokens=int(tokens),
    )


def halves(vectors: np.ndarray, count: int, dimensions: int | None) -> Halves:
    """Vectors as they are stored: (count, D) fp16, checked at the door.

    dimensions: what the collection holds already; None if it is empty.
    """
    wanted = f"({count}, {'D' if dimensions is None else dimensions})"
    if vectors.ndim != 2 or len(vectors) != count:
        raise BadInput(f"vectors have shape {vectors.shape}, wanted {wanted}: one row a chunk")
    if count and dimensions is not None and vectors.shape[1] != dimensions:
        raise BadInput(f"vectors have shape {vectors.shape}, wanted {wanted}: use the same model")
    norms = np.linalg.norm(vectors.astype(np.float32), axis=1)  # (count,)
    # Negated, so that a NaN counts as bad.
    bad = np.flatnonzero(~(np.abs(norms - 1) <= UNIT_TOLERANCE))
    if len(bad):
        raise BadInput(f"vector {bad[0]} has norm {norms[bad[0]]}, wanted 1: normalise it")
    return vectors.astype(HALF)
