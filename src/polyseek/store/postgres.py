"""A catalog in PostgreSQL: sqlite3's way to run statements over psycopg, and its errors in our
words.

A collection is a schema of a database, named after it. A `?` in a statement is a value, as in
SQLite. Text may hold U+0000, which PostgreSQL does not take; it is written with an escape.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from polyseek.addresses import is_clear, without_secrets
from polyseek.errors import BadInput, StoreError
from polyseek.store.database import Found
from polyseek.store.postgres_schema import LATEST, MIGRATIONS
from polyseek.store.schema import check_version

if TYPE_CHECKING:
    import psycopg

CONNECT_S = 10
BUSY_TIMEOUT_MS = 10_000
PREFIXES = ("postgresql://", "postgres://")
NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

ESCAPE = "\ufdd0"
"""A code point that Unicode keeps free of meaning; it stands before 0 for U+0000, before 1 for
itself."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Where a collection lies: a database, and the name of a schema of it."""

    url: str = field(repr=False)
    """postgresql://…; it may hold a password, and is never shown as it is."""
    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name.startswith("pg_"):
            raise BadInput(
                f"{self.name!r} cannot name a knowledge base on servers: use lower-case letters, "
                "digits and _, a letter first, 63 at most, and not pg_ in front"
            )

    def __str__(self) -> str:
        return f"schema {self.name} of {without_secrets(self.url)}"


class Postgres:
    """A `Database`. psycopg's connections may be used from several threads."""

    def __init__(self, db: psycopg.Connection[Any], place: Schema) -> None:
        self._db = db
        self._place = place

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Found:
        """See Statements."""
        cursor = self._db.cursor(binary=True)
        cursor.execute(_numbered(sql), [_escaped(value) for value in parameters])
        found: Found = cursor
        return found

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Found:
        """See Statements."""
        cursor = self._db.cursor()
        cursor.executemany(
            _numbered(sql), [[_escaped(value) for value in row] for row in parameters]
        )
        found: Found = cursor
        return found

    @property
    def in_transaction(self) -> bool:
        """See Database; not when the connection is gone, and with it the transaction."""
        return self._db.info.transaction_status.name in ("INTRANS", "INERROR")

    def begin(self) -> None:
        """See Database. Readers are not held up by the lock."""
        self._db.execute("BEGIN; LOCK TABLE meta IN SHARE ROW EXCLUSIVE MODE")

    def pin(self) -> None:
        """See Database."""
        self._db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """See Database."""
        with translated(self._place):
            yield

    def waited(self, sql: str, seconds: float) -> bool:
        """Run a statement that waits for a lock; False if it did not get it in time."""
        from psycopg.errors import LockNotAvailable

        self._db.execute(f"SET lock_timeout = {int(seconds * 1000)}")
        try:
            self.execute(sql)
        except LockNotAvailable:
            return False
        finally:
            self._db.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
        return True

    def faults(self) -> list[str]:
        """See Database: the server keeps its own checksums and foreign keys."""
        return []

    def stored_bytes(self) -> int:
        """See Database."""
        query = (
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class "
            "WHERE relnamespace = ?::regnamespace AND relkind = 'r'"
        )
        return int(self.execute(query, (self._place.name,)).fetchone()[0])

    def close(self) -> None:
        """See Database."""
        self._db.close()


