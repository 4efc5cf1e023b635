"""What is to be done, and to which address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from polyseek.addresses import is_loopback
from polyseek.errors import BadInput

MOST_CALLERS = 512
"""Connections at once; each is an open file, and 1,024 are usual for a process."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go."""

    host: str
    port: int
    tls: bool
    root: str
    """Path of the API's root, such as "/v1"."""

    @property
    def authority(self) -> str:
        """As in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Of the API's root."""
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.root}"


@dataclass(frozen=True, slots=True)
class Step:
    """A load that is held for a while."""

    callers: int = 0
    """That wait for an answer before they ask again; 0 for a rate."""
    rate: float = 0.0
    """Requests a second, whatever is answered; 0 for callers."""

    @property
    def name(self) -> str:
        """Short: "16 callers", "20/s"."""
        if self.rate:
            return f"{self.rate:g}/s"
        return f"{self.callers} caller" + "s" * (self.callers > 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run is told, apart from its texts and its key."""

    target: Target
    steps: tuple[Step, ...]
    model: str = ""
    """Without it the first that the endpoint lists."""
    duration_s: float = 20.0
    """Of the measuring window of each step."""
    warmup_s: float = 3.0
    """Before the window, under the same load."""
    timeout_s: float = 60.0
    max_requests: int = 100_000
    """Of the whole run, warm-up included."""

    def __post_init__(self) -> None:
        for name, value, least in (
            ("--duration", self.duration_s, 0.1),
            ("--warmup", self.warmup_s, 0.0),
            ("--timeout", self.timeout_s, 0.001),
            ("--max-requests", self.max_requests, 1),
        ):
            if not least <= value < float("inf"):
                raise BadInput(f"{name} is {value:g}; give it at least {least:g}")


def read_target(url: str, *, remote: bool) -> Target:
    """`url` is the API's root, http://host:port/v1, with or without /embeddings.

    Raises:
        BadInput: it is no such address, or on another machine and `remote` does not allow it.
    """
    asked = f"the address is {url!r}; give the API's root, as http://127.0.0.1:30000/v1"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadInput(f"{asked} ({error})") from error
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise BadInput(asked)
    if parts.username or parts.query or parts.fragment:
        raise BadInput(f"{asked}, without a name, a query or a fragment; the key has its variable")
    if not remote and not is_loopback(host):
        raise BadInput(
            f"{host} is not this machine: a load test takes another's capacity; if it is yours to "
            "load, say so with --remote"
        )
    tls = parts.scheme == "https"
    root = parts.path.rstrip("/").removesuffix("/embeddings")
    return Target(host, port or (443 if tls else 80), tls, root)


def read_steps(concurrency: str, rate: str) -> tuple[Step, ...]:
    """From "1,4,8" and "5,10": first the callers, then the rates.

    Raises:
        BadInput: something else stands between the commas.
    """
    callers = [
        Step(callers=int(each)) for each in _numbers("--concurrency", concurrency, 1, MOST_CALLERS)
    ]
    if any(float(each) % 1 for each in _split(concurrency)):
        raise BadInput(f"--concurrency is {concurrency!r}; callers are counted in whole numbers")
    rates = [Step(rate=each) for each in _numbers("--rate", rate, 0.01, 100_000)]
    if not callers and not rates:
        raise BadInput(f"--concurrency {concurrency!r} and --rate {rate!r} have no number")
    return (*callers, *rates)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(flag: str, text: str, least: float, most: float) -> list[float]:
    found = []
    for part in _split(text):
        try:
            number = float(part)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise BadInput(
                f"{flag} has {part!r}; give numbers from {least:g} to {most:g}, separated by commas"
            )
        found.append(number)
    return found
