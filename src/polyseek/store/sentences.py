"""The sentences of chunks: where they are, and their vectors in 8 bits.

A row of the table is a chunk. A vector is stored as int8, its largest component at 127, and read
as that row scaled to length 1: 384 bytes where fp16 takes 768. A cosine is off by 0.002 at most,
and rankings are the same (docs/decisions/0008-sentences.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polyseek.errors import BadInput, StoreError
from polyseek.store.arrays import Borders, Bytes, Ids, Vectors
from polyseek.store.database import Statements
from polyseek.types import Chunk

BORDER = np.dtype("<i4")
LARGEST = 127
AT_ONCE = 500
"""Placeholders of one statement; SQLite allows 32,766, older builds 999."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of some chunks, one after the other."""

    owners: Ids
    """(s,) int64: the chunk that each is of."""
    borders: Borders
    """(s, 2) int32: start and end in that chunk's text."""
    vectors: Vectors
    """(s, D) float32 unit rows."""


def rounded(vectors: np.ndarray) -> Bytes:
    """Vectors (s, D) as they are stored; int8 comes back as it is."""
    if vectors.dtype == np.int8:
        return vectors
    largest = np.abs(vectors).max(axis=1, keepdims=True)  # (s, 1)
    if not np.isfinite(largest).all() or not (largest > 0).all():
        raise BadInput("a sentence's vector is zero or not finite: embed it again")
    made: Bytes = np.round(vectors / largest * LARGEST).astype(np.int8)
    return made


def restored(stored: Bytes) -> Vectors:
    """Stored rows (s, D) as unit vectors (s, D) float32."""
    rows = stored.astype(np.float32)
    length = np.sqrt(np.einsum("sd,sd->s", rows, rows))[:, None]
    unit: Vectors = np.divide(rows, length, out=rows, where=length > 0)
    return unit


def put_sentences(
    db: Statements, chunk_id: int, chunk: Chunk, vectors: np.ndarray, dimensions: int
) -> None:
    """Store the sentences of one chunk; `vectors` (len(chunk.sentences), D) as for `rounded`."""
    if len(vectors) != len(chunk.sentences):
        raise BadInput(
            f"{len(vectors)} vectors for {len(chunk.sentences)} sentences: one row a sentence"
        )
    if chunk.sentences:
        if vectors.shape[1:] != (dimensions,):
            raise BadInput(
                f"vectors of sentences have shape {vectors.shape}, wanted "
                f"({len(vectors)}, {dimensions}): use the same model as for passages"
            )
        borders = np.array(chunk.sentences, BORDER) - BORDER.type(chunk.start)
        db.execute(
            "INSERT INTO sentences VALUES (?, ?, ?)",
            (chunk_id, borders.tobytes(), rounded(vectors).tobytes()),
        )


def read_sentences(db: Statements, ids: Sequence[int] | Ids, dimensions: int) -> Sentences:
    """The sentences of these chunks; a chunk of one sentence has none. Owners ascend."""
    owners: list[int] = []
    borders: list[bytes] = []
    vectors: list[bytes] = []
    wanted = sorted({int(id) for id in ids})
    for first in range(0, len(wanted), AT_ONCE):
        some = wanted[first : first + AT_ONCE]
        marks = ",".join("?" * len(some))
        for id, at, rows in db.execute(
            f"SELECT chunk_id, borders, vectors FROM sentences WHERE chunk_id IN ({marks}) "
            "ORDER BY chunk_id",
            some,
        ):
            count = _count(at, rows, dimensions)
            if count is None:
                raise StoreError(f"{_told(id)}: index its document anew")
            owners += [id] * count
            borders.append(at)
            vectors.append(rows)
    return Sentences(
        np.array(owners, np.int64),
        np.frombuffer(b"".join(borders), BORDER).reshape(-1, 2),
        restored(np.frombuffer(b"".join(vectors), np.int8).reshape(len(owners), dimensions)),
    )


def sentences_of_keys(db: Statements, keys: Sequence[bytes], dimensions: int) -> dict[bytes, Bytes]:
    """Stored rows (s, D) int8 of the texts with these keys (`chunk_key`) that have sentences."""
    found: dict[bytes, Bytes] = {}
    for first in range(0, len(keys), AT_ONCE):
        some = list(keys[first : first + AT_ONCE])
        marks = ",".join("?" * len(some))
        for key, rows in db.execute(
            "SELECT key, sentences.vectors FROM chunks JOIN sentences ON chunk_id = chunks.id "
            f"WHERE key IN ({marks})",
            some,
        ):
            found[key] = np.frombuffer(rows, np.int8).reshape(-1, dimensions)
    return found


def sentence_faults(db: Statements, dimensions: int) -> list[str]:
    """Chunks whose sentences lie outside their text, or have not a vector each."""
    faults = []
    for id, text, at, rows in db.execute(
        "SELECT id, text, borders, vectors FROM sentences JOIN chunks ON chunk_id = id"
    ):
        whole = _count(at, rows, dimensions) is not None
        borders = np.frombuffer(at, BORDER).reshape(-1, 2) if whole else np.zeros((1, 2))
        inside = (borders[:, 0] < borders[:, 1]).all() and (borders <= len(text)).all()
        if not inside or (borders < 0).any():
            faults.append(_told(id))
    return faults


def _count(borders: bytes, vectors: bytes, dimensions: int) -> int | None:
    """How many sentences two stored values hold; None if they do not fit together."""
    count, rest = divmod(len(borders), 2 * BORDER.itemsize)
    return None if rest or len(vectors) != count * dimensions else count


def _told(id: int) -> str:
    return f"the sentences of chunk {id} are not those of its text"
