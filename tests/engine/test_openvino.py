"""OpenVINO's forwards against the reference's vectors, against themselves, and what they refuse."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from engine.tiny import CASES, GOLDEN, off, own_pooling, tiny
from polyseek.engine import bert, qwen3
from polyseek.engine.layers import Layers
from polyseek.engine.load import load
from polyseek.engine.openvino import OpenVINOForward, Precision
from polyseek.engine.pool import normalize
from polyseek.engine.shapes import WORDS, BertShape, Qwen3Shape
from polyseek.errors import BadInput, ModelError
from polyseek.models.directory import spec_of
from polyseek.models.spec import Pooling
from polyseek.models.tensors import INDEX, SINGLE, read_tensors
from toy import Floats

NAMES = ("tiny-qwen3", "tiny-bert", "tiny-xlmr")
LENGTH_LIMIT = 64
"""Positions of each tiny model."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYSEEK_CACHE", str(tmp_path / "cache"))


def forward(directory: Path, pooling: Pooling, precision: Precision = "fp32") -> OpenVINOForward:
    return OpenVINOForward(directory, replace(spec_of(directory), pooling=pooling), precision)


def drawn(name: str, lengths: list[int], seed: object) -> list[list[int]]:
    """Rows of random token ids, each ended as the model's are."""
    numbers = random.Random(str(seed))
    last = tiny(name, own_pooling(name)).rows[0][-1]
    highest = json.loads((GOLDEN / name / "config.json").read_text())["vocab_size"]
    return [[*(numbers.randrange(3, highest) for _ in range(n - 1)), last] for n in lengths]


def hidden(name: str, ids: list[int]) -> Floats:
    """Hidden states (T, 32) of one text, by the graph that keeps them all."""
    directory = GOLDEN / name
    config = json.loads((directory / "config.json").read_text())
    tensors = read_tensors(directory)
    words = tensors.stored(WORDS[config["model_type"]]).rows(np.array([ids]))
    inputs = {"words": words, "mask": np.ones((1, len(ids)), np.float32)}
    if config["model_type"] == "qwen3":
        del inputs["mask"]
        graph = qwen3.build(Layers(tensors), Qwen3Shape.read(config, directory))
    else:
        graph = bert.build(Layers(tensors), BertShape.read(config, directory))
    compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    made: Floats = compiled.infer_new_request(inputs)[0][0]
    return made


@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_fp32_is_the_reference(name: str, pooling: Pooling) -> None:
    golden = tiny(name, pooling)
    made = forward(golden.directory, pooling).pooled(golden.rows)
    assert made.dtype == np.float32
    assert off(made, golden.vectors) <= 1e-6
    np.testing.assert_allclose(made, golden.vectors, atol=2e-5)  # lengths too


@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_int8_is_near_it(name: str, pooling: Pooling) -> None:
    golden = tiny(name, pooling)
    made = forward(golden.directory, pooling, "int8").pooled(golden.rows)
    assert off(made, golden.vectors) <= 4e-3
    lengths = np.linalg.norm(made, axis=1) / np.linalg.norm(golden.vectors, axis=1)
    assert np.abs(lengths - 1).max() <= 0.02


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("texts", [1, 2, 4, 8])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_has_one_vector_in_any_batch(name: str, texts: int, equal: bool) -> None:
    """Equal lengths too: batches without padding once lost the causal mask elsewhere. In int8 a
    sum's last bit, which depends on the batch, may move an activation by one of 255 levels."""
    numbers = random.Random(f"{name} {texts} {equal}")
    lengths = [9] * texts if equal else [numbers.randint(1, 33) for _ in range(texts)]
    rows = drawn(name, lengths, numbers.random())
    for precision, near in (("fp32", 1e-6), ("int8", 2e-3)):
        model = forward(GOLDEN / name, own_pooling(name), precision)  # type: ignore[arg-type]
        alone = normalize(np.concatenate([model.pooled([row]) for row in rows]))
        for _ in range(3):
            order = numbers.sample(range(texts), texts)
            together = normalize(model.pooled([rows[at] for at in order]))
            assert np.abs(together - alone[order]).max() <= near


def test_no_token_sees_a_later_one() -> None:
    """The states of a text's beginning are those of the beginning alone, however it goes on."""
    begin, other, more = drawn("tiny-qwen3", [11, 13, 30], "causal")
    states = hidden("tiny-qwen3", begin + other)
    np.testing.assert_allclose(states[:11], hidden("tiny-qwen3", begin), atol=1e-5)
    np.testing.assert_allclose(states[:11], hidden("tiny-qwen3", begin + more)[:11], atol=1e-5)
    # And every token sees all before it: another first token changes the last state.
    changed = hidden("tiny-qwen3", [begin[0] ^ 1, *begin[1:], *other])
    assert np.abs(states[-1] - changed[-1]).max() > 1e-2


def test_a_token_of_bert_sees_later_ones() -> None:
    begin, more = drawn("tiny-bert", [11, 13], "both ways")
    assert np.abs(hidden("tiny-bert", begin + more)[0] - hidden("tiny-bert", begin)[0]).max() > 0.01


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
@pytest.mark.parametrize("name", NAMES)
def test_the_short_cut_of_the_last_layer_changes_nothing(name: str, pooling: Pooling) -> None:
    rows = drawn(name, [1, 8, 21], pooling)
    made = forward(GOLDEN / name, pooling).pooled(rows)
    for row, vector in zip(rows, made, strict=True):
        states = hidden(name, row)
        wanted = {"mean": states.mean(0), "first": states[0], "last": states[-1]}[pooling]
        np.testing.assert_allclose(vector, wanted, atol=2e-5)


