"""Every error polyseek raises on purpose.

    PolyseekError
    ├── BadInput             the caller's text, file or argument cannot be used
    │   ├── TooLong          a text has more tokens than the model takes
    │   └── UndecodableFile  a file's bytes are not text in any encoding we know
    ├── ModelError           a model's files are missing, damaged or not the ones expected
    ├── Overloaded           more is waiting already than may wait; it may be asked again
    └── StoreError           a collection cannot be opened, read or written
        ├── Locked           another process is writing to it
        └── FingerprintMismatch  it was made with another model or other settings

Each message says what was wrong, with which value, and what to do next.
"""


class PolyseekError(Exception):
    """Base of every error polyseek raises on purpose."""


class BadInput(PolyseekError):
    """The caller's text, file or argument cannot be used."""


class TooLong(BadInput):
    """A text has more tokens than the model takes."""

    def __init__(self, which: str, has: str, do: str) -> None:
        """Which text, what it has too much of, and what to do."""
        super().__init__(f"{which} {has}; {do}")
        self.which, self.has = which, has


class UndecodableFile(BadInput):
    """A file's bytes are not text in any encoding we know."""


class ModelError(PolyseekError):
    """A model's files are missing, damaged or not the ones expected."""


class Overloaded(PolyseekError):
    """More is waiting already than may wait."""

    def __init__(self, told: str, retry_after_s: float = 1.0) -> None:
        super().__init__(told)
        self.retry_after_s = retry_after_s
        """When it is likely to be taken."""


class StoreError(PolyseekError):
    """A collection cannot be opened, read or written."""


class Locked(StoreError):
    """Another process is writing to the collection."""


class FingerprintMismatch(StoreError):
    """The collection was made with another model or other settings."""
