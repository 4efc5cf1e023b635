"""infinity's engine, without its server, as a process for packages.py.

    infinity_peer.py MODEL THREADS torch|optimum

`optimum` takes ONNX Runtime with the int8 file, which infinity prefers on a CPU. Its batch size is
fixed when it loads, so an engine is made for each that is asked for, and one is kept.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from worker import Embed, serve


def laid_out(model: Path) -> str:
    """The model with its int8 file beside the others, in a directory that becomes the current one:
    infinity hands optimum the file's path, and the optimum of today takes only a bare name."""
    place = model / "infinity"
    if not place.exists():
        place.mkdir()
        for file in (*model.glob("*.json"), *model.glob("*.safetensors"), model / "1_Pooling"):
            (place / file.name).symlink_to(file)
        (place / "2_Normalize").mkdir()
        for file in model.glob("onnx/*qint8*"):
            (place / "model_quantized.onnx").symlink_to(file)
    return str(place)


def load() -> Embed:
    directory, threads, engine = sys.argv[1:]
    os.chdir(laid_out(Path(directory)))
    os.environ["INFINITY_ANONYMOUS_USAGE_STATS"] = "0"
    os.environ["OMP_NUM_THREADS"] = threads
    import torch
    from infinity_emb import AsyncEmbeddingEngine, EngineArgs

    torch.set_num_threads(int(threads))
    loop = asyncio.new_event_loop()
    started: dict[int, Any] = {}

    async def start(batch: int) -> Any:  # noqa: ANN401
        settings = EngineArgs(
            model_name_or_path=".",
            engine=engine,
            device="cpu",
            batch_size=batch,
            pooling_method="mean",
            model_warmup=False,
            bettertransformer=False,
            dtype="float32",
        )
        made = AsyncEmbeddingEngine.from_args(settings)
        await made.astart()
        return made

    def embed(texts: Sequence[str], batch: int) -> np.ndarray:
        if batch not in started:
            for other in started.values():
                loop.run_until_complete(other.astop())
            started.clear()
            started[batch] = loop.run_until_complete(start(batch))
        vectors, _ = loop.run_until_complete(started[batch].embed(sentences=list(texts)))
        return np.stack(vectors)

    embed(["warm"], 32)
    return embed


if __name__ == "__main__":
    serve(load)
