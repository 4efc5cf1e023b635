"""The tables of catalog.sqlite, as numbered migrations. PostgreSQL has the same
(postgres_schema.py).

    meta           what holds for the whole collection (uid, generation, fingerprint, ...), as JSON
    documents 1─n chunks 1─1 vectors
    sentences      of a chunk: where they are, and their vectors (none for a chunk of one sentence)
    links          two chunks that are versions of each other, in different languages, and why
    statements     what a person said of two passages: versions, or not
    language_sums  per language: how many vectors, and their exact sum

A database carries the number of the last migration it has seen in `PRAGMA user_version`. Opening
for writing runs the missing ones, each in a transaction of its own; a database that is newer than
this program is refused, because only the newer program knows what its columns mean.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from polyseek.errors import StoreError

# AUTOINCREMENT: an id is never given twice, so an index made before a deletion can miss a chunk
# but never name the wrong one. In chunks the short columns come first: SQLite reads a row from
# the left, and id and language are read for every row when a collection is opened.
MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL,
        format TEXT NOT NULL,
        title TEXT NOT NULL,
        language TEXT NOT NULL,
        encoding TEXT NOT NULL,
        size INTEGER NOT NULL,
        origin TEXT NOT NULL
    );
    CREATE TABLE chunks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
        ordinal INTEGER NOT NULL,
        language TEXT NOT NULL,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL,
        line_start INTEGER NOT NULL,
        line_end INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        key BLOB NOT NULL,
        headings TEXT NOT NULL,
        context TEXT NOT NULL,
        text TEXT NOT NULL,
        UNIQUE (document_id, ordinal)
    );
    CREATE INDEX chunks_by_key ON chunks (key);
    CREATE INDEX chunks_by_language ON chunks (language);
    CREATE TABLE vectors (
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
        vector BLOB NOT NULL
    );
    CREATE TABLE language_sums (
        language TEXT PRIMARY KEY,
        count INTEGER NOT NULL,
        sum BLOB NOT NULL
    );
    INSERT INTO meta VALUES
        ('uid', json_quote(lower(hex(randomblob(16))))),
        ('generation', '0'),
        ('commit', json_quote(lower(hex(randomblob(8)))));
    """,
    """
    CREATE TABLE sentences (
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
        borders BLOB NOT NULL,
        vectors BLOB NOT NULL
    );
    ALTER TABLE documents ADD COLUMN linked INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE chunks ADD COLUMN words TEXT;
    ALTER TABLE chunks ADD COLUMN marks TEXT;
    CREATE TABLE links (
        one INTEGER NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
        other INTEGER NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
        cosine REAL NOT NULL,
        margin REAL NOT NULL,
        evidence TEXT NOT NULL,
        PRIMARY KEY (one, other),
        CHECK (one < other)
    ) WITHOUT ROWID;
    CREATE INDEX links_by_other ON links (other);
    CREATE TABLE statements (
        path TEXT NOT NULL,
        key BLOB NOT NULL,
        other_path TEXT NOT NULL,
        other_key BLOB NOT NULL,
        linked INTEGER NOT NULL,
        PRIMARY KEY (path, key, other_path, other_key)
    ) WITHOUT ROWID;
    """,
    """
    INSERT INTO meta VALUES ('content', json_quote(lower(hex(randomblob(8)))));
    """,
)

LATEST = len(MIGRATIONS)


def version_of(db: sqlite3.Connection) -> int:
    """Number of the last migration this database has seen; 0 for an empty one."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring a database that is open for writing to the latest version."""
    found = version_of(db)
    check_version(found, LATEST, path, write=True)
    for number in range(found + 1, LATEST + 1):
        script = MIGRATIONS[number - 1]
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def require_current(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that a reader, who may not migrate, cannot understand."""
    check_version(version_of(db), LATEST, path, write=False)


def check_version(found: int, latest: int, place: object, *, write: bool) -> None:
    """Refuse a database of a later polyseek; and an older one, unless it can be migrated."""
    if found > latest:
        raise StoreError(
            f"{place} has schema version {found}, this polyseek knows versions up to {latest}: "
            "upgrade polyseek, or index into a new directory"
        )
    if found < latest and not write:
        raise StoreError(
            f"{place} has schema version {found}, this polyseek reads version {latest}: "
            "index into the collection once, which brings it up to date"
        )