@pytest.mark.parametrize("length", [LENGTH_LIMIT - 1, LENGTH_LIMIT])
@pytest.mark.parametrize("name", NAMES)
def test_the_longest_text_runs(name: str, length: int) -> None:
    """No position beyond the table's last is asked for, by the padding either."""
    (row,) = drawn(name, [length], length)
    made = forward(GOLDEN / name, "mean").pooled([row])[0]
    np.testing.assert_allclose(made, hidden(name, row).mean(0), atol=2e-5)


def rewritten(directory: Path, to: Path, prefix: str, shards: int) -> Path:
    """The model in fp32, with its tensors' names behind a prefix, in so many files."""
    shutil.copytree(directory, to, ignore=shutil.ignore_patterns(SINGLE))
    tensors = {prefix + n: np.asarray(t, np.float32) for n, t in read_tensors(directory).items()}
    where = {n: f"model-{at % shards}.safetensors" for at, n in enumerate(sorted(tensors))}
    for file in set(where.values()):
        save_file({n: tensors[n] for n in where if where[n] == file}, to / file)
    (to / INDEX).write_text(json.dumps({"weight_map": where}))
    return to


@pytest.mark.parametrize(("prefix", "shards"), [("", 2), ("model.", 1), ("bert.", 3)])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_names_shards_and_types_do_not_matter(
    name: str, prefix: str, shards: int, precision: Precision, tmp_path: Path
) -> None:
    golden = tiny(name, own_pooling(name))
    directory = rewritten(golden.directory, tmp_path / "model", prefix, shards)
    made = forward(directory, own_pooling(name), precision).pooled(golden.rows)
    same = forward(golden.directory, own_pooling(name), precision).pooled(golden.rows)
    np.testing.assert_allclose(made, same, atol=1e-5)


def test_theta_is_read_where_either_version_writes_it(tmp_path: Path) -> None:
    golden = tiny("tiny-qwen3", "last")
    made = []
    for field in ({"rope_theta": 500.0}, {"rope_parameters": {"rope_theta": 500.0}}):
        directory = changed(golden.directory, tmp_path / next(iter(field)), field)
        made.append(forward(directory, "last").pooled(golden.rows))
    assert np.array_equal(made[0], made[1])
    assert off(made[0], golden.vectors) > 1e-4


def changed(directory: Path, to: Path, change: dict[str, Any]) -> Path:
    """The model with other words in its config.json."""
    shutil.copytree(directory, to)
    config = json.loads((to / "config.json").read_text())
    for field in ("rope_theta", "rope_parameters") if "qwen3" in directory.name else ():
        del config[field]
    (to / "config.json").write_text(json.dumps({"rope_theta": 1e6, **config, **change}))
    return to


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("tiny-qwen3", {"attention_bias": True}, "attention_bias True"),
        ("tiny-qwen3", {"use_sliding_window": True}, "use_sliding_window True"),
        ("tiny-qwen3", {"rope_parameters": {"rope_type": "yarn"}}, "rope_type 'yarn'"),
        ("tiny-bert", {"hidden_act": "relu"}, "hidden_act 'relu'"),
        ("tiny-xlmr", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ],
)
def test_what_is_not_computed_is_refused(
    name: str, change: dict[str, object], word: str, tmp_path: Path
) -> None:
    directory = changed(GOLDEN / name, tmp_path / name, change)
    with pytest.raises(ModelError, match=rf"config\.json has {word}.*use another model"):
        forward(directory, own_pooling(name))


def test_an_id_outside_the_vocabulary_is_refused() -> None:
    model = forward(GOLDEN / "tiny-qwen3", "last")
    for wrong in (259, -1):
        with pytest.raises(BadInput, match=rf"id {wrong} is none of tiny-qwen3.* 0 to 258"):
            model.pooled([[1, 2], [wrong, 3]])


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_missing_tensor_is_named(precision: Precision, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(GOLDEN / "tiny-bert", directory)
    with safe_open(directory / SINGLE, "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    missing = "encoder.layer.1.attention.self.key.weight"
    del tensors[missing]
    save_file(tensors, directory / SINGLE)
    with pytest.raises(ModelError, match=rf"has no tensor '{missing}.*fetch it\s+again"):
        forward(directory, "mean", precision).pooled([[1]])


def test_a_directory_loads_as_it_is() -> None:
    for name in NAMES:
        golden = tiny(name, own_pooling(name))
        embedder = load(str(golden.directory), backend="openvino", precision="fp32")
        assert embedder.fingerprint["precision"] == "fp32"
        unit = normalize(golden.vectors)
        np.testing.assert_allclose(embedder.finish(embedder.run(golden.rows)), unit, atol=1e-5)
        texts = ["cats and dogs", "猫", "", "a cat sat on " * 2]
        together = embedder.embed(texts, "passage")
        for at, text in enumerate(texts):
            assert off(together[at : at + 1], embedder.embed([text], "passage")) <= 1e-6
