"""sentence-transformers as a process for packages.py, with the back end that is asked for.

    sentence_transformers_peer.py MODEL THREADS torch|onnx|onnx-int8|openvino

ONNX is exported by optimum into MODEL/onnx, where fastembed and infinity find it too; int8 is made
of it by the package's own `export_dynamic_quantized_onnx_model` for AVX-512 VNNI.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from worker import Embed, serve

INT8 = "onnx/model_qint8_avx512_vnni.onnx"


def load() -> Embed:
    directory, threads, backend = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    model = {"torch": with_torch, "openvino": with_openvino}.get(backend, with_onnx)(
        directory, threads, backend
    )

    def embed(texts: Sequence[str], batch: int) -> np.ndarray:
        return np.asarray(model.encode(list(texts), batch_size=batch, show_progress_bar=False))

    return embed


def with_torch(directory: Path, threads: int, backend: str) -> Any:  # noqa: ANN401
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    return SentenceTransformer(str(directory), device="cpu", backend=backend)


def with_openvino(directory: Path, threads: int, backend: str) -> Any:  # noqa: ANN401
    from sentence_transformers import SentenceTransformer

    settings = {"ov_config": {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}}
    return SentenceTransformer(
        str(directory), device="cpu", backend=backend, model_kwargs=settings | {"export": True}
    )


def with_onnx(directory: Path, threads: int, backend: str) -> Any:  # noqa: ANN401
    import onnxruntime
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    settings = {"session_options": options, "provider": "CPUExecutionProvider"}
    if not (directory / "onnx" / "model.onnx").exists():
        made = SentenceTransformer(str(directory), backend="onnx", model_kwargs={"export": True})
        with tempfile.TemporaryDirectory() as saved:  # with files that older versions cannot read
            made.save_pretrained(saved)
            shutil.copytree(Path(saved) / "onnx", directory / "onnx")
    if backend == "onnx-int8" and not (directory / INT8).exists():
        made = SentenceTransformer(str(directory), backend="onnx")
        export_dynamic_quantized_onnx_model(made, "avx512_vnni", str(directory))
    file = INT8 if backend == "onnx-int8" else "onnx/model.onnx"
    return SentenceTransformer(
        str(directory), device="cpu", backend="onnx", model_kwargs=settings | {"file_name": file}
    )


if __name__ == "__main__":
    serve(load)
