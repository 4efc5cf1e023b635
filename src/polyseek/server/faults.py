"""What goes wrong, in the form that OpenAI's clients read."""

from __future__ import annotations

import math
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from polyseek.errors import BadInput, ModelError, Overloaded, PolyseekError, TooLong

INVALID = "invalid_request_error"


class NoRoom(Overloaded):
    """A model is not loaded and those that are loaded are at work."""


class Lost(Overloaded):
    """No replica is there that could answer."""


CODES: dict[type[PolyseekError], tuple[int, str, str, str | None]] = {
    TooLong: (400, INVALID, "text_too_long", "input"),
    BadInput: (400, INVALID, "invalid_value", "input"),
    Lost: (503, "server_error", "no_replica", None),
    NoRoom: (429, "rate_limit_error", "no_room", "model"),
    Overloaded: (429, "rate_limit_error", "queue_full", None),
    ModelError: (503, "server_error", "model_unavailable", None),
    PolyseekError: (500, "server_error", "internal_error", None),
}
"""Status, type, code and param of each error; the first that fits. What is wrong with another
field than the input is told as a Fault."""


class Fault(Exception):
    """An answer that is an error, told where it is found."""

    def __init__(self, status: int, told: str, *, code: str, param: str | None = None) -> None:
        super().__init__(told)
        self.status, self.code, self.param = status, code, param


class Gone(Exception):
    """The client did not wait for its answer."""


def envelope(
    status: int, told: str, kind: str, code: str, param: str | None = None, **headers: str
) -> JSONResponse:
    """An error as OpenAI's API gives it."""
    error = {"message": told, "type": kind, "param": param, "code": code}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"error": error}, status, names)


async def on_fault(request: Request, error: Exception) -> JSONResponse:
    """Fault -> its answer."""
    assert isinstance(error, Fault)
    kind = "authentication_error" if error.status == 401 else INVALID
    headers = {"www_authenticate": "Bearer"} if error.status == 401 else {}
    return envelope(error.status, str(error), kind, error.code, error.param, **headers)


async def on_polyseek_error(request: Request, error: Exception) -> JSONResponse:
    """An error of ours -> the answer of its kind."""
    status, kind, code, param = next(told for of, told in CODES.items() if isinstance(error, of))
    headers = {}
    if isinstance(error, Overloaded):
        headers["retry_after"] = str(math.ceil(min(error.retry_after_s, 60)))
    return envelope(status, str(error), kind, code, param, **headers)


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """No such path (404), or not with this method (405)."""
    assert isinstance(error, HTTPException)
    told = f"{request.method} {request.url.path}: {error.detail}; /docs lists what there is"
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    answer = envelope(error.status_code, told, INVALID, code)
    answer.headers.update(error.headers or {})
    return answer


async def on_gone(request: Request, error: Exception) -> JSONResponse:
    """Nobody reads this; the status is for the metrics."""
    return envelope(499, "the client went away", INVALID, "client_closed_request")


def mistake(error: Exception) -> JSONResponse:
    """A mistake of ours. The server's log has where it happened."""
    told = f"the server made a mistake ({type(error).__name__}); its log tells more"
    return envelope(500, told, "server_error", "internal_error")


HANDLERS: dict[Any, Any] = {
    Fault: on_fault,
    Gone: on_gone,
    PolyseekError: on_polyseek_error,
    HTTPException: on_http_exception,
}
