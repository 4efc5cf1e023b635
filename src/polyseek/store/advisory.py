"""One writer of a collection on servers: an advisory lock of PostgreSQL's. It belongs to the
connection that writes, so it ends with it, however the process ends."""

from __future__ import annotations

from collections.abc import Callable

from polyseek.errors import Locked
from polyseek.store.postgres import Postgres

PATIENCE_S = 600
"""How long a writer waits for its turn."""

ANY = "hashtextextended('polyseek ' || current_schema(), 0)"
"""The number of the lock; locks are those of one database."""


def lock_for_writing(db: Postgres, name: str, told: Callable[[str], None]) -> None:
    """Wait until nobody else writes to the collection that this connection is for. `told` is told
    whom it waits for.

    Raises:
        Locked: it took too long.
    """
    with db.translated():
        if db.execute(f"SELECT pg_try_advisory_lock({ANY})").fetchone()[0]:
            return
        holder = _holder(db)
        told(f"waiting until {holder} has finished writing")
        if not db.waited(f"SELECT pg_advisory_lock({ANY})", PATIENCE_S):
            raise Locked(
                f"{name} has been written to by {_holder(db)} for {PATIENCE_S // 60} minutes: wait "
                "until it has finished, or stop it"
            )


def _holder(db: Postgres) -> str:
    """Who has the lock, as far as can be told."""
    row = db.execute(
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
        f"AND ((classid::bigint << 32) | objid::bigint) = {ANY}"
    ).fetchone()
    return row[0] if row and row[0] else "another process"
