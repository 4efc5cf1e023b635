"""PyTorch's forwards against the reference's vectors, against themselves, and what they refuse."""

from __future__ import annotations

import inspect
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine.conftest import Golden
from engine.tiny import CASES, off, own_pooling, tiny
from polyseek.engine.load import load
from polyseek.errors import BadInput, ModelError
from polyseek.models.directory import spec_of
from polyseek.models.spec import Pooling
from polyseek.models.tensors import INDEX, SINGLE

torch: Any = pytest.importorskip("torch")
if TYPE_CHECKING:
    from polyseek.engine.torch.forward import TorchForward

NAMES = ("tiny-qwen3", "tiny-bert", "tiny-xlmr")


def forward(
    directory: Path, pooling: Pooling, precision: str = "fp32", device: str = "cpu"
) -> TorchForward:
    from polyseek.engine.torch.forward import TorchForward

    spec = replace(spec_of(directory), pooling=pooling)
    return TorchForward(directory, spec, precision, device)


@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_fp32_is_the_reference(name: str, pooling: Pooling) -> None:
    golden = tiny(name, pooling)
    made = forward(golden.directory, pooling).pooled(golden.rows)
    assert made.dtype == np.float32
    assert off(made, golden.vectors) <= 1e-6
    np.testing.assert_allclose(made, golden.vectors, atol=2e-5)  # lengths too


def test_the_embedded_default_is_the_same_on_both_backends(
    model_directory: Path, golden: list[Golden]
) -> None:
    """So that a knowledge base made in fp32 on one is searched on the other."""
    embedder = load(directory=model_directory, backend="torch", device="cpu", precision="fp32")
    made = embedder.finish(embedder.run([each.ids for each in golden]))
    assert off(made, np.stack([each.vector for each in golden])) <= 1e-6
    other = load(directory=model_directory, backend="openvino", precision="fp32")
    assert embedder.fingerprint == other.fingerprint


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_sixteen_bits_are_near_it(name: str, pooling: Pooling, precision: str) -> None:
    golden = tiny(name, pooling)
    assert off(
        forward(golden.directory, pooling, precision).pooled(golden.rows), golden.vectors
    ) <= (1e-3 if precision == "bf16" else 2e-5)


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("texts", [1, 2, 4, 8])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_has_one_vector_in_any_batch(name: str, texts: int, equal: bool) -> None:
    """Equal lengths too: batches without padding once lost the causal mask elsewhere."""
    numbers = random.Random(f"{name} {texts} {equal}")
    golden = tiny(name, own_pooling(name))
    model = forward(golden.directory, own_pooling(name))
    whole = next(row for row in golden.rows if len(row) >= 33)
    lengths = [9] * texts if equal else [numbers.randint(1, 33) for _ in range(texts)]
    rows = [[*numbers.sample(whole[:-1], length - 1), whole[-1]] for length in lengths]
    alone = np.concatenate([model.pooled([row]) for row in rows])
    for _ in range(3):
        order = numbers.sample(range(texts), texts)
        together = model.pooled([rows[at] for at in order])
        assert off(together, alone[order]) <= 1e-6
        np.testing.assert_allclose(together, alone[order], atol=2e-5)


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
@pytest.mark.parametrize("name", NAMES)
def test_the_short_cut_of_the_last_layer_changes_nothing(name: str, pooling: Pooling) -> None:
    """Pooled by hand from the vectors of all tokens, which mean pooling of one token gives."""
    golden = tiny(name, own_pooling(name))
    model = forward(golden.directory, pooling)
    from polyseek.engine.torch.packed import Packed

    kept: list[Any] = []
    pool = Packed.pool

    def keep(packed: Packed, hidden: Any, how: Pooling) -> Any:  # noqa: ANN401 - Tensor
        kept.append(hidden)
        return pool(packed, hidden, how)

    every = forward(golden.directory, "mean")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Packed, "pool", keep)
        for row in golden.rows[:5]:
            every.pooled([row])
            hidden = kept.pop().numpy()  # (T, 32)
            wanted = {"mean": hidden.mean(0), "first": hidden[0], "last": hidden[-1]}[pooling]
            np.testing.assert_allclose(model.pooled([row])[0], wanted, atol=2e-5)


