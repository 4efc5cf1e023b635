"""Before the load: where the host is, which model, how long its texts are. What is wrong with an
endpoint is told here, once and at length, and not as so many errors of the load."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from polyseek.errors import BadInput, ModelError
from polyseek.loadtest.answers import tokens_of
from polyseek.loadtest.client import Failed, connect, get, post
from polyseek.loadtest.lines import Lines
from polyseek.loadtest.plan import Plan
from polyseek.loadtest.texts import Generated, Texts

HINTS = {
    "connection refused": "nothing listens there: start the server, or correct the address",
    "no connection": "check the address and the network",
    "no connection in time": "check the address and the network, and whether it wants http:// or "
    "https://",
    "connection closed": "the server hangs up; its log may say why",
    "not HTTP": "does it want https:// instead of http://, or the other way?",
    "TLS refused": "does it want http:// instead of https://, or has it a certificate of its own?",
    "timeout": "the server takes connections and does not answer; --timeout allows it longer",
    "401": "POLYSEEK_MODEL_KEY (or --api-key) holds its key",
    "403": "POLYSEEK_MODEL_KEY (or --api-key) holds its key",
    "404": "give the API's root, which ends with /v1 at most servers, and --model a name it knows",
    "429": "it refuses even a single request: is it under load already, or the key's quota used?",
    "no vectors": "is this the root of an OpenAI-compatible API, with /v1 at its end?",
}
"""Kind of failure -> what to do."""


async def look_up(plan: Plan) -> str:
    """The first address of the target's host that takes a connection: looked up once, not in every
    latency. A server often listens on one of 127.0.0.1 and ::1, which are both "localhost".

    Raises:
        ModelError: there is none.
    """
    target = plan.target
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=1)
    except (OSError, UnicodeError) as error:
        raise ModelError(
            f"{target.host} has no address ({error}); check how it is written"
        ) from error
    until = asyncio.get_running_loop().time() + plan.timeout_s
    failures = []
    for address in dict.fromkeys(str(info[4][0]) for info in found):
        try:
            (await connect(target, address, until)).close()
        except Failed as failed:
            failures.append(failed)
        else:
            return address
    raise _useless(plan, failures[0])


async def choose_model(plan: Plan, lines: Lines, key: str) -> str:
    """The plan's model, or the first that the endpoint lists.

    Raises:
        BadInput: it lists none. ModelError: it does not answer.
    """
    if plan.model:
        return plan.model
    path = plan.target.root + "/models"
    status, body = await _answer(plan, lines, get(plan.target, path, key))
    try:
        return str(json.loads(body)["data"][0]["id"])
    except (ValueError, LookupError, TypeError) as error:
        if status in (401, 403, 429) or status >= 500:
            raise _useless(plan, _failed(status, body)) from error
        raise BadInput(
            f"{plan.target.url} does not list its models ({status}); name one with --model, and "
            "see that the address is the API's root, with /v1 at most servers"
        ) from error


async def try_out(plan: Plan, lines: Lines, model: str, texts: Texts, key: str) -> None:
    """Ask for a vector, of each script if texts are generated, whose lengths are then known.

    Raises:
        ModelError: there is no vector.
    """
    if not isinstance(texts, Generated):
        await _tokens(plan, lines, model, texts.take(1)[0], key)
        return
    for script, text in texts.samples().items():
        if tokens := await _tokens(plan, lines, model, text, key):
            texts.fit(script, tokens)


async def _tokens(plan: Plan, lines: Lines, model: str, text: str, key: str) -> int:
    request = post(plan.target, "/embeddings", body_of(model, [text]), key)
    status, body = await _answer(plan, lines, request)
    try:
        tokens = tokens_of(status, body)
        told: Any = json.loads(body)
        if not told["data"][0]["embedding"]:
            raise Failed("no vectors", "the vector is empty")
    except Failed as failed:
        raise _useless(plan, failed) from failed
    except (ValueError, LookupError, TypeError) as error:
        raise _useless(plan, Failed("no vectors", str(error))) from error
    return tokens


async def _answer(plan: Plan, lines: Lines, request: bytes) -> tuple[int, bytes]:
    until = asyncio.get_running_loop().time() + plan.timeout_s
    try:
        return await lines.ask(request, until)
    except Failed as failed:
        raise _useless(plan, failed) from failed


def _failed(status: int, body: bytes) -> Failed:
    try:
        tokens_of(status, body)
    except Failed as failed:
        return failed
    return Failed("no vectors")


def _useless(plan: Plan, failed: Failed) -> ModelError:
    answered = f"answers {failed.kind}" if failed.kind.isdigit() else f"fails: {failed.kind}"
    said = f" ({failed.reason})" if failed.reason else ""
    moved = failed.kind in ("301", "302", "303", "307", "308")
    hint = "give the address it leads to" if moved else HINTS.get(failed.kind, "")
    return ModelError(
        f"{plan.target.url} {answered}{said}, before the load has begun" + (hint and f"; {hint}")
    )


def body_of(model: str, texts: list[str]) -> bytes:
    """Of a request for vectors."""
    return json.dumps({"model": model, "input": texts}, ensure_ascii=False).encode()
