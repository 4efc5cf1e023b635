"""Writes the format that models/q4 reads, a tiny model of it, from the format's description."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

HIDDEN, FFN, POSITIONS, LAYERS, HEADS = 32, 64, 8, 2, 4
EPSILON = 1e-12
PIECES = [
    ("<s>", 0.0),
    ("<pad>", 0.0),
    ("</s>", 0.0),
    ("<unk>", 0.0),
    ("▁cat", -2.0),
    ("▁", -3.0),
    ("s", -3.5),
    ("猫", -4.0),
    *((letter, -6.0) for letter in "cat<>/"),
]
PUBLISHED = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


@dataclass(frozen=True, slots=True)
class Tiny:
    """What was written, under the published names."""

    tensors: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)


def block(scale: float, nibbles: list[int]) -> bytes:
    """32 weights (nibble - 8) * scale in 18 bytes."""
    assert len(nibbles) == 32
    low, high = nibbles[:16], nibbles[16:]
    return struct.pack("<e", scale) + bytes(a | b << 4 for a, b in zip(low, high, strict=True))


def write_tiny(path: Path, magic: bytes = b"E5S1") -> Tiny:
    """The file at `path`, with random weights that 4 bits hold exactly."""
    random, tiny = np.random.default_rng(7), Tiny()
    stored: list[tuple[str, int, int, bytes]] = []

    def exact(name: str, published: str, shape: tuple[int, ...]) -> None:
        values = random.standard_normal(shape).astype(np.float32)
        tiny.tensors[published] = values
        stored.append((name, 0, values.size, values.tobytes()))

    def coarse(name: str, published: str, shape: tuple[int, int]) -> None:
        nibbles = random.integers(0, 16, (shape[0] * shape[1] // 32, 32))
        scales = (2.0 ** random.integers(-6, 0, len(nibbles))).astype(np.float32)
        values = ((nibbles - 8) * scales[:, None]).astype(np.float32)
        tiny.tensors[published] = values.reshape(shape)
        raw = b"".join(block(s, n) for s, n in zip(scales.tolist(), nibbles.tolist(), strict=True))
        stored.append((name, 1, values.size, raw))

    coarse("emb.word", "embeddings.word_embeddings.weight", (len(PIECES), HIDDEN))
    exact("emb.pos", "embeddings.position_embeddings.weight", (POSITIONS, HIDDEN))
    exact("emb.type", "embeddings.token_type_embeddings.weight", (2, HIDDEN))
    exact("emb.ln.w", "embeddings.LayerNorm.weight", (HIDDEN,))
    exact("emb.ln.b", "embeddings.LayerNorm.bias", (HIDDEN,))
    for layer in range(LAYERS):
        to = f"encoder.layer.{layer}"
        for part, published in PUBLISHED.items():
            out, into = {"fi": (FFN, HIDDEN), "fo": (HIDDEN, FFN)}.get(part, (HIDDEN, HIDDEN))
            coarse(f"l{layer}.{part}.w", f"{to}.{published}.weight", (out, into))
            exact(f"l{layer}.{part}.b", f"{to}.{published}.bias", (out,))
        for part, published in NORMS.items():
            exact(f"l{layer}.{part}.w", f"{to}.{published}.weight", (HIDDEN,))
            exact(f"l{layer}.{part}.b", f"{to}.{published}.bias", (HIDDEN,))
    path.write_bytes(_file(magic, stored))
    return tiny


def _file(magic: bytes, stored: list[tuple[str, int, int, bytes]]) -> bytes:
    texts = [text.encode() for text, _ in PIECES]
    offsets = np.cumsum([0, *map(len, texts)]).astype("<u4")
    shape = (HIDDEN, LAYERS, HEADS, FFN, len(PIECES), POSITIONS, 2)
    head = magic + struct.pack("<I7ifi", 1, *shape, EPSILON, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(offsets[-1]))
    head += offsets.tobytes() + np.array([s for _, s in PIECES], "<f4").tobytes() + b"".join(texts)
    normalisation = struct.pack("<IBI", 0xFF43, 1, ord("c"))
    head += struct.pack("<iI", 1, len(normalisation)) + normalisation
    directory_bytes = 4 + sum(2 + len(name.encode()) + 1 + 4 + 8 + 8 for name, *_ in stored)
    at, directory = len(head) + directory_bytes, struct.pack("<i", len(stored))
    for name, kind, elements, raw in stored:
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, elements, at, len(raw))
        at += len(raw)
    return head + directory + b"".join(raw for *_, raw in stored)
