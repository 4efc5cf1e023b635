"""fastembed as a process for packages.py: `fastembed_peer.py MODEL THREADS ONNX-FILE`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from worker import Embed, serve


def load() -> Embed:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    directory, threads, file = sys.argv[1:]
    TextEmbedding.add_custom_model(
        model="local/e5",
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf="local/e5"),
        dim=384,
        model_file=file,
    )
    model = TextEmbedding("local/e5", threads=int(threads), specific_model_path=directory)

    def embed(texts: Sequence[str], batch: int) -> np.ndarray:
        return np.stack(list(model.embed(list(texts), batch_size=batch)))

    return embed


if __name__ == "__main__":
    serve(load)
