"""How a model that runs elsewhere is recognised: by what it makes of a few texts.

Its weights have no digest that we could see. A sketch is 64 numbers of 8 bits: each text's vector
seen from 16 directions. Two sketches are compared by cosine, for the same weights give slightly
different vectors on other hardware, in other precisions and in other batches.
"""

from __future__ import annotations

import base64

import numpy as np

from polyseek.engine.pool import Floats, normalize

TEXTS = (
    "How to fix ImportError in Python?",
    "发票必须保存多久？依据公司的合规规定，至少十年。",
    "Die Katze schläft auf dem warmen Server, während die Sicherung läuft.",
    "ログイン 401: パスワードの期限が切れています",
)
DIRECTIONS = 16
ALIKE = 0.998
"""Least cosine of two sketches of one model. bf16, fp16 and int8 of the same weights are above;
4-bit ones, other versions and other models below."""
PREFIX = "sketch:"


def sketch(vectors: Floats) -> str:
    """Of the vectors (n, D) of TEXTS; short, and JSON can hold it."""
    generator = np.random.Generator(np.random.Philox(key=vectors.shape[1]))
    signs = generator.integers(0, 2, (vectors.shape[1], DIRECTIONS)) * 2 - 1  # (D, 16)
    seen = (normalize(vectors).astype(np.float64) @ signs).ravel()  # (n * 16,)
    scaled = np.rint(seen * (127 / np.abs(seen).max())).astype(np.int8)
    return PREFIX + base64.b64encode(scaled.tobytes()).decode()


def alike(one: str, other: str) -> bool:
    """Whether two sketches are of one model, as far as they can tell."""
    a, b = _numbers(one), _numbers(other)
    if a is None or b is None or len(a) != len(b):
        return False
    return bool(a @ b >= ALIKE * np.linalg.norm(a) * np.linalg.norm(b))


def _numbers(text: str) -> np.ndarray | None:
    if not text.startswith(PREFIX):
        return None
    try:
        held = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        return None
    return np.frombuffer(held, np.int8).astype(np.float64)
