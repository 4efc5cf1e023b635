"""The 4-bit file: a block by hand, and a tiny model written by the test and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.e5s1 import PIECES, Tiny, block, write_tiny
from polyseek.errors import ModelError
from polyseek.models.q4 import Q4Model, dequantize, read_q4


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Q4Model]:
    path = tmp_path_factory.mktemp("q4") / "tiny.bin"
    return write_tiny(path), read_q4(path)


def test_a_block_by_hand() -> None:
    nibbles = [0, 15, 8, 9, 7, *[8] * 11, 1, 2, *[8] * 13, 14]
    weights = dequantize(np.frombuffer(block(0.5, nibbles), np.uint8))
    expected = [-4.0, 3.5, 0.0, 0.5, -0.5, *[0.0] * 11, -3.5, -3.0, *[0.0] * 13, 3.0]
    assert weights.dtype == np.float16
    assert weights.tolist() == expected


def test_bytes_of_a_block_by_hand() -> None:
    """Independent of the writer: scale 1.0 is 0x3C00, and byte 0xA3 holds 3 and 10."""
    raw = np.frombuffer(bytes([0x00, 0x3C, 0xA3, *[0x88] * 15]), np.uint8)
    weights = dequantize(raw)
    assert (weights[0], weights[16]) == (3 - 8, 10 - 8)
    assert not np.delete(weights, [0, 16]).any()


def test_blocks_follow_each_other() -> None:
    raw = np.frombuffer(block(1.0, [9] * 32) + block(-2.0, [9] * 32), np.uint8)
    assert dequantize(raw).tolist() == [1.0] * 32 + [-2.0] * 32


def test_tensors_come_back_under_their_published_names(written: tuple[Tiny, Q4Model]) -> None:
    tiny, model = written
    assert set(model.tensors) == set(tiny.tensors)
    for name, expected in tiny.tensors.items():
        assert model.tensors[name].shape == expected.shape, name
        assert np.array_equal(model.tensors[name], expected), name


def test_the_config_is_as_published(written: tuple[Tiny, Q4Model]) -> None:
    config = written[1].config
    assert np.isclose(config.pop("layer_norm_eps"), 1e-12)  # type: ignore[call-overload]
    assert config == {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "vocab_size": len(PIECES),
        "max_position_embeddings": 8,
        "type_vocab_size": 2,
        "pad_token_id": 1,
    }


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("cat", ["▁cat"]),
        ("cats  cat", ["▁cat", "s", "▁cat"]),
        ("ｃａｔ", ["▁cat"]),
        ("猫 cat\n", ["▁", "猫", "▁cat"]),
        ("qq", ["▁", "<unk>"]),
        ("</s>", ["▁", "<", "/", "s", ">"]),
        ("", []),
    ],
)
def test_the_tokenizer_cuts_into_pieces(
    written: tuple[Tiny, Q4Model], text: str, pieces: list[str]
) -> None:
    ids = written[1].tokenizer.encode(text).ids
    assert [PIECES[id][0] for id in ids] == ["<s>", *pieces, "</s>"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    write_tiny(path, magic=b"GGUF")
    with pytest.raises(ModelError, match=r"other\.bin is not an E5S1 model file; reinstall"):
        read_q4(path)
