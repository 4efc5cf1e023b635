"""The toy for servers in other processes: what they load, and how long a batch of it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from polyseek.engine.embedder import Embedder
from polyseek.models.spec import SPECS
from toy import Floats, meaning, toy_embedder, toy_spec

SPECS["toy"] = toy_spec(least_dimensions=8)


class Slow:
    """The toy's forward, 20 ms a batch. The word "poison" ends the process."""

    def __init__(self, embedder: Embedder) -> None:
        self._inner = embedder.forward
        self.precision = self._inner.precision
        self.batch_tokens, self.lanes = self._inner.batch_tokens, self._inner.lanes

    def pooled(self, rows: Sequence[Sequence[int]]) -> Floats:
        """As the toy's."""
        time.sleep(0.02)
        if any(meaning("poison") in row for row in rows):
            os._exit(1)
        return self._inner.pooled(rows)


def load(*_: object, **__: object) -> Embedder:
    """In place of engine.load.load; found by its name in a new process."""
    embedder = toy_embedder(least_dimensions=8)
    embedder.forward = Slow(embedder)
    return embedder
