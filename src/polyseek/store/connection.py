"""Opening SQLite the way the store needs it, and saying its errors in our words, once.

Write-ahead log: readers go on reading the state they began with while a writer commits.
synchronous=FULL: a commit is on the disk when it returns. NORMAL would survive `kill -9` as well,
but not a power cut, and a commit covers a whole batch of documents, whose embedding takes a
thousand times longer than the one fsync that is saved.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from polyseek.errors import StoreError

BUSY_TIMEOUT_MS = 10_000

# 16 KB pages: a row is a vector (768 bytes to 8 KB) or a passage, and a row that does not fit
# its page costs a chain of overflow pages.
PAGE_BYTES = 16_384

FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Sqlite(sqlite3.Connection):
    """A `Database`. It may be handed from thread to thread: SQLite itself is built serialised."""

    path: Path

    def begin(self) -> None:
        """See Database."""
        self.execute("BEGIN IMMEDIATE")

    def pin(self) -> None:
        """See Database."""
        self.execute("BEGIN")

    def translated(self) -> AbstractContextManager[None]:
        """See Database."""
        return translated(self.path)

    def faults(self) -> list[str]:
        """See Database."""
        whole = [row[0] for row in self.execute("PRAGMA integrity_check")]
        broken = self.execute("PRAGMA foreign_key_check").fetchall()
        return [
            *([] if whole == ["ok"] else whole),
            *(f"row {row[1]} of {row[0]} refers to a missing row" for row in broken),
        ]

    def stored_bytes(self) -> int:
        """See Database."""
        pages = self.execute("PRAGMA page_count").fetchone()[0]
        return int(pages * self.execute("PRAGMA page_size").fetchone()[0])


def connect(path: Path, *, write: bool) -> Sqlite:
    """A connection in autocommit mode; transactions are begun in words."""
    if not write and not path.is_file():
        raise StoreError(f"{path} is not there: index some documents first, or check the path")
    mode = "rwc" if write else "ro"
    with translated(path):
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            factory=Sqlite,
        )
        db.path = path
        try:
            db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            db.execute("PRAGMA foreign_keys = ON")
            if write:
                db.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # heeded by an empty file only
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
        except BaseException:
            db.close()
            raise
    return db


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into StoreError that says what to do next.

    Misuse of the API (sqlite3.ProgrammingError) is our own mistake and goes through as it is.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        raise StoreError(_explain(error, path)) from error


def _explain(error: sqlite3.DatabaseError, path: Path) -> str:
    code = getattr(error, "sqlite_errorcode", 0)
    primary = code & 0xFF
    if code in FULL or primary == sqlite3.SQLITE_FULL:
        advice = (
            "the disk (or a quota) is full; nothing that was committed is lost: free space and "
            "run the same command again"
        )
    elif primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        advice = (
            f"another process has held it for more than {BUSY_TIMEOUT_MS // 1000} s; "
            "let it finish and run again"
        )
    elif primary in DAMAGED:
        advice = (
            "the file is damaged or not a polyseek collection; restore it from a backup, or "
            "index the documents into a new directory"
        )
    elif primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        advice = "check the permissions of the file and of its directory"
    else:
        advice = "nothing that was committed is lost; run `polyseek verify` on the collection"
    return f"{path}: {error}: {advice}"
