"""Model directories that lack something, or have it otherwise: refused by file and key."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec as find_module
from pathlib import Path
from typing import Any

import pytest

from polyseek.engine.load import load
from polyseek.errors import ModelError
from polyseek.models.tensors import INDEX, SINGLE
from polyseek.settings import Backend

GOLDEN = Path(__file__).parents[1] / "engine" / "golden"
NAMES = ("tiny-qwen3", "tiny-bert", "tiny-xlmr")
FILES = (
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer.json",
)
ODD: tuple[object, ...] = (None, True, -1, 3, 0.5, "odd", [], ["odd"], {}, {"odd": 1}, [{"odd": 1}])
BACKENDS: tuple[Backend, ...] = ("openvino", *(("torch",) if find_module("torch") else ()))


def entries() -> list[tuple[str, str, int, str]]:
    """Every key of every file: model, file, place in a list or -1, key."""
    found = []
    for name in NAMES:
        for file in FILES:
            told = json.loads((GOLDEN / name / file).read_text("utf-8"))
            parts = enumerate(told) if isinstance(told, list) else [(-1, told)]
            found += [(name, file, at, key) for at, part in parts for key in part]
    return found


def needed() -> list[tuple[str, str, str]]:
    """Keys without which nothing can be computed: model, file, key."""
    both = ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"]
    both += ["max_position_embeddings", "model_type"]
    own = {
        "tiny-qwen3": ["num_key_value_heads", "head_dim", "rms_norm_eps"],
        "tiny-bert": ["layer_norm_eps"],
        "tiny-xlmr": ["layer_norm_eps", "pad_token_id"],
    }
    return [(name, "config.json", key) for name in NAMES for key in both + own[name]]


@pytest.fixture(params=NAMES)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return copy(request.param, tmp_path)


def copy(name: str, to: Path) -> Path:
    shutil.copytree(GOLDEN / name, to / "mine", dirs_exist_ok=True)
    return to / "mine"


def use(directory: Path, backend: Backend) -> None:
    """From the directory to a vector."""
    load(str(directory), backend=backend, device="cpu", precision="fp32").embed(["a"], "query")


def works(directory: Path, backend: Backend) -> bool:
    """False if it is refused, with the directory and the next step in what it says."""
    try:
        use(directory, backend)
    except ModelError as error:
        told = str(error)
        assert str(directory) in told
        assert any(step in told for step in ("fetch", "use a", "get the", "take the"))
        return False
    return True


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "file", "at", "key"), entries())
def test_a_key_that_is_missing_is_refused_or_not_needed(
    name: str, file: str, at: int, key: str, backend: Backend, tmp_path: Path
) -> None:
    directory = copy(name, tmp_path)
    told = json.loads((directory / file).read_text("utf-8"))
    del (told if at < 0 else told[at])[key]
    (directory / file).write_text(json.dumps(told))
    refused = not works(directory, backend)
    assert refused or (name, file, key) not in needed()


@pytest.mark.parametrize(("name", "file", "key"), needed())
def test_the_missing_key_is_named(name: str, file: str, key: str, tmp_path: Path) -> None:
    directory = copy(name, tmp_path)
    told = json.loads((directory / file).read_text("utf-8"))
    del told[key]
    (directory / file).write_text(json.dumps(told))
    wanted = "type None" if key == "model_type" else rf"mine/config\.json has no {key}, .*fetch"
    with pytest.raises(ModelError, match=wanted):
        use(directory, "openvino")


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("file", FILES[:5])
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_value_is_refused_or_does_not_matter(
    name: str, file: str, odd: object, tmp_path: Path
) -> None:
    """Read only: whether a model runs with it is not what is asked."""
    for place in [each for each in entries() if each[:2] == (name, file)]:
        directory = copy(name, tmp_path)
        told = json.loads((directory / file).read_text("utf-8"))
        (told if place[2] < 0 else told[place[2]])[place[3]] = odd
        (directory / file).write_text(json.dumps(told))
        try:
            load(str(directory), backend="openvino", precision="fp32")
        except ModelError as error:
            assert str(directory) in str(error)


@pytest.mark.parametrize("text", ["", "[]", "7", "null", '"text"', "{", "\xff"])
@pytest.mark.parametrize("file", [*FILES, INDEX])
def test_a_file_that_holds_something_else_is_named(made: Path, file: str, text: str) -> None:
    if file == INDEX:
        (made / SINGLE).unlink()
    (made / file).write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=r"mine"):
        use(made, "openvino")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("index", "word"),
    [
        ({}, r"has no weight_map|no file"),
        ({"weight_map": {}}, "names no file"),
        ({"weight_map": ["a"]}, "weight_map"),
        ({"weight_map": {"a": 1}}, "a 1"),
        ({"weight_map": {"a": "lost.safetensors"}}, r"names lost\.safetensors, which is not there"),
    ],
)
def test_an_index_of_shards_that_leads_nowhere_is_named(
    made: Path, index: dict[str, Any], word: str, backend: Backend
) -> None:
    (made / SINGLE).unlink()
    (made / INDEX).write_text(json.dumps({"metadata": {}, **index}))
    with pytest.raises(ModelError, match=rf"index\.json.*({word}).*fetch"):
        use(made, backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_directory_without_weights_is_refused_when_it_is_loaded(
    made: Path, backend: Backend
) -> None:
    (made / SINGLE).unlink()
    with pytest.raises(ModelError, match=r"mine has no model\.safetensors.*never pickle"):
        load(str(made), backend=backend, device="cpu", precision="fp32")
