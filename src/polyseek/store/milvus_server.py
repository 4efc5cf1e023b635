"""Calls of a Milvus: again where it may help, and what went wrong in our words."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from polyseek.closing import Closing
from polyseek.errors import BadInput, StoreError
from polyseek.store.milvus_address import MilvusAddress

Client: TypeAlias = Any
T = TypeVar("T")

CONNECTING_S = 10.0
ASKING_S = 10.0
INSISTING_S = 120.0
"""How long a call is tried, waiting longer and longer: pymilvus tries again where the network
fails, we where the server says that it is not ready. A search has somebody waiting for it; a writer
can wait until a server has started again, which takes half a minute."""

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0

NOT_READY = {1, 2, 4, 8, 101, 103, 106, 500, 501, 502, 503, 504, 600, 601, 602, 604, 900, 901, 903}
"""Milvus's codes for what passes: it starts, a node has gone and another takes over, the collection
is still being loaded, too many requests."""

UNKNOWN_COLLECTION = 100


class MilvusServer(Closing):
    """A connection. Its calls may come from several threads."""

    def __init__(self, address: MilvusAddress) -> None:
        """Connect.

        Raises:
            BadInput: pymilvus is not installed.
            StoreError: the server does not answer or does not let us in.
        """
        try:
            import grpc
            from pymilvus import MilvusClient, MilvusException
        except ImportError as error:
            raise BadInput(
                f"{address} needs pymilvus, which is not installed; pip install 'polyseek[milvus]'"
            ) from error
        # Each error is raised, and told once; pymilvus would print it with a traceback before.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self.address = address
        self._errors = (MilvusException, grpc.RpcError, grpc.FutureTimeoutError)
        self._client = self._tried(
            lambda left: MilvusClient(uri=address.uri, token=address.token, timeout=left),
            CONNECTING_S,
        )

    def ask(self, call: str, *values: Any, **named: Any) -> Any:  # noqa: ANN401
        """What the client's method of this name gives."""
        return self._called(call, ASKING_S, values, named)

    def insist(self, call: str, *values: Any, **named: Any) -> Any:  # noqa: ANN401
        """Likewise, with a writer's patience. It has to be something that may be done twice."""
        return self._called(call, INSISTING_S, values, named)

    def step(self, act: Callable[[], T]) -> T:
        """What `act` gives, which goes on with something insisted on."""
        return self._tried(lambda left: act(), INSISTING_S)

    def _called(self, call: str, seconds: float, values: Any, named: Any) -> Any:  # noqa: ANN401
        method = getattr(self._client, call)
        return self._tried(lambda left: method(*values, timeout=left, **named), seconds)

    def _tried(self, act: Callable[[float], T], seconds: float) -> T:
        """act(seconds left), again and again while it may help and there is time."""
        end, wait = time.monotonic() + seconds, FIRST_WAIT_S
        while True:
            left = end - time.monotonic()
            try:
                return act(max(left, FIRST_WAIT_S))
            except self._errors as error:
                if _code(error) not in NOT_READY or left < wait:
                    raise self._told(error) from error
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)

    def _told(self, error: Exception) -> StoreError:
        said = str(getattr(error, "message", "") or error).splitlines()[0][:300]
        code, name = _code(error), str(_code(error))
        if self.address.token and self.address.token in said:
            said = "its message quotes what is secret"
        if "UNAUTHENTICATED" in name or "PERMISSION" in name or code in (1400, 1401):
            return StoreError(f"{self.address} does not let us in: check the user and the password")
        if code in (1100, UNKNOWN_COLLECTION):
            return StoreError(
                f"{self.address} is not as we made it ({said}): run index again, which makes it "
                "anew from the catalog"
            )
        return StoreError(
            f"{self.address} does not answer ({said}): start it, or wait until it is ready, and "
            "run again; nothing is lost, for the catalog has everything"
        )

    def close(self) -> None:
        """See Closing."""
        self._client.close()


def _code(error: Exception) -> object:
    """A number of Milvus, or a status of gRPC."""
    code = getattr(error, "code", None)
    return code() if callable(code) else code
