"""Listens, loads, serves, and ends when it is told to: after the last answer."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import uvicorn

from polyseek.engine.load import load
from polyseek.errors import BadInput
from polyseek.models.spec import ModelSpec
from polyseek.server.app import make_app
from polyseek.server.front import Front
from polyseek.server.models import Load
from polyseek.settings import Settings

KEEP_ALIVE_S = 75
"""Longer than proxies keep connections, so that none sends a request into one that is closing."""
DRAIN_S = 600
"""Longest that the end waits for answers that clients do not fetch."""
Started = Callable[[str, ModelSpec], None]
Ending = Callable[[int], None]


def serve(settings: Settings, started: Started, ending: Ending, loader: Load = load) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was admitted. `started` is told the address
    and the model once requests are answered; `ending`, how many requests are left at the end.

    Raises:
        BadInput: the address cannot be had. ModelError: the model cannot be loaded.
    """
    failed: list[BaseException] = []

    def told(spec: ModelSpec, error: BaseException | None) -> None:
        if error is None:
            started(address, spec)
        else:
            failed.append(error)
            server.should_exit = True

    with ExitStack() as stack:
        listener = stack.enter_context(listening(settings.host, settings.port))
        if settings.replicas > 1:
            front = stack.enter_context(Front(settings, loader))
            app = front.app(told)
        else:
            app = make_app(settings, loader, told)
        host, port = listener.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        server = Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=DRAIN_S,
            ),
            ending,
        )
        server.run([listener])
    if failed:
        raise failed[0]


class Server(uvicorn.Server):
    """Ends at a signal, and the process after it: it has ended well."""

    def __init__(self, config: uvicorn.Config, ending: Ending) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Says what is left, which may take long; then as ever."""
        if left := len(self.server_state.tasks):
            self._ending(left)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The signals are for the server while it runs."""
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise BadInput(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose others with "
            "--host and --port"
        ) from error
