"""What the truth in PostgreSQL keeps of what was derived from it: which collection of the vector
server, made with which means, and what is small.

    published    key -> value: the state (JSON), sums and moments (arrays)
    indexed      the chunks that are in the index, with their languages
    directions   where documents lie (directions.py)

A reader takes all of it from its snapshot, so it fits together whatever is published meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polyseek.store.arrayfile import packed, unpacked
from polyseek.store.arrays import HALF, Ids, Names, Vectors
from polyseek.store.database import Database, Statements
from polyseek.store.members import Sums, sums_from_arrays, sums_to_arrays
from polyseek.store.moments import Moments

AT_ONCE = 500
"""Values of one statement."""


@dataclass(frozen=True, slots=True)
class Published:
    """One state of what is derived."""

    stamp: str
    """derived.stamp_of the state of the truth that it was made from."""
    name: str
    """The collection of the vector server that holds its rows."""
    salt: str
    """Of the recipe that prepared them."""
    last: int
    """The greatest id that was there."""
    sums: Sums
    """Those that the rows are centred by (members.py)."""
    changed: Mapping[str, int]
    moments: Moments


def published_stamp(db: Database) -> str:
    """That of the newest; "" before the first."""
    with db.translated():
        row = db.execute("SELECT value FROM published WHERE key = 'state'").fetchone()
    return str(json.loads(row[0])["stamp"]) if row else ""


def read_published(db: Database) -> Published | None:
    """The newest; None before the first."""
    with db.translated():
        found = dict(db.execute("SELECT key, value FROM published"))
    if "state" not in found:
        return None
    state = json.loads(found["state"])
    sums, changed = sums_from_arrays(unpacked(found["sums"]))
    moments = Moments.of_arrays(unpacked(found["moments"]))
    return Published(**state, sums=sums, changed=changed, moments=moments)


def write_published(db: Statements, new: Published) -> None:
    """Replace what there is. Within a transaction."""
    state = {"stamp": new.stamp, "name": new.name, "salt": new.salt, "last": new.last}
    _keep(db, "state", json.dumps(state).encode())
    _keep(db, "sums", packed(sums_to_arrays(new.sums, new.changed)))
    _keep(db, "moments", packed(new.moments.arrays()))


def _keep(db: Statements, key: str, value: bytes) -> None:
    db.execute(
        "INSERT INTO published VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def read_made(db: Database) -> list[str]:
    """The collections that may be on the vector server, finished or not."""
    with db.translated():
        row = db.execute("SELECT value FROM published WHERE key = 'made'").fetchone()
    return list(json.loads(row[0])) if row else []


def write_made(db: Statements, names: Sequence[str]) -> None:
    """Note what is there or about to be made, so that what is not used can be removed."""
    _keep(db, "made", json.dumps(list(names)).encode())


# The ledger of the index.


def indexed(db: Database) -> tuple[Ids, Ids, Names]:
    """As Reader.members, of those chunks that are in the index."""
    with db.translated():
        rows = db.execute(
            "SELECT id, document_id, chunks.language FROM chunks JOIN indexed ON chunk_id = id "
            "ORDER BY id"
        ).fetchall()
    ids, documents, languages = zip(*rows, strict=True) if rows else ((), (), ())
    return np.array(ids, np.int64), np.array(documents, np.int64), np.array(languages, np.str_)


def indexed_count(db: Database) -> int:
    """How many chunks the index should hold."""
    with db.translated():
        return int(db.execute("SELECT count(*) FROM indexed").fetchone()[0])


def gone(db: Database) -> tuple[Ids, list[str]]:
    """Ids (n,), ascending, of chunks that are in the index and no longer in the truth; their
    languages."""
    with db.translated():
        rows = db.execute(
            "SELECT chunk_id, indexed.language FROM indexed LEFT JOIN chunks ON id = chunk_id "
            "WHERE id IS NULL ORDER BY chunk_id"
        ).fetchall()
    return np.array([id for id, _ in rows], np.int64), [language for _, language in rows]


def settle_ledger(db: Statements) -> None:
    """Note that the index holds what the truth holds. Within a transaction."""
    db.execute("DELETE FROM indexed WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE id = chunk_id)")
    db.execute(
        "INSERT INTO indexed SELECT id, language FROM chunks "
        "WHERE NOT EXISTS (SELECT 1 FROM indexed WHERE chunk_id = id)"
    )


# Directions of documents.


def documents_with_direction(db: Database) -> Ids:
    """Ids (d,), ascending."""
    with db.translated():
        rows = db.execute("SELECT document_id FROM directions ORDER BY document_id").fetchall()
    return np.array([id for (id,) in rows], np.int64)


def put_directions(db: Statements, documents: Ids, rows: Iterable[Vectors]) -> None:
    """Store unit rows (d, D), which come in blocks, of documents (d,)."""
    at = 0
    for block in rows:
        halves = block.astype(HALF)
        some = documents[at : at + len(block)].tolist()
        db.executemany(
            "INSERT INTO directions VALUES (?, ?)",
            [(id, row.tobytes()) for id, row in zip(some, halves, strict=True)],
        )
        at += len(block)


@dataclass(frozen=True, slots=True)
class StoredDirections:
    """A `Wholes` that fetches the directions it is asked for."""

    db: Database

    def scores(self, query: Vectors, documents: Ids) -> Vectors:
        """See Directions."""
        found: dict[int, np.ndarray] = {}
        wanted: Sequence[int] = np.unique(documents).tolist()
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            marks = ",".join("?" * len(some))
            query_text = (
                f"SELECT document_id, direction FROM directions WHERE document_id IN ({marks})"
            )
            with self.db.translated():
                rows = self.db.execute(query_text, some).fetchall()
            found.update((id, np.frombuffer(row, HALF).astype(np.float32)) for id, row in rows)
        scores = np.full(len(documents), np.nan, np.float32)
        for place, id in enumerate(documents.tolist()):
            if id in found:
                scores[place] = found[id] @ query
        return scores
