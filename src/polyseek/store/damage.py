"""What is wrong with the tables of a catalog, as far as they show it themselves."""

from __future__ import annotations

import sqlite3

from polyseek.store.arrays import HALF
from polyseek.store.links import link_faults
from polyseek.store.sentences import sentence_faults


def damage_of(db: sqlite3.Connection, dimensions: int) -> list[str]:
    """What SQLite finds wrong with its file; chunks without a whole vector; sentences and links
    that cannot be."""
    size = HALF.itemsize * dimensions
    whole = [row[0] for row in db.execute("PRAGMA integrity_check")]
    broken = db.execute("PRAGMA foreign_key_check").fetchall()
    bare = db.execute(
        "SELECT id FROM chunks LEFT JOIN vectors ON chunk_id = id "
        "WHERE vector IS NULL OR length(vector) != ?",
        (size,),
    ).fetchall()
    return [
        *([] if whole == ["ok"] else whole),
        *(f"row {row[1]} of {row[0]} refers to a missing row" for row in broken),
        *(f"chunk {row[0]} has no vector of {size} bytes" for row in bare),
        *sentence_faults(db, dimensions),
        *link_faults(db),
    ]
