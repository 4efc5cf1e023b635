"""HTTP to an OpenAI-compatible endpoint: tries again what may go well, says what went wrong."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from polyseek.closing import Closing
from polyseek.errors import BadInput, ModelError

if TYPE_CHECKING:
    import httpx2

AGAIN = {408, 409, 425, 429, 500, 502, 503, 504}
"""Statuses after which the same request may be answered."""
SIZE = {400, 413, 422, 500}
"""Statuses that servers give to what is too long or too much. With any other, such words are about
something else: a key that is an invalid token (401), or tokens per minute (429)."""
LONG = re.compile(
    r"too long|context (length|size|window)|max.{0,40}length|input length|length of the input"
    r"|physical batch|\b(than|most|max(imum)?|takes|exceeds?)\b.{0,40}\btokens"
    r"|\btokens\b.{0,80}\b(than|max(imum)?|takes|exceeds?)\b",
    re.IGNORECASE,
)
"""In an error's words: a text has more than the model takes."""
MUCH = re.compile(
    r"too (large|big)|too many (inputs?|texts|tokens|items|strings|documents|prompts|sequences)"
    r"|batch.?size|in one batch|at most \d+|texts .{0,60}a request",
    re.IGNORECASE,
)
"""In an error's words: the request has, whatever its texts."""
LOOK = "check that the server runs and that --model-url is its address, then run it again"
LATER = "it has had more requests than it takes: run it again later"
LOOPBACK = ("localhost", "127.", "::1")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an endpoint is waited for."""

    tries: int = 8
    """Of each request, if the endpoint has answered before."""
    first_tries: int = 3
    """Before its first answer: a wrong address is told soon."""
    hung_tries: int = 2
    """That may end with `answer_s`."""
    wait_s: float = 0.5
    """Before the second try; doubled before each further one, and varied by half."""
    longest_s: float = 60.0
    """Most that is waited, also if the endpoint names a time itself."""
    connect_s: float = 10.0
    answer_s: float = 120.0


class Refused(ModelError):
    """An answer that says no, and would again."""

    def __init__(self, told: str, status: int, reason: str) -> None:
        super().__init__(told)
        self.status = status
        self.reason = reason
        """In the endpoint's own words."""

    @property
    def too_long(self) -> bool:
        """Whether a text is, and not the request."""
        return self.status in SIZE and LONG.search(self.reason) is not None

    @property
    def too_much(self) -> bool:
        """Whether no second try helps, and less text does."""
        much = self.status == 413 or MUCH.search(self.reason) is not None
        return self.status in SIZE and (much or self.too_long)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A try after which another may go well."""

    why: str
    asked_s: float = 0.0
    """How long the endpoint asks to wait."""
    hung: bool = False
    todo: str = LOOK


class Endpoint(Closing):
    """`url` is the API's root, as clients of OpenAI's take it: http://host:port/v1."""

    def __init__(
        self,
        url: str,
        key: str = "",
        patience: Patience | None = None,
        sleep: Callable[[float, Event], object] = lambda seconds, stop: stop.wait(seconds),
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"model_url is {url!r}; give it as http://host:port/v1")
        self.url = url.rstrip("/").removesuffix("/embeddings")
        self._own_machine = parts.hostname.startswith(LOOPBACK)
        self._key = key
        self._patience = patience or Patience()
        self._sleep = sleep
        self._reached = False
        self._making = Lock()
        self._client: httpx2.Client | None = None

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """The answer to GET url + path.

        Raises:
            Refused: an answer that says no. ModelError: none, or one that cannot be read.
        """
        return self._ask("GET", self.url + path, None)

    def post(self, path: str, body: object, stop: Event | None = None) -> Any:  # noqa: ANN401
        """The answer to POST url + path; a path that begins with "//" is below the host and not
        below the API's root. It is called from several threads at once; there is no further try
        once `stop` is set.

        Raises:
            Refused, ModelError: as `get`.
        """
        base = self.url.removesuffix("/v1") if path.startswith("//") else self.url
        return self._ask("POST", base + path.replace("//", "/"), body, stop)

    def close(self) -> None:
        """Let go of the connections; another request makes new ones."""
        with self._making:
            made, self._client = self._client, None
        if made is not None:
            made.close()

    def _connected(self) -> httpx2.Client:
        import httpx2  # imported here: it takes 0.1 s, and a model in this process needs none

        with self._making:
            if self._client is None:
                self._client = httpx2.Client(
                    headers={"authorization": f"Bearer {self._key}"} if self._key else {},
                    timeout=httpx2.Timeout(
                        self._patience.answer_s, connect=self._patience.connect_s
                    ),
                    trust_env=not self._own_machine,  # a proxy is for other machines
                )
            return self._client

    def _ask(self, method: str, url: str, body: object, stop: Event | None = None) -> Any:  # noqa: ANN401 - JSON
        patience, hung = self._patience, 0
        stop = stop or Event()
        for tried in itertools.count(1):
            answer = self._try(method, url, body)
            if not isinstance(answer, _Failure):
                return self._read(answer)
            hung += answer.hung
            most = patience.tries if self._reached else patience.first_tries
            if tried >= most or hung >= patience.hung_tries or stop.is_set():
                raise ModelError(
                    f"{url} cannot be used: {answer.why}, after {tried} tries; {answer.todo}"
                )
            wait_s = min(patience.wait_s * 2 ** (tried - 1), patience.longest_s)
            self._sleep(max(answer.asked_s, wait_s * random.uniform(0.5, 1.5)), stop)
            if stop.is_set():
                raise ModelError(f"{url} is not tried again: {answer.why}, and others have failed")
        raise AssertionError("not reached: tries end")

    def _try(self, method: str, url: str, body: object) -> httpx2.Response | _Failure:
        import httpx2

        try:
            answer = self._connected().request(method, url, json=body)
        except httpx2.TimeoutException as error:
            return _Failure(f"no answer in time ({type(error).__name__})", hung=True)
        except httpx2.TransportError as error:
            return _Failure(str(error) or type(error).__name__)
        except httpx2.InvalidURL as error:
            raise BadInput(f"model_url is {self.url!r}: {error}") from error
        self._reached = True
        if answer.is_success:
            return answer
        asked_s = waits_s(answer.headers.get("retry-after", ""))
        refused = self._refused(answer, asked_s)
        hopeless = answer.status_code not in AGAIN or refused.too_much
        if hopeless or asked_s > self._patience.longest_s:
            raise refused
        todo = LATER if refused.status == 429 else LOOK
        return _Failure(f"it answers {refused.status}: {refused.reason}", asked_s, todo=todo)

    def _read(self, answer: httpx2.Response) -> Any:  # noqa: ANN401 - JSON
        try:
            return answer.json()
        except ValueError as error:
            raise ModelError(
                f"{answer.url} answers with what is not JSON: {answer.text[:60]!r}; is --model-url "
                "the root of an OpenAI-compatible API, with /v1 at its end?"
            ) from error

    def _refused(self, answer: httpx2.Response, asked_s: float) -> Refused:
        status, reason = answer.status_code, reason_of(answer)
        wrong = "the key that was sent is wrong" if self._key else "no key was sent"
        todo = {
            401: f"; {wrong}: set POLYSEEK_MODEL_KEY to one that it knows",
            403: f"; {wrong}, or may not do this: set POLYSEEK_MODEL_KEY to one that may",
            404: "; --model-url ends with /v1 at most servers, and --model is a name it knows",
        }.get(
            status, f"; it asks to come again in {asked_s:g} s: run it again then" * bool(asked_s)
        )
        return Refused(f"{answer.url} answers {status}: {reason}{todo}", status, reason)


def reason_of(answer: httpx2.Response) -> str:
    """What an error's body says, in any of the forms that servers use."""
    try:
        told: Any = answer.json()
    except ValueError:
        return " ".join(answer.text.split())[:300]
    for name in ("error", "message", "detail"):
        while isinstance(told, dict) and told.get(name):
            told = told[name]
    return " ".join(str(told).split())[:300]


def waits_s(retry_after: str) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 if it is neither."""
    if not retry_after:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
