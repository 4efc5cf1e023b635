"""From a model's name to an embedder that runs."""

from __future__ import annotations

from pathlib import Path

from polyseek.engine.embedder import Embedder
from polyseek.engine.openvino import OpenVINOForward, Precision
from polyseek.engine.tokenize import Tokenizer
from polyseek.models.sources import locate, weights_digest
from polyseek.models.spec import DEFAULT, find_spec


def load(
    model: str = DEFAULT,
    directory: Path | None = None,
    *,
    precision: Precision = "int8",
    download: bool = False,
    threads: int = 0,
) -> Embedder:
    """The model called `model`, from `directory` or wherever its weights are (models/sources).

    Raises:
        ModelError: unknown model, or no usable weights; the message says how to get them.
    """
    spec = find_spec(model)
    found = locate(spec, directory, download)
    forward = OpenVINOForward(found, spec, precision, threads)
    return Embedder(spec, weights_digest(found), Tokenizer(found), forward)
