"""Servers that tests start for themselves and stop: nobody else can reach them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SPEED = "-c fsync=off -c full_page_writes=off -c max_connections=30 -c listen_addresses=''"
"""What would survive a power cut is none of the tests' business."""


def _binaries() -> Path:
    """Where initdb and pg_ctl are; Debian keeps them off the path."""
    found = shutil.which("pg_ctl")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found and not places:
        pytest.skip("there is no PostgreSQL on this machine: apt-get install postgresql")
    return Path(found).parent if found else places[-1].parent


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextmanager
def running_postgres() -> Iterator[str]:
    """A PostgreSQL of its own, on a unix socket only; gives its address."""
    pytest.importorskip("psycopg", reason="there is no psycopg: pip install 'psycopg[binary]'")
    binaries, user = _binaries(), _user()
    home = Path(tempfile.mkdtemp(prefix="pg"))  # short, since a socket's path has to be
    if user:
        shutil.chown(home, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(home / "data"), *arguments]
        # Into a file: the server would hold a pipe open.
        with (home / "log").open("ab") as log:
            subprocess.run(
                command, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home,
                user=user, group=None if user is None else pwd.getpwnam(user).pw_gid,
                extra_groups=None if user is None else [],
            )  # fmt: skip

    try:
        run("initdb", "-U", "polyseek", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        run("pg_ctl", "start", "-w", "-o", f"{SPEED} -k {home}")
        try:
            yield f"postgresql://polyseek@/postgres?host={home}"
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)
