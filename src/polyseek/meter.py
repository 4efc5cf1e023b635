"""How far a run is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    done: int
    """Files that have been read, of `files`."""
    files: int
    embedded: int
    """Passages so far."""
    share: float
    """Of the work, from 0 to 1, by the bytes of the files; of the stage, if there is one, and 1
    for one that cannot tell."""
    stage: str = ""
    """What is done when no file is read: "making indexes", "finding versions", "comparing
    versions"."""


Watch = Callable[[Progress], None]


class Meter:
    """Tells `watch` of each step. The bytes of a file count when nothing more has to be done for
    it, and little by little while it gets its vectors, which is what takes the time."""

    def __init__(self, watch: Watch, sizes: Mapping[str, int]) -> None:
        """`sizes`: name of a file -> its bytes."""
        self._watch, self._sizes = watch, sizes
        self._total = sum(sizes.values()) or 1
        self._done = self._settled = self._waiting = 0
        self._embedded = self._texts = 0

    def read(self, name: str, *, waits: bool) -> None:
        """A file has been read, and waits for vectors or needs none."""
        self._done += 1
        if waits:
            self._waiting += self._sizes[name]
        else:
            self._settled += self._sizes[name]
        self._tell()

    def embedding(self, more: int, texts: int, passages: int) -> None:
        """So many more texts have their vectors, of those that the waiting files lack: `texts` in
        all, which are `passages` and their sentences."""
        self._texts += more
        self._tell(self._waiting * self._texts / texts, passages * self._texts // texts)

    def stored(self, passages: int) -> None:
        """All that waited is stored, with so many passages that were embedded."""
        self._settled += self._waiting
        self._embedded += passages
        self._waiting = self._texts = 0
        self._tell()

    def _tell(self, partly: float = 0.0, passages: int = 0) -> None:
        share = (self._settled + partly) / self._total
        self._watch(Progress(self._done, len(self._sizes), self._embedded + passages, share))
