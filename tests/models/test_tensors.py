"""Safetensors, mapped and not read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from polyseek.errors import ModelError
from polyseek.models.tensors import INDEX, SINGLE, read_tensors

A = np.arange(12, dtype=np.float32).reshape(3, 4) - 5.5
B = (np.arange(6, dtype=np.float16) / 8).reshape(2, 3)


def write_raw(path: Path, header: dict[str, object], data: bytes) -> None:
    """The format by hand: it also holds what NumPy has no type for."""
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + data)


def test_types_and_shapes_come_back(tmp_path: Path) -> None:
    save_file({"a": A, "b": B, "n": np.array([1, -2], np.int64)}, tmp_path / SINGLE)
    tensors = read_tensors(tmp_path)
    assert tensors["a"].dtype == np.float32
    assert tensors["b"].dtype == np.float16
    assert np.array_equal(tensors["a"], A)
    assert np.array_equal(tensors["b"], B)
    assert tensors["n"].tolist() == [1, -2]


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 0.15625, 3.0e38, 0.0], np.float32)
    high = (values.view(np.uint32) >> 16).astype("<u2")
    entry = {"dtype": "BF16", "shape": [5], "data_offsets": [0, 10]}
    write_raw(tmp_path / SINGLE, {"x": entry, "__metadata__": {"format": "pt"}}, high.tobytes())
    tensor = read_tensors(tmp_path)["x"]
    assert tensor.dtype == np.float32
    assert np.allclose(tensor, values, rtol=2**-7, atol=0)
    assert tensor[:3].tolist() == [1.0, -2.5, 0.15625]


def test_rows_are_picked_and_widened(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float32).reshape(4, 3)  # all exact in 16 bits
    high = (values.view(np.uint32) >> 16).astype("<u2")
    entry = {"dtype": "BF16", "shape": [4, 3], "data_offsets": [0, 24]}
    write_raw(tmp_path / SINGLE, {"x": entry}, high.tobytes())
    stored = read_tensors(tmp_path).stored("x")
    assert stored.kind == "BF16"
    assert stored.data.dtype == np.uint16  # two bytes a number, mapped
    picked = stored.rows(np.array([[3, 0], [0, 2]]))
    assert picked.dtype == np.float32
    assert np.array_equal(picked, values[[[3, 0], [0, 2]]])
    save_file({"a": A, "b": B}, tmp_path / SINGLE)
    for name, array in (("a", A), ("b", B)):
        picked = read_tensors(tmp_path).stored(name).rows(np.array([1, 1, 0]))
        assert picked.dtype == np.float32
        assert np.array_equal(picked, array[[1, 1, 0]])


@pytest.mark.parametrize("prefix", ["", "model.", "a.b."])
def test_names_below_a_prefix_are_found_by_the_anchor(tmp_path: Path, prefix: str) -> None:
    names = ("words.weight", "layers.0.words.weight", "norm.weight")
    given = {prefix + name: np.full(2, at, np.float32) for at, name in enumerate(names)}
    save_file({**given, "head.weight": A}, tmp_path / SINGLE)
    found = read_tensors(tmp_path).below("words.weight")
    assert [found.float32(name)[0] for name in names] == [0, 1, 2]
    with pytest.raises(ModelError, match=r"has no tensor 'bias', which a model of its type has"):
        found.stored("bias")


def test_tensors_are_mapped_and_not_read(tmp_path: Path) -> None:
    save_file({"a": A}, tmp_path / SINGLE)
    array: object = read_tensors(tmp_path)["a"]
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    assert isinstance(array, np.memmap)
    assert array.mode == "r"


def test_shards_are_joined(tmp_path: Path) -> None:
    save_file({"a": A}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": B}, tmp_path / "model-00002-of-00002.safetensors")
    weight_map = {f"{n}": f"model-0000{i}-of-00002.safetensors" for n, i in (("a", 1), ("b", 2))}
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    tensors = read_tensors(tmp_path)
    assert np.array_equal(tensors["a"], A)
    assert np.array_equal(tensors["b"], B)


def test_one_file_comes_before_an_index_that_was_left_beside_it(tmp_path: Path) -> None:
    save_file({"a": A}, tmp_path / SINGLE)
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {"a": "older.safetensors"}}))
    save_file({"a": A + 1}, tmp_path / "older.safetensors")
    assert np.array_equal(read_tensors(tmp_path)["a"], A)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {"a": "lost.safetensors"}}))
    with pytest.raises(ModelError, match=r"names lost\.safetensors, which is not there"):
        read_tensors(tmp_path)


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ModelError, match="safetensors only, never pickle"):
        read_tensors(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 8, 40, -1, -20])
def test_a_file_cut_short_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / SINGLE
    save_file({"a": A}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged .*fetch it again"):
        read_tensors(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b'"text"',
        b'{"a": 1}',
        b'{"a": {"dtype": "F8", "shape": [1], "data_offsets": [0, 1]}}',
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b"\xff\xfe",
    ],
)
def test_a_header_that_makes_no_sense_is_named(tmp_path: Path, header: bytes) -> None:
    data = len(header).to_bytes(8, "little") + header + bytes(4)
    (tmp_path / SINGLE).write_bytes(data)
    with pytest.raises(ModelError, match="is damaged"):
        read_tensors(tmp_path)


def test_an_absurd_header_length_is_named(tmp_path: Path) -> None:
    (tmp_path / SINGLE).write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelError, match="is damaged"):
        read_tensors(tmp_path)
