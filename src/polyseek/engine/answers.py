"""What an endpoint answers, as vectors; nothing in it is taken on trust."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from polyseek.engine.pool import Floats
from polyseek.errors import ModelError


def vectors_of(
    answer: Any,  # noqa: ANN401 - JSON
    count: int,
    dimensions: int,
    url: str,
) -> Floats:
    """The vectors (count, D) float32 of an answer of POST /embeddings, in the order of the texts.

    `dimensions` is D; 0 if it is not known yet.

    Raises:
        ModelError: it is not an answer, or not all vectors are there, finite and of one length.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise ModelError(f"{url} answers {str(answer)[:80]!r}, which holds no embeddings")
    if len(data) != count:
        raise ModelError(f"{url} answers with {len(data)} vectors for {count} texts")
    order = [each.get("index", at) for at, each in enumerate(data)]
    if not all(type(at) is int for at in order) or sorted(order) != list(range(count)):
        raise ModelError(f"{url} answers with the indexes {order}, not with each of {count} once")
    rows = [_vector(each.get("embedding"), url) for each in data]
    lengths = {len(row) for row in rows} | ({dimensions} if dimensions else set())
    if len(lengths) > 1 or 0 in lengths:
        told = ", ".join(str(length) for length in sorted(lengths))
        raise ModelError(
            f"{url} answers with vectors of {told} dimensions, where all should have "
            f"{dimensions or 'as many'}; is it the model it was?"
        )
    vectors = np.empty((count, len(rows[0])), np.float32)
    vectors[order] = rows
    with np.errstate(over="ignore"):  # infinite, which is refused
        length = np.linalg.norm(vectors, axis=1)  # (count,)
    if not (np.isfinite(length) & (length > 0)).all():
        raise ModelError(
            f"{url} answers with a vector that has no direction (NaN, infinite or all zeros); "
            "models that were trained in bf16 or fp32 can overflow in fp16: start the server so"
        )
    return vectors


def _vector(told: object, url: str) -> np.ndarray:
    """Floats as JSON numbers, or the base64 of their little-endian bytes; some servers know only
    one of the two, whatever they are asked for."""
    try:
        row = (
            np.frombuffer(base64.b64decode(told, validate=True), "<f4")
            if isinstance(told, str)
            else np.asarray(told)
        )
    except ValueError:
        row = np.empty(0, object)
    if row.dtype.kind not in "iuf" or row.shape[-1:] != (row.size,):  # llama.cpp has had (1, D)
        raise ModelError(f"{url} answers with {str(told)[:60]!r} where a vector was due")
    with np.errstate(over="ignore"):
        return row.reshape(-1).astype(np.float32)
