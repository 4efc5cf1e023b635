"""One writer: an operating-system lock on writer.lock, which a killed process cannot leave behind.
Whoever makes indexes, a writer or a reader that heals, holds derived.lock while it does.

The pid of the holder is written beside it, into writer.pid, so that a second writer can be told
who is in the way. The pid file is only ever read after the lock was refused, so that a stale one
does no harm.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import filelock

from polyseek.errors import Locked, StoreError

PATIENCE_S = 1.0
"""How long a writer waits: a reader that asks `is_free` has the lock for an instant."""


class WriterLock:
    """Held by at most one object in all processes of the machine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pid = directory / "writer.pid"
        # thread_local: a server may open a collection in one thread and close it in another.
        self._lock = filelock.FileLock(
            directory / "writer.lock", blocking=False, thread_local=False
        )

    def acquire(self) -> None:
        """Take the lock, or raise Locked, naming the process that has it."""
        try:
            self._lock.acquire(blocking=True, timeout=PATIENCE_S)
        except filelock.Timeout:
            raise Locked(
                f"{self._directory} is being written to by process {self._holder()}: "
                "wait until it has finished, or stop it"
            ) from None
        except OSError as error:
            raise StoreError(
                f"{self._directory} cannot be written to ({error}): check its permissions"
            ) from error
        with suppress(OSError):  # on a full disk the lock still holds, only its owner is not named
            self._pid.write_text(f"{os.getpid()}\n")

    def is_free(self) -> bool:
        """Whether nobody was writing just now, and this process might."""
        try:
            self._lock.acquire(blocking=False)
        except (filelock.Timeout, OSError):
            return False
        self._lock.release()
        return True

    def _holder(self) -> str:
        try:
            return self._pid.read_text().strip() or "(unknown)"
        except OSError:
            return "(unknown)"

    def release(self) -> None:
        """Let go; releasing what is not held is allowed."""
        self._lock.release()


def derived_lock(directory: Path) -> filelock.BaseFileLock:
    """The lock on making and removing indexes; held for as long as that takes."""
    return filelock.FileLock(directory / "derived.lock", thread_local=False)