def rewritten(directory: Path, to: Path, prefix: str, shards: int) -> Path:
    """The model with its tensors' names behind a prefix, in so many files."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(directory, to, ignore=shutil.ignore_patterns(SINGLE))
    tensors = {prefix + name: tensor for name, tensor in load_file(directory / SINGLE).items()}
    if shards == 1:
        save_file(tensors, to / SINGLE)
        return to
    where = {
        name: f"model-{at % shards + 1:05}-of-{shards:05}.safetensors"
        for at, name in enumerate(sorted(tensors))
    }
    for file in set(where.values()):
        save_file({name: tensors[name] for name in where if where[name] == file}, to / file)
    (to / INDEX).write_text(json.dumps({"weight_map": where}))
    return to


@pytest.mark.parametrize(("prefix", "shards"), [("", 2), ("model.", 1), ("bert.", 3)])
@pytest.mark.parametrize("name", NAMES)
def test_names_and_shards_do_not_matter(
    name: str, prefix: str, shards: int, tmp_path: Path
) -> None:
    golden = tiny(name, own_pooling(name))
    directory = rewritten(golden.directory, tmp_path / "model", prefix, shards)
    made = forward(directory, own_pooling(name)).pooled(golden.rows)
    assert np.array_equal(made, forward(golden.directory, own_pooling(name)).pooled(golden.rows))


@pytest.mark.parametrize("name", NAMES)
def test_a_directory_loads_as_it_is(name: str) -> None:
    golden = tiny(name, own_pooling(name))
    embedder = load(str(golden.directory), backend="torch", device="cpu")
    assert embedder.fingerprint["model"] == name
    assert embedder.fingerprint["precision"] == "fp32"
    unit = golden.vectors / np.linalg.norm(golden.vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(embedder.finish(embedder.run(golden.rows)), unit, atol=1e-5)
    texts = ["cats and dogs", "猫", "", "a cat sat"]
    together = embedder.embed(texts, "query")
    for at, text in enumerate(texts):
        assert off(together[at : at + 1], embedder.embed([text], "query")) <= 1e-6


def test_an_instruction_and_a_cut_reach_the_model() -> None:
    embedder = load(str(tiny("tiny-qwen3", "last").directory), backend="torch", device="cpu")
    assert (
        off(embedder.embed(["b"], "query"), embedder.embed(["b"], "query", instruction="Find cats"))
        > 1e-3
    )
    (cut,) = embedder.prepare(["cat " * 40], "query", truncate="end")
    assert len(cut.ids) == embedder.spec.max_tokens
    assert cut.ids[-1] == embedder.tokenizer.encode([""])[0][-1]
    np.testing.assert_array_equal(
        embedder.embed(["cat " * 40], "query", truncate="end"),
        embedder.finish(embedder.run([cut.ids])),
    )


def test_an_id_outside_the_vocabulary_is_refused() -> None:
    golden = tiny("tiny-qwen3", "last")
    for wrong in (259, -1):
        with pytest.raises(BadInput, match=rf"id {wrong} is none of tiny-qwen3.* 0 to 258"):
            forward(golden.directory, "last").pooled([[1, 2], [wrong, 3]])


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("tiny-qwen3", {"attention_bias": True}, "attention_bias True"),
        ("tiny-qwen3", {"use_sliding_window": True}, "use_sliding_window True"),
        ("tiny-qwen3", {"rope_parameters": {"rope_type": "yarn"}}, "rope_type 'yarn'"),
        ("tiny-qwen3", {"rope_scaling": {"type": "yarn"}}, "rope_scaling"),
        ("tiny-bert", {"hidden_act": "relu"}, "hidden_act 'relu'"),
        ("tiny-xlmr", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ],
)
def test_what_is_not_computed_is_refused(
    name: str, change: dict[str, object], word: str, tmp_path: Path
) -> None:
    directory = tmp_path / name
    shutil.copytree(tiny(name, own_pooling(name)).directory, directory)
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match=rf"config\.json has {word}.*use another model"):
        forward(directory, own_pooling(name))


def test_theta_is_read_where_either_version_writes_it(tmp_path: Path) -> None:
    golden = tiny("tiny-qwen3", "last")
    made = []
    for field in ({"rope_theta": 500.0}, {"rope_parameters": {"rope_theta": 500.0}}):
        directory = tmp_path / next(iter(field))
        shutil.copytree(golden.directory, directory)
        config = json.loads((directory / "config.json").read_text())
        del config["rope_theta"], config["rope_parameters"]
        (directory / "config.json").write_text(json.dumps({**config, **field}))
        made.append(forward(directory, "last").pooled(golden.rows))
    assert np.array_equal(made[0], made[1])
    assert off(made[0], golden.vectors) > 1e-4


def test_a_missing_tensor_and_a_damaged_file_are_named(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    directory = tmp_path / "model"
    shutil.copytree(tiny("tiny-qwen3", "last").directory, directory)
    tensors = load_file(directory / SINGLE)
    del tensors["layers.1.self_attn.k_norm.weight"]
    save_file(tensors, directory / SINGLE)
    with pytest.raises(ModelError, match=r"no tensor 'layers\.1\.self_attn\.k_norm\.weight'"):
        forward(directory, "last").pooled([[1]])
    (directory / SINGLE).write_bytes((directory / SINGLE).read_bytes()[:-40])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged .*fetch it again"):
        forward(directory, "last").pooled([[1]])


def test_a_device_and_a_precision_that_are_not_there() -> None:
    directory = tiny("tiny-bert", "mean").directory
    for device in ("cuda:77", "abacus"):
        with pytest.raises(ModelError, match=rf"no device '{device}' here"):
            forward(directory, "mean", "fp32", device)
    with pytest.raises(ModelError, match="PyTorch computes fp32, bf16, fp16 and not 'int8'"):
        load(str(directory), backend="torch", device="cpu", precision="int8")


def by_borders(
    query: Any,  # noqa: ANN401 - Tensors, as the kernel takes them
    key: Any,  # noqa: ANN401
    value: Any,  # noqa: ANN401
    from_query: Any,  # noqa: ANN401
    from_key: Any,  # noqa: ANN401
    *longest: int,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Any:  # noqa: ANN401
    """What PyTorch's kernel for texts of different lengths computes, a text at a time."""
    assert from_query.dtype == from_key.dtype == torch.int32
    made = []
    for at in range(len(from_query) - 1):
        q, k = slice(*from_query[at : at + 2].tolist()), slice(*from_key[at : at + 2].tolist())
        assert (q.stop - q.start <= longest[0]) and (k.stop - k.start <= longest[1])
        made.append(
            torch.nn.functional.scaled_dot_product_attention(
                *(x.transpose(0, 1) for x in (query[q], key[k], value[k])),
                is_causal=window_size == (-1, 0),
                enable_gqa=enable_gqa,
            ).transpose(0, 1)
        )
    return torch.cat(made)


@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_the_kernel_of_a_gpu_is_asked_for_the_same(
    name: str, pooling: Pooling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On any machine: the kernel itself runs on a GPU only, and is written out above."""
    varlen = pytest.importorskip("torch.nn.attention.varlen")
    from polyseek.engine.torch import packed

    signature = inspect.signature(varlen.varlen_attn)
    calls: list[tuple[int, ...]] = []

    def called(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        signature.bind(*given, **named)
        calls.append(given[5:7])
        return by_borders(*given, **named)

    monkeypatch.setattr(varlen, "varlen_attn", called)
    monkeypatch.setattr(packed, "has_kernel", lambda query: True)
    golden = tiny(name, pooling)
    made = forward(golden.directory, pooling).pooled(golden.rows)
    assert off(made, golden.vectors) <= 1e-6
    assert calls[0] == (40, 40)
    assert calls[-1] == ((40, 40) if pooling == "mean" else (1, 40))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_a_gpu_gives_the_reference(name: str, pooling: Pooling, precision: str) -> None:
    golden = tiny(name, pooling)
    made = forward(golden.directory, pooling, precision, "cuda").pooled(golden.rows)
    assert off(made, golden.vectors) <= (1e-5 if precision == "fp32" else 2e-3)
