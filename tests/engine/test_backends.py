"""What every backend promises: the reference's vectors, the same alone and in any batch."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.backends import NAMES, POSITIONS, Runner, drawn
from engine.tiny import CASES, GOLDEN, off, own_pooling, tiny
from polyseek.engine.embedder import Embedder
from polyseek.engine.inputs import Cut
from polyseek.engine.pool import normalize
from polyseek.errors import BadInput, ModelError
from polyseek.models.spec import Pooling
from polyseek.models.tensors import INDEX, SINGLE, read_tensors


@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_vectors_are_the_references(runner: Runner, name: str, pooling: Pooling) -> None:
    golden = tiny(name, pooling)
    runner.check(runner.forward(golden.directory, pooling).pooled(golden.rows), golden.vectors)


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("texts", [1, 2, 4, 8])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_has_one_vector_in_any_batch(
    runner: Runner, name: str, texts: int, equal: bool
) -> None:
    """Equal lengths too: batches without padding once lost the causal mask elsewhere."""
    numbers = random.Random(f"{name} {texts} {equal}")
    lengths = [9] * texts if equal else [numbers.randint(1, 33) for _ in range(texts)]
    rows = drawn(name, lengths, numbers.random())
    model = runner.forward(GOLDEN / name, own_pooling(name))
    alone = np.concatenate([model.pooled([row]) for row in rows])
    for _ in range(3):
        order = numbers.sample(range(texts), texts)
        runner.check_same(model.pooled([rows[at] for at in order]), alone[order])


def test_no_token_sees_a_later_one_in_a_causal_model(runner: Runner) -> None:
    """So a token's state is that of the last token of the text up to it, whatever is pooled: the
    short cut that computes one token alone gives what all tokens do."""
    (row,) = drawn("tiny-qwen3", [21], "causal")
    last = runner.forward(GOLDEN / "tiny-qwen3", "last")
    states = last.pooled([row[: n + 1] for n in range(len(row))])
    every: tuple[tuple[Pooling, Any], ...] = (("mean", states.mean(0)), ("first", states[0]))
    for pooling, wanted in every:
        made = runner.forward(GOLDEN / "tiny-qwen3", pooling).pooled([row])
        runner.check_same(made, wanted[None])
    other = [row[0] ^ 1, *row[1:]]  # and every token sees all before it
    assert np.abs(last.pooled([other]) - last.pooled([row])).max() > 1e-2


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-xlmr"])
def test_every_token_sees_all_in_an_encoder(runner: Runner, name: str) -> None:
    begin, more = drawn(name, [11, 13], "both ways")
    model = runner.forward(GOLDEN / name, "first")
    assert off(model.pooled([begin + more]), model.pooled([begin])) > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_the_longest_text_runs(runner: Runner, name: str) -> None:
    """No position beyond the table's last is asked for, by the padding either."""
    rows = drawn(name, [POSITIONS, POSITIONS - 1, 3], "long")
    model = runner.forward(GOLDEN / name, "mean")
    alone = np.concatenate([model.pooled([row]) for row in rows])
    assert np.isfinite(alone).all()
    runner.check_same(model.pooled(rows), alone)


@pytest.mark.parametrize("name", NAMES)
def test_a_directory_loads_as_it_is(runner: Runner, name: str) -> None:
    golden, embedder = tiny(name, own_pooling(name)), runner.load(name)
    assert embedder.fingerprint["model"] == name
    assert str(embedder.fingerprint["precision"]).startswith(runner.precision)
    runner.check(embedder.finish(embedder.run(golden.rows)), normalize(golden.vectors))
    texts = ["cats and dogs", "猫", "", "a cat sat on " * 2]
    alone = np.concatenate([embedder.embed([text], "passage") for text in texts])
    runner.check_same(embedder.embed(texts, "passage"), alone)