@cache
def _numbered(sql: str) -> bytes:
    """The statement as psycopg wants it. None of ours has a % or a ? but for a value."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _escaped(value: object) -> object:
    if isinstance(value, str) and ("\0" in value or ESCAPE in value):
        return value.replace(ESCAPE, f"{ESCAPE}1").replace("\0", f"{ESCAPE}0")
    return value


def _restored(text: str) -> str:
    return text.replace(f"{ESCAPE}0", "\0").replace(f"{ESCAPE}1", ESCAPE)


def connect_postgres(place: Schema, *, write: bool) -> Postgres:
    """A connection in autocommit mode. For writing, the schema is made if it is not there, and
    migrated."""
    with translated(place):
        db = _connect(place)
        try:
            found = _version(db, place)
            if found is None and not write:
                raise StoreError(f"{place} is not there: index some documents first")
            check_version(found or 0, LATEST, place, write=write)
            if write and found != LATEST:
                _migrate(db, place)
            db.execute(f"SET default_transaction_read_only = {'off' if write else 'on'}")
        except BaseException:
            db.close()
            raise
    return Postgres(db, place)


def _connect(place: Schema) -> psycopg.Connection[Any]:
    module = driver()
    try:
        clear = place.url.startswith(PREFIXES) and is_clear(place.url)
        clear = clear and bool(module.conninfo.conninfo_to_dict(place.url))
    except module.ProgrammingError:  # it would quote the address, secrets and all
        clear = False
    if not clear:
        raise BadInput(
            f"{without_secrets(place.url)} is no address of a PostgreSQL database; write "
            "postgresql://USER@HOST:PORT/DATABASE, with %40 and %2F for @ and / in a password"
        )
    db: psycopg.Connection[Any] = module.connect(
        place.url,
        autocommit=True,
        connect_timeout=CONNECT_S,
        client_encoding="utf8",
        application_name=f"polyseek, process {os.getpid()} on {platform.node()}",
    )
    try:
        if db.info.parameter_status("server_encoding") != "UTF8":
            raise StoreError(
                f"{place}: the database is in {db.info.parameter_status('server_encoding')}; "
                "make one with ENCODING 'UTF8'"
            )
        _read_escapes(db)
        db.execute(f"SET search_path TO {place.name}; SET lock_timeout = {BUSY_TIMEOUT_MS}")
    except BaseException:
        db.close()
        raise
    return db


def driver() -> Any:  # noqa: ANN401 - a module
    """psycopg, or an error that says how to get it."""
    try:
        import psycopg
    except ImportError as error:
        raise BadInput(
            "a catalog in PostgreSQL needs psycopg: pip install 'polyseek[milvus]'"
        ) from error
    return psycopg


def _read_escapes(db: psycopg.Connection[Any]) -> None:
    """Have text come back from this connection as it was before `_escaped`."""
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    class Text(Loader):  # type: ignore[misc] # known only where psycopg is
        def load(self, data: Any) -> str:  # noqa: ANN401 - psycopg's buffer
            text = str(data, "utf-8")
            return _restored(text) if ESCAPE in text else text

    class BinaryText(Text):
        format = Format.BINARY

    for kind in (Text, BinaryText):
        db.adapters.register_loader("text", kind)


def _version(db: psycopg.Connection[Any], place: Schema) -> int | None:
    """Number of the last migration that this schema has seen; None if there is no table."""
    there = db.execute("SELECT to_regclass(%s)", (f"{place.name}.meta",)).fetchone()
    if there is None or there[0] is None:
        return None
    row = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    return int(row[0]) if row else 0


def _migrate(db: psycopg.Connection[Any], place: Schema) -> None:
    """Make the tables, or bring them up to date; one process at a time."""
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (place.name,))
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {place.name}")
        for number in range((_version(db, place) or 0) + 1, LATEST + 1):
            db.execute(MIGRATIONS[number - 1].encode())
            db.execute(
                "INSERT INTO meta VALUES ('schema', %s) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (str(number),),
            )


@contextmanager
def translated(place: Schema) -> Iterator[None]:
    """Turn psycopg's errors into StoreError that says what to do next.

    Misuse of its API is our own mistake and goes through as it is.
    """
    module = driver()
    try:
        yield
    except module.Error as error:
        code = error.sqlstate or ""
        if isinstance(error, module.ProgrammingError) and _advice(code) in (_AWAY, _UNKNOWN):
            raise
        # Not its details, which quote whole rows.
        told = " ".join((error.diag.message_primary or str(error)).split())
        raise StoreError(f"{place}: {told}: {_advice(code)}") from error


def _advice(code: str) -> str:
    """What to do about an error with this SQLSTATE; "" is a connection that is not there."""
    return _ADVICE.get(code) or _ADVICE_OF_CLASS.get(code[:2], _UNKNOWN)


_UNKNOWN = "nothing that was committed is lost; run `polyseek verify` on the collection"
_AWAY = (
    "the server is away, or lets nobody in: check its address, start it and run again; what was "
    "committed stays"
)
_ADVICE = {
    "42501": "the user may not do this: grant it CREATE on the database, or name another user",
    "55P03": f"another process has held it for more than {BUSY_TIMEOUT_MS // 1000} s; "
    "let it finish and run again",
    "53100": "its disk is full; nothing that was committed is lost: free space and run again",
    "53300": "it has as many connections as it takes: raise max_connections, or run again later",
    "42P01": "a table is missing: restore it from a backup, or index under a new name",
    "25006": "it takes no changes: open it for writing, with an account that has the permissions, "
    "on the primary server",
}
_ADVICE_OF_CLASS = {
    "": _AWAY,
    "08": _AWAY,
    "57": _AWAY,
    "28": "check user and password; PGPASSWORD or a password file keeps it out of the address",
    "3D": "make the database first: createdb NAME",
    "3F": "the schema is gone: index the documents again",
}
