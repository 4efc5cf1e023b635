"""Who may ask: clients with one of the keys, if there are any."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from fastapi import Request

from polyseek.server.faults import Fault

HOW = 'send the header "Authorization: Bearer KEY"'


class KeyCheck:
    """A dependency of routes: lets a request pass, or refuses it."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    async def __call__(self, request: Request) -> None:
        """Raises Fault (401) if there are keys and the request has none of them. Asynchronous, for
        FastAPI would send every request through its thread pool otherwise."""
        if not self._keys:
            return
        given = request.headers.get("authorization", "")
        if not given:
            raise Fault(401, f"no API key; {HOW}", code="missing_api_key")
        scheme, _, key = given.partition(" ")
        sent = key.strip().encode("latin-1")  # the bytes as they came
        # All are compared, each in a time that does not depend on where it differs.
        right = [hmac.compare_digest(sent, known) for known in self._keys]
        if scheme.lower() != "bearer" or not any(right):
            raise Fault(401, f"this API key is not known here; {HOW}", code="invalid_api_key")
