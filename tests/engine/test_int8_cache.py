"""8-bit weights that are made once and kept."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from engine.tiny import GOLDEN
from polyseek.engine import int8_cache
from polyseek.engine.int8 import quantize_rows
from polyseek.engine.int8_cache import LEVELS_OF, SCALES_OF, rounded_weights
from polyseek.engine.load import load
from polyseek.errors import ModelError
from polyseek.models.tensors import Tensors, read_tensors
from toy import Floats

DIGEST = "ab" * 32


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLYSEEK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "int8"


@pytest.fixture
def tensors() -> Tensors:
    return read_tensors(GOLDEN / "tiny-qwen3")


def never(weight: Floats) -> None:
    raise AssertionError(f"{weight.shape} is rounded again")


def test_every_matrix_of_a_layer_is_rounded_and_nothing_else(cache: Path, tensors: Tensors) -> None:
    made = rounded_weights(tensors, DIGEST)
    wanted = {n for n in tensors if n.startswith("layers.") and tensors[n].ndim == 2}
    assert len(wanted) == 3 * 7
    assert set(made) == {n + kind for n in wanted for kind in (LEVELS_OF, SCALES_OF)}
    for name in wanted:
        levels, scale = quantize_rows(tensors.float32(name))
        assert np.array_equal(made.stored(name + LEVELS_OF).data, levels)
        assert np.array_equal(made.stored(name + SCALES_OF).data, scale)


def test_what_is_kept_is_of_this_version(cache: Path, tensors: Tensors) -> None:
    """Raise VERSION where this fails: files that were written before are read by their names."""
    rounded_weights(tensors, DIGEST)
    (path,) = cache.iterdir()
    told = (int8_cache.VERSION, hashlib.sha256(path.read_bytes()).hexdigest()[:16])
    assert told == (1, "3ee09bdc282667f6")
    assert path.name == f"{DIGEST[:32]}-1.safetensors"


def test_the_file_is_a_safetensors_file_that_names_its_source(
    cache: Path, tensors: Tensors
) -> None:
    made = rounded_weights(tensors, DIGEST)
    (path,) = cache.iterdir()
    with safe_open(path, "numpy") as file:
        assert file.metadata() == {"source": DIGEST}
    theirs = load_file(path)
    assert set(theirs) == set(made)
    assert all(np.array_equal(theirs[name], made.stored(name).data) for name in made)


def test_it_is_made_once_for_each_digest(
    cache: Path, tensors: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounded_weights(tensors, DIGEST)
    monkeypatch.setattr(int8_cache, "quantize_rows", never)
    rounded_weights(tensors, DIGEST)
    with pytest.raises(AssertionError, match="rounded again"):
        rounded_weights(tensors, "cd" * 32)
    assert len(list(cache.iterdir())) == 1  # what failed has left nothing


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_damaged_file_is_made_again(cache: Path, tensors: Tensors, keep: int) -> None:
    rounded_weights(tensors, DIGEST)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    rounded_weights(tensors, DIGEST)
    assert path.read_bytes() == whole


def test_makers_at_once_end_with_one_file(cache: Path, tensors: Tensors) -> None:
    together = Barrier(4)

    def make() -> bytes:
        together.wait()
        rounded_weights(tensors, DIGEST)
        (path,) = cache.glob("[!.]*")
        return path.read_bytes()

    with ThreadPoolExecutor(4) as workers:
        made = [each.result() for each in [workers.submit(make) for _ in range(4)]]
    assert len(set(made)) == 1
    assert len(list(cache.iterdir())) == 1


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(
    cache: Path, tensors: Tensors
) -> None:
    cache.mkdir(parents=True)
    left, writing = (cache / f".{DIGEST[:32]}-1.safetensors.{end}" for end in ("old", "new"))
    for file in (left, writing):
        file.write_bytes(b"half")
    os.utime(left, (1e9, 1e9))
    rounded_weights(tensors, DIGEST)
    assert not left.exists()
    assert writing.read_bytes() == b"half"


def test_a_cache_that_cannot_be_written_is_named(cache: Path, tensors: Tensors) -> None:
    cache.parent.write_text("a file where the directory should be")
    with pytest.raises(ModelError, match=r"cannot be written to .*POLYSEEK_CACHE.*fp32"):
        rounded_weights(tensors, DIGEST)


def test_its_version_is_in_the_fingerprint(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for version in (1, 2):
        monkeypatch.setattr("polyseek.engine.openvino.VERSION", version)
        for precision in ("int8", "fp32"):
            made = load(str(GOLDEN / "tiny-qwen3"), backend="openvino", precision=precision)
            told.append(made.fingerprint["precision"])
    assert told == ["int8-g32v1", "fp32", "int8-g32v2", "fp32"]
