"""Our engine as a process for packages.py: `polyseek_peer.py MODEL THREADS int8|fp32`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from worker import Embed, serve


def load() -> Embed:
    from polyseek.engine.load import load as load_model
    from polyseek.models.spec import DEFAULT, find_spec

    _, threads, precision = sys.argv[1:]
    prompt = find_spec(DEFAULT).passage_prompt
    embedder = load_model(precision=precision, threads=int(threads))  # type: ignore[arg-type]

    def embed(texts: Sequence[str], batch: int) -> np.ndarray:
        del batch  # it makes its own
        bare = [text.removeprefix(prompt) for text in texts]
        return embedder.embed(bare, "passage", truncate="end")

    return embed


if __name__ == "__main__":
    serve(load)