@pytest.mark.parametrize("cut", ["end", "start"])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_that_is_cut_keeps_its_end_token(runner: Runner, name: str, cut: Cut) -> None:
    embedder = runner.load(name)
    text, most = "a cat sat " * 40, embedder.spec.max_tokens
    prompt = embedder.spec.prompt("query")
    (whole,) = embedder.tokenizer.encode([prompt + text])
    before = len(embedder.tokenizer.encode([prompt])[0]) - 1  # the end token is not of the prompt
    wanted = whole[: most - 1] + whole[-1:]
    if cut == "start":
        wanted = whole[:before] + whole[before - most :]
    assert len(wanted) == most
    assert wanted[-1] == embedder.tokenizer.encode([""])[0][-1]
    made = embedder.embed(["cat", text], "query", truncate=cut)
    runner.check_same(made[1:], embedder.finish(embedder.run([wanted])))


@pytest.mark.parametrize("name", NAMES)
def test_token_ids_make_the_vector_of_their_text(runner: Runner, name: str) -> None:
    """With the end token or without it, and cut where there are too many."""
    embedder = runner.load(name)
    (ids,) = embedder.tokenizer.encode([embedder.spec.prompt("passage") + "a cat sat"])
    long = (ids[:-1] * 40)[: 2 * embedder.spec.max_tokens]
    ready = embedder.prepare_ids([ids, ids[:-1], long], truncate="end")
    assert [each.cut for each in ready] == [False, False, True]
    made = embedder.finish(embedder.run([each.ids for each in ready]))
    wanted = embedder.embed(["a cat sat"], "passage")
    runner.check_same(made[:2], np.concatenate([wanted, wanted]))
    kept = long[: embedder.spec.max_tokens - 1] + ids[-1:]
    runner.check_same(made[2:], embedder.finish(embedder.run([kept])))


def test_fewer_dimensions_are_cut_first_and_made_unit_then(runner: Runner) -> None:
    golden, embedder = tiny("tiny-qwen3", "last"), runner.load("tiny-qwen3")
    spec = replace(embedder.spec, least_dimensions=8)
    for normal in (True, False):
        shown = Embedder(replace(spec, normalize=normal), "", embedder.tokenizer, embedder.forward)
        raw = shown.run(golden.rows)
        runner.check(raw, golden.vectors)
        wanted = raw[:, :8] / (np.linalg.norm(raw[:, :8], axis=1, keepdims=True) if normal else 1)
        np.testing.assert_allclose(shown.finish(raw, 8), wanted, atol=1e-6)
        (ready,) = shown.prepare(["cats"], "query")
        made = shown.embed(["cats"], "query", dimensions=8)
        runner.check_same(made, shown.finish(shown.run([ready.ids]), 8))


def test_an_instruction_reaches_the_model(runner: Runner) -> None:
    embedder = runner.load("tiny-qwen3")
    told = embedder.embed(["b"], "query", instruction="Find cats")
    assert off(embedder.embed(["b"], "query"), told) > 1e-3
    (ids,) = embedder.tokenizer.encode(["Instruct: Find cats\nQuery:b"])
    runner.check_same(told, embedder.finish(embedder.run([ids])))


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
def test_names_shards_and_types_do_not_matter(
    runner: Runner, name: str, prefix: str, shards: int, tmp_path: Path
) -> None:
    golden = tiny(name, own_pooling(name))
    directory = rewritten(golden.directory, tmp_path / "model", prefix, shards)
    made = runner.forward(directory, own_pooling(name)).pooled(golden.rows)
    same = runner.forward(golden.directory, own_pooling(name)).pooled(golden.rows)
    np.testing.assert_allclose(made, same, atol=1e-5)


def changed(name: str, to: Path, change: dict[str, object]) -> Path:
    """The model with other words in its config.json."""
    shutil.copytree(GOLDEN / name, to)
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**config, **change}))
    return to


