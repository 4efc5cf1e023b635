"""What is wrong with the tables of a catalog, as far as they show it themselves."""

from __future__ import annotations

from polyseek.store.arrays import HALF
from polyseek.store.database import Database
from polyseek.store.links import link_faults
from polyseek.store.sentences import sentence_faults


def damage_of(db: Database, dimensions: int) -> list[str]:
    """What the database finds wrong with itself; chunks without a whole vector; sentences and links
    that cannot be."""
    size = HALF.itemsize * dimensions
    bare = db.execute(
        "SELECT id FROM chunks LEFT JOIN vectors ON chunk_id = id "
        "WHERE vector IS NULL OR length(vector) != ?",
        (size,),
    ).fetchall()
    return [
        *db.faults(),
        *(f"chunk {row[0]} has no vector of {size} bytes" for row in bare),
        *sentence_faults(db, dimensions),
        *link_faults(db),
    ]
