"""What the catalog asks of a database. SQLite's connection and PostgreSQL's answer to the same
statements, with `?` for a value; where the two differ they have a method for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Found(Protocol):
    """What a statement found or did."""

    @property
    def rowcount(self) -> int:
        """Rows that were changed."""

    def fetchone(self) -> Any:  # noqa: ANN401 - a row of whatever was selected
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left, one by one."""


class Statements(Protocol):
    """Runs statements."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Found:
        """Run one statement."""

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Found:
        """Run a statement once for each of these."""


class Database(Statements, Protocol):
    """A connection to a catalog, in autocommit mode; transactions are begun in words. It may be
    used from several threads."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun."""

    def begin(self) -> None:
        """Begin a transaction that writes; another one waits until it ends."""

    def pin(self) -> None:
        """Begin a transaction that reads, and sees one state from its first read on."""

    def translated(self) -> AbstractContextManager[None]:
        """Turns the database's errors into StoreError that says what to do next."""

    def faults(self) -> list[str]:
        """What the database finds wrong with how it keeps the tables, a sentence each."""

    def stored_bytes(self) -> int:
        """How much room the tables take."""

    def close(self) -> None:
        """Let go of it; closing twice is allowed."""
