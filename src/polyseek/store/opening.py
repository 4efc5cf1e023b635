"""Where a catalog lies, and a connection to it that is of the current schema."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from polyseek.store import schema
from polyseek.store.connection import connect, translated
from polyseek.store.database import Database
from polyseek.store.postgres import Schema, connect_postgres

Place: TypeAlias = Path | Schema
"""A SQLite file, or a schema of a PostgreSQL database."""


def open_database(place: Place, *, write: bool) -> Database:
    """Connect. For writing, the tables are made if they are not there, and brought up to date; a
    reader refuses others than it knows."""
    if isinstance(place, Schema):
        return connect_postgres(place, write=write)
    db = connect(place, write=write)
    try:
        with translated(place):
            (schema.migrate if write else schema.require_current)(db, place)
    except BaseException:
        db.close()
        raise
    return db
