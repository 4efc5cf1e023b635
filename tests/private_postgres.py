"""A PostgreSQL of its own for tests that need no more than tables: on a Unix socket, without a
port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class Connection:
    """A psycopg connection that takes ? for a value, in autocommit mode."""

    def __init__(self, db: Any) -> None:  # noqa: ANN401 - types are checked alike without psycopg
        self.db = db

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any:  # noqa: ANN401
        return self.db.execute(sql.replace("?", "%s"), parameters or None)


def _programs() -> Path:
    """Where initdb and pg_ctl are; Debian keeps them off the path."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not places:
        pytest.skip("no PostgreSQL here: install it (on Debian: apt-get install postgresql)")
    return places[0]


@contextmanager
def private_postgres() -> Iterator[Connection]:
    """Skips the test where it cannot be had."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _programs()
    # Not pytest's directories: their names are too long for a socket, and closed to others.
    with tempfile.TemporaryDirectory(prefix="pg-") as scratch:
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if user:  # PostgreSQL refuses to run as root
            shutil.chown(scratch, "postgres", "postgres")

        def run(program: str, *flags: str) -> None:
            command = [*user, str(programs / program), "-D", f"{scratch}/data", *flags]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=scratch)

        run("initdb", "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        only_socket = f"-k {scratch} -c listen_addresses= -c fsync=off"
        run("pg_ctl", "-w", "-l", f"{scratch}/log", "-o", only_socket, "start")
        try:
            place = f"host={scratch} user=tester dbname=postgres"
            with psycopg.connect(place, autocommit=True) as db:
                yield Connection(db)
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
