"""HTTP to an OpenAI-compatible endpoint: tries again what may go well, says what went wrong."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from polyseek.addresses import is_loopback
from polyseek.closing import Closing
from polyseek.engine.refused import refusal, waits_s
from polyseek.errors import BadInput, ModelError

if TYPE_CHECKING:
    import httpx2

AGAIN = {408, 409, 425, 429, 500, 502, 503, 504}
"""Statuses after which the same request may be answered."""
LOOK = "check that the server runs and that --model-url is its address, then run it again"
LATER = "it has had more requests than it takes: run it again later"
FORM = "give it as http://host:port/v1"


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
        if not re.fullmatch("[!-~]*", key):
            raise BadInput(
                "model_key (POLYSEEK_MODEL_KEY) holds white space or characters beyond ASCII, and "
                "no header can carry those; set it to the key alone, without a new line at its end"
            )
        parts = _parsed(url)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        self.url = bare.geturl().rstrip("/").removesuffix("/embeddings")
        """Without the user and the password, which are sent and never shown."""
        self._login: tuple[str, str] | None = None
        if parts.username is not None:
            self._login = unquote(parts.username), unquote(parts.password or "")
        self._own_machine = is_loopback(parts.hostname or "")
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
        with self._making:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> httpx2.Client:
        import httpx2  # imported here: it takes 0.1 s, and a model in this process needs none

        patience = self._patience
        try:
            return httpx2.Client(
                headers={"authorization": f"Bearer {self._key}"} if self._key else {},
                auth=self._login,
                timeout=httpx2.Timeout(patience.answer_s, connect=patience.connect_s),
                trust_env=not self._own_machine,  # a proxy is for other machines
            )
        except (httpx2.InvalidURL, ImportError, OSError, ValueError) as error:
            raise ModelError(
                f"{self.url} cannot be asked: {error}; look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY "
                "and SSL_CERT_FILE in the environment"
            ) from error

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
        except httpx2.DecodingError as error:
            raise ModelError(
                f"{url} answers with a body that is not in its content-encoding ({error}); look at "
                "the server, or at what stands between"
            ) from error
        except UnicodeEncodeError as error:
            raise BadInput(
                f"{error.object[error.start : error.end]!r} cannot be sent to {url}: half of a "
                "surrogate pair is not text; look at the prompts, the instruction and the model"
            ) from error
        except httpx2.InvalidURL as error:
            raise BadInput(f"model_url is {self.url!r}: {error}; {FORM}") from error
        self._reached = True
        if answer.is_success:
            return answer
        asked_s = waits_s(answer.headers.get("retry-after", ""))
        refused = refusal(answer, self._key, asked_s)
        hopeless = answer.status_code not in AGAIN or refused.too_much
        if hopeless or asked_s > self._patience.longest_s:
            raise refused
        todo = LATER if refused.status == 429 else LOOK
        return _Failure(f"it answers {refused.status}: {refused.reason}", asked_s, todo=todo)

    def _read(self, answer: httpx2.Response) -> Any:  # noqa: ANN401 - JSON
        try:
            return answer.json()
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"{answer.url} answers with what is not JSON: {answer.text[:60]!r}; is --model-url "
                "the root of an OpenAI-compatible API, with /v1 at its end?"
            ) from error


def _parsed(url: str) -> SplitResult:
    """Raises BadInput if it is not an address that can be asked."""
    with suppress(ValueError):  # of any part
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
        if host and parts.scheme in ("http", "https") and not parts.query + parts.fragment:
            return parts
    raise BadInput(f"model_url is {re.sub('//.*@', '//…@', url)!r}; {FORM}")
