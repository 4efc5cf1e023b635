"""Every backend beside transformers, on random models of many shapes."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backends import Runner
from polyseek.models.spec import Architecture, Pooling
from toy import Floats, toy_spec

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")

LENGTHS = (1, 7, 7, 30, 2, 7, 19, 38)
QWEN3 = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 40,
    "vocab_size": 90,
    "max_position_embeddings": 64,
}
ENCODER = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "vocab_size": 90,
    "max_position_embeddings": 40,
}


def made(kind: str, seed: int, **config: Any) -> Any:  # noqa: ANN401 - a PreTrainedModel
    """A model of transformers whose every parameter is drawn wide."""
    torch.manual_seed(seed)
    family = kind.removesuffix("ForCausalLM").removesuffix("ForMaskedLM").removesuffix("Model")
    model = getattr(transformers, kind)(getattr(transformers, f"{family}Config")(**config)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            wide = torch.randn(weight.shape)
            norm = weight.ndim == 1 and bool((weight == 1).all())
            weight.copy_(wide / weight.shape[1] ** 0.5 if weight.ndim > 1 else 0.3 * wide + norm)
    return model


def rows(seed: int) -> list[list[int]]:
    numbers = random.Random(seed)
    return [[numbers.randrange(3, 90) for _ in range(length)] for length in LENGTHS]


def reference(model: Any, row: list[int], pooling: Pooling) -> Floats:  # noqa: ANN401
    with torch.no_grad():
        hidden = model.base_model(input_ids=torch.tensor([row])).last_hidden_state[0].numpy()
    pooled: Floats = {"mean": hidden.mean(0), "first": hidden[0], "last": hidden[-1]}[pooling]
    return pooled


def compare(
    runner: Runner,
    model: Any,  # noqa: ANN401 - a PreTrainedModel
    directory: Path,
    architecture: Architecture,
    pooling: Pooling,
    **saving: str,
) -> None:
    model.save_pretrained(directory, **saving)
    spec = replace(toy_spec(), architecture=architecture, pooling=pooling)
    theirs = np.stack([reference(model, row, pooling) for row in rows(1)])
    runner.check(runner.forward(directory, spec).pooled(rows(1)), theirs)


@pytest.mark.parametrize("pooling", ["last", "mean", "first"])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_key_value_heads": 4},
        {"num_key_value_heads": 1, "head_dim": 8},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 300.0}},
        {"rms_norm_eps": 1e-2, "num_hidden_layers": 1},
    ],
)
def test_qwen3(runner: Runner, config: dict[str, Any], pooling: Pooling, tmp_path: Path) -> None:
    model = made("Qwen3Model", 1, **{**QWEN3, **config})
    compare(runner, model, tmp_path, "qwen3", pooling)


def test_qwen3_as_a_model_of_language_in_shards(runner: Runner, tmp_path: Path) -> None:
    model = made("Qwen3ForCausalLM", 2, **QWEN3)
    compare(runner, model, tmp_path, "qwen3", "last", max_shard_size="8KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
@pytest.mark.parametrize("kind", ["BertModel", "BertForMaskedLM"])
def test_bert(runner: Runner, kind: str, pooling: Pooling, tmp_path: Path) -> None:
    compare(runner, made(kind, 3, **ENCODER), tmp_path, "bert", pooling)


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_xlm_roberta(runner: Runner, pooling: Pooling, tmp_path: Path) -> None:
    config = {**ENCODER, "pad_token_id": 1, "type_vocab_size": 1}
    compare(runner, made("XLMRobertaModel", 4, **config), tmp_path, "xlm-roberta", pooling)
