"""Where weights come from: a directory, the package that ships them, the hub's cache, the hub."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import numpy as np
import platformdirs
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.numpy import save_file

from models.e5s1 import write_tiny
from polyseek.engine.tokenize import Tokenizer
from polyseek.errors import ModelError
from polyseek.models import sources
from polyseek.models.sources import available, cache_directory, locate, weights_digest
from polyseek.models.spec import DEFAULT, ModelSpec, WheelFile, find_spec
from polyseek.models.tensors import INDEX, read_tensors

Hub = Callable[..., str]


class Installed:
    """A distribution whose files lie in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def locate_file(self, path: str) -> Path:
        return self._root / path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLYSEEK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """Where "tiny-wheel" is installed, with a tiny model in it."""
    write_tiny(tmp_path / "tiny.bin")

    real = importlib.metadata.distribution

    def distribution(name: str) -> Installed | importlib.metadata.Distribution:
        return Installed(tmp_path) if name == "tiny-wheel" else real(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    return tmp_path


@pytest.fixture
def spec(site: Path) -> ModelSpec:
    digest = hashlib.sha256((site / "tiny.bin").read_bytes()).hexdigest()
    return replace(
        find_spec(DEFAULT), name="tiny", wheel=WheelFile("tiny-wheel", "tiny.bin", digest)
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What the hub was asked; it has nothing."""
    calls: list[dict[str, object]] = []

    def snapshot(repository: str, **options: object) -> str:
        calls.append({"repository": repository, **options})
        raise LocalEntryNotFoundError("not in the cache")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    return calls


def hub_with(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(directory))


def test_the_cache_is_where_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLYSEEK_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("POLYSEEK_CACHE")
    assert cache_directory() == Path(platformdirs.user_cache_dir("polyseek"))


def test_a_wheels_file_is_converted_into_the_hubs_layout(
    spec: ModelSpec, site: Path, cache: Path
) -> None:
    found = locate(spec)
    assert found.parent == cache
    assert sorted(path.name for path in found.iterdir()) == [
        "config.json",
        "model.safetensors",
        "polyseek.json",
        "tokenizer.json",
    ]
    expected = write_tiny(site / "again.bin").tensors
    tensors = read_tensors(found)
    assert set(tensors) == set(expected)
    assert all(np.array_equal(tensors[name], expected[name]) for name in expected)
    assert Tokenizer(found).encode(["cat"]) == [[0, 4, 2]]
    assert json.loads((found / "config.json").read_text())["hidden_size"] == 32


def test_it_is_converted_once(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    first = locate(spec)

    def never(path: Path) -> None:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(sources, "read_q4", never)
    monkeypatch.setattr(sources, "file_digest", never)
    assert locate(spec) == first
    assert weights_digest(first)


def test_leftovers_of_a_killed_run_do_not_matter(spec: ModelSpec, cache: Path) -> None:
    digest = spec.wheel.sha256[:12] if spec.wheel else ""
    left = cache / f".tiny-{digest}-{sources.CONVERTED}.abcd"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    half = cache / f"tiny-{digest}-{sources.CONVERTED}"
    half.mkdir()
    (half / "config.json").write_text("{")
    found = locate(spec)
    assert found == half
    assert read_tensors(found)
    assert json.loads((found / "config.json").read_text())["model_type"] == "bert"


def test_a_conversion_that_fails_leaves_nothing(
    spec: ModelSpec, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sources, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        locate(spec)
    assert list(cache.iterdir()) == []


CONVERT = """
import importlib.metadata, json, sys
from dataclasses import replace
from pathlib import Path
from polyseek.models.sources import locate
from polyseek.models.spec import DEFAULT, WheelFile, find_spec

site, digest = sys.argv[1:]
class Installed:
    def locate_file(self, path):
        return Path(site) / path
importlib.metadata.distribution = lambda name: Installed()
wheel = WheelFile("tiny-wheel", "tiny.bin", digest)
sys.stdin.readline()  # all begin at once
print(locate(replace(find_spec(DEFAULT), name="tiny", wheel=wheel)))
"""


def test_processes_that_convert_at_once_end_with_one_directory(
    spec: ModelSpec, site: Path, cache: Path
) -> None:
    digest = spec.wheel.sha256 if spec.wheel else ""
    command = [sys.executable, "-c", CONVERT, str(site), digest]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for process in running:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate()[0].strip() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert set(told) == {str(locate(spec))}
    assert [path.name for path in cache.iterdir()] == [locate(spec).name]
    assert read_tensors(locate(spec))


def test_a_damaged_wheel_file_is_refused_with_both_digests(
    spec: ModelSpec, site: Path, cache: Path
) -> None:
    data = bytearray((site / "tiny.bin").read_bytes())
    data[-1] ^= 1
    (site / "tiny.bin").write_bytes(data)
    with pytest.raises(ModelError) as caught:
        locate(spec)
    told = str(caught.value)
    assert spec.wheel
    assert hashlib.sha256(data).hexdigest() in told
    assert spec.wheel.sha256 in told
    assert "reinstall tiny-wheel" in told
    assert not cache.exists()


def test_a_named_directory_comes_first(spec: ModelSpec, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert locate(spec, tmp_path) == tmp_path


def test_a_named_directory_without_a_model_is_refused(spec: ModelSpec, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is no model directory: it has no config\.json"):
        locate(spec, tmp_path / "nowhere")


def test_the_wheel_comes_before_the_hub(
    spec: ModelSpec, asked: list[dict[str, object]], cache: Path
) -> None:
    assert locate(spec, download=True).parent == cache
    assert available(spec) == "wheel"
    assert asked == []


def test_the_hubs_cache_serves_without_the_wheel(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    hub_with(monkeypatch, tmp_path)
    for bare in (
        replace(spec, wheel=None),
        replace(spec, wheel=WheelFile("no-such-wheel", "x", "0" * 64)),
    ):
        assert locate(bare) == tmp_path
        assert available(bare) == "hub cache"


def test_a_snapshot_without_a_config_does_not_count(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_with(monkeypatch, tmp_path)
    assert available(replace(spec, wheel=None)) == ""


def test_weights_that_are_nowhere(spec: ModelSpec, asked: list[dict[str, object]]) -> None:
    with pytest.raises(ModelError) as caught:
        locate(replace(spec, wheel=WheelFile("no-such-wheel", "x.bin", "0" * 64)))
    told = str(caught.value)
    assert "no weights for tiny on this machine" in told
    for way in ("no-such-wheel", "--download", "--model-path", "intfloat/multilingual-e5-small"):
        assert way in told
    assert [call["local_files_only"] for call in asked] == [True]


def test_a_wheel_whose_file_is_gone_is_as_good_as_none(
    spec: ModelSpec, site: Path, asked: list[dict[str, object]]
) -> None:
    (site / "tiny.bin").unlink()
    assert available(spec) == ""


def test_nothing_is_fetched_unless_asked(spec: ModelSpec, asked: list[dict[str, object]]) -> None:
    bare = replace(spec, wheel=None)
    for download in (False, True):
        with pytest.raises(ModelError):
            locate(bare, download=download)
    assert [call["local_files_only"] for call in asked] == [True, False]
    patterns = asked[0]["allow_patterns"]
    assert isinstance(patterns, list)
    assert not [pattern for pattern in patterns if "bin" in pattern or pattern == "*"]


@pytest.mark.parametrize("kind", [ConnectionError, LocalEntryNotFoundError])
def test_a_hub_that_cannot_be_reached_is_named(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch, kind: type[OSError]
) -> None:
    """The hub's library tells of a lost connection as of a file that is not in its cache."""

    def unreachable(*_: object, **__: object) -> str:
        raise kind("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(ModelError, match=r"multilingual-e5-small cannot be fetched.*no route"):
        locate(replace(spec, wheel=None), download=True)


def test_the_digest_is_of_the_weights(spec: ModelSpec, tmp_path: Path) -> None:
    found = locate(spec)
    whole = hashlib.sha256((found / "model.safetensors").read_bytes()).hexdigest()
    assert weights_digest(found) == whole
    (found / "polyseek.json").unlink()
    assert weights_digest(found) == whole


def test_the_digest_of_a_large_file_is_remembered_until_it_changes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGE", 1)
    directory = tmp_path / "model"
    directory.mkdir()
    path, real = directory / "model.safetensors", sources.file_digest
    asked: list[Path] = []

    def counted(file: Path) -> str:
        asked.append(file)
        return real(file)

    monkeypatch.setattr(sources, "file_digest", counted)
    save_file({"a": np.zeros(4)}, path)
    first = weights_digest(directory)
    assert first == real(path)
    assert weights_digest(directory) == first
    assert len(asked) == 1
    save_file({"a": np.zeros(5)}, path)
    assert weights_digest(directory) == real(path) != first
    assert len(asked) == 2


@pytest.mark.parametrize("left", ["", "abcd", "\0" * 64])
def test_a_remembered_digest_that_is_none_is_made_again(
    left: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGE", 1)
    save_file({"a": np.zeros(4)}, tmp_path / "model.safetensors")
    whole = weights_digest(tmp_path)
    (note,) = (cache.parent / "digests").iterdir()
    note.write_text(left)
    assert weights_digest(tmp_path) == note.read_text() == whole


def test_a_cache_that_cannot_be_written_costs_no_answer(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGE", 1)
    cache.parent.write_text("a file where the directory should be")
    save_file({"a": np.zeros(4)}, tmp_path / "model.safetensors")
    assert weights_digest(tmp_path) == sources.file_digest(tmp_path / "model.safetensors")


def test_the_digest_of_shards_changes_with_each(tmp_path: Path) -> None:
    shards = ("model-1.safetensors", "model-2.safetensors")
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": dict(zip("ab", shards, strict=True))}))
    seen = set()
    for a, b in ((0, 0), (1, 0), (0, 1)):
        save_file({"a": np.full(2, a)}, tmp_path / shards[0])
        save_file({"b": np.full(2, b)}, tmp_path / shards[1])
        seen.add(weights_digest(tmp_path))
    assert len(seen) == 3
    assert {len(digest) for digest in seen} == {64}
