"""The toy model, slowed down and telling which process it runs in, so that a test can kill that."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from polyseek import Embedder
from polyseek.engine.pool import Floats
from polyseek.models.spec import Role
from toy import toy_embedder


class Slow(Embedder):
    """Each call is noted as a file in `notes`, whose name is the process, and takes a while."""

    def __init__(self, notes: Path, seconds: float) -> None:
        toy = toy_embedder()
        super().__init__(toy.spec, toy.weights, toy.tokenizer, toy.forward)
        self._notes, self._seconds = notes, seconds

    def embed(self, texts: Sequence[str], role: Role, **options: Any) -> Floats:  # noqa: ANN401
        """As the toy."""
        (self._notes / str(os.getpid())).touch()
        time.sleep(self._seconds)
        return super().embed(texts, role, **options)
