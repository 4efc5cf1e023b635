"""A replica: the server as it is, on a socket of its own, for as long as its parent wants it."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import uvicorn

from polyseek.errors import PolyseekError
from polyseek.models.spec import ModelSpec
from polyseek.server.app import make_app
from polyseek.server.models import Load
from polyseek.server.share import share
from polyseek.settings import Settings

KEPT_S = 86_400
"""Idle connections; the parent ends them, so that it never sends into one that is closing."""


def main(
    settings: Settings, loader: Load, number: int, of: int, path: Path, parent: Connection
) -> None:
    """Serve on `path` until the parent closes its end of `parent`, or is no more. A model that
    cannot be had is told there: its error's kind and words.

    Signals are the parent's: a terminal sends them to all its processes, and what the parent was
    asked is still to be answered.
    """
    for signalled in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signalled, signal.SIG_IGN)

    def told(spec: ModelSpec, error: BaseException | None) -> None:
        if error is not None:
            _tell(parent, error)
            server.should_exit = True

    try:
        app = make_app(share(settings, number, of), loader, told)
    except PolyseekError as error:
        _tell(parent, error)
        return
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=KEPT_S)
    server = Server(config)
    threading.Thread(target=_watch, args=(parent, server), daemon=True).start()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(2048)
        server.run([listener])


class Server(uvicorn.Server):
    """Leaves the signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None is."""
        yield


def _tell(parent: Connection, error: BaseException) -> None:
    with contextlib.suppress(OSError):  # the parent is gone, and so is who would read it
        parent.send((type(error).__name__, str(error)))


def _watch(parent: Connection, server: uvicorn.Server) -> None:
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    server.should_exit = True