def test_theta_is_read_where_either_version_writes_it(runner: Runner, tmp_path: Path) -> None:
    golden, made = tiny("tiny-qwen3", "last"), []
    changes: tuple[dict[str, object], ...] = (
        {"rope_theta": 500.0, "rope_parameters": None},
        {"rope_parameters": {"rope_theta": 500.0}, "rope_theta": None},
    )
    for at, change in enumerate(changes):
        directory = changed("tiny-qwen3", tmp_path / str(at), change)
        made.append(runner.forward(directory, "last").pooled(golden.rows))
    assert np.array_equal(made[0], made[1])
    assert off(made[0], golden.vectors) > 10 * runner.near


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("tiny-qwen3", {"attention_bias": True}, "attention_bias True"),
        ("tiny-qwen3", {"use_sliding_window": True}, "use_sliding_window True"),
        ("tiny-qwen3", {"layer_types": ["full_attention", "sliding_attention"]}, "layer_types"),
        ("tiny-qwen3", {"rope_parameters": {"rope_type": "yarn"}}, "rope_type 'yarn'"),
        ("tiny-qwen3", {"rope_scaling": {"type": "yarn"}}, "rope_scaling"),
        ("tiny-bert", {"hidden_act": "relu"}, "hidden_act 'relu'"),
        ("tiny-xlmr", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ],
)
def test_what_is_not_computed_is_refused(
    runner: Runner, name: str, change: dict[str, object], word: str, tmp_path: Path
) -> None:
    directory = changed(name, tmp_path / name, change)
    with pytest.raises(ModelError, match=rf"config\.json has {word}.*use another model"):
        runner.forward(directory, own_pooling(name))


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("tiny-qwen3", {"vocab_size": 300}, r"embed_tokens\.weight .*\(259, 32\).*\(300, 32\)"),
        ("tiny-xlmr", {"vocab_size": 40}, r"word_embeddings\.weight .*\(33, 32\).*\(40, 32\)"),
        ("tiny-bert", {"max_position_embeddings": 80}, r"position_embeddings\.weight .*\(80, 32\)"),
        ("tiny-qwen3", {"head_dim": 8}, r"q_proj\.weight .*\(64, 32\).*\(32, 32\)"),
        ("tiny-qwen3", {"num_key_value_heads": 1}, r"k_proj\.weight .*\(32, 32\).*\(16, 32\)"),
        ("tiny-qwen3", {"num_hidden_layers": 4}, r"no tensor 'layers\.3\."),
    ],
)
def test_weights_that_are_not_as_the_config_says_are_refused(
    runner: Runner, name: str, change: dict[str, object], word: str, tmp_path: Path
) -> None:
    directory = changed(name, tmp_path / name, change)
    with pytest.raises(ModelError, match=rf"(?s){word}.*fetch"):
        runner.forward(directory, own_pooling(name)).pooled([[1, 2]])


def test_an_id_outside_the_vocabulary_is_refused(runner: Runner) -> None:
    model = runner.forward(GOLDEN / "tiny-qwen3", "last")
    for wrong in (259, -1):
        with pytest.raises(BadInput, match=rf"id {wrong} is none of tiny-qwen3.* 0 to 258"):
            model.pooled([[1, 2], [wrong, 3]])


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("tiny-bert", "encoder.layer.1.attention.self.key.weight"),
        ("tiny-qwen3", "layers.1.self_attn.k_norm.weight"),
    ],
)
def test_a_missing_tensor_and_a_damaged_file_are_named(
    runner: Runner, name: str, missing: str, tmp_path: Path
) -> None:
    directory = tmp_path / "model"
    shutil.copytree(GOLDEN / name, directory)
    tensors = {n: np.asarray(t, np.float32) for n, t in read_tensors(directory).items()}
    del tensors[missing]
    save_file(tensors, directory / SINGLE)
    with pytest.raises(ModelError, match=rf"has no tensor '{missing}.*fetch it\s+again"):
        runner.forward(directory, own_pooling(name)).pooled([[1]])
    (directory / SINGLE).write_bytes((directory / SINGLE).read_bytes()[:-40])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged .*fetch it again"):
        runner.forward(directory, own_pooling(name)).pooled([[1]])
