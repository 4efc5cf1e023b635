"""What a forward needs to know of a model's config.json, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyseek.errors import ModelError


@dataclass(frozen=True, slots=True)
class BertShape:
    """BERT and XLM-RoBERTa."""

    hidden: int
    layers: int
    heads: int
    epsilon: float
    first_position: int = 0
    """Row of the position table for a text's first token."""

    @classmethod
    def read(cls, config: Mapping[str, Any], directory: Path) -> BertShape:
        """From a parsed config.json.

        Raises:
            ModelError: it asks for what is not computed here.
        """
        only(config, directory, hidden_act="gelu", position_embedding_type="absolute")
        only(config, directory, is_decoder=False)
        roberta = config["model_type"] == "xlm-roberta"
        return cls(
            hidden=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            epsilon=config["layer_norm_eps"],
            first_position=config["pad_token_id"] + 1 if roberta else 0,
        )


@dataclass(frozen=True, slots=True)
class Qwen3Shape:
    """Qwen3. A head's width is its own: not hidden / heads."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    epsilon: float
    theta: float
    """Base of the rotation's angles."""

    @classmethod
    def read(cls, config: Mapping[str, Any], directory: Path) -> Qwen3Shape:
        """From a parsed config.json.

        Raises:
            ModelError: it asks for what is not computed here.
        """
        only(config, directory, hidden_act="silu", attention_bias=False, use_sliding_window=False)
        only(config, directory, rope_scaling=None)
        rope = config.get("rope_parameters") or {}  # transformers 5
        only(rope, directory, rope_type="default")
        return cls(
            hidden=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            kv_heads=config["num_key_value_heads"],
            head=config["head_dim"],
            epsilon=config["rms_norm_eps"],
            theta=float(rope.get("rope_theta") or config["rope_theta"]),
        )


def read_shape(config: Mapping[str, Any], directory: Path) -> BertShape | Qwen3Shape:
    """Of the model whose parsed config.json this is.

    Raises:
        ModelError: it asks for what is not computed here.
    """
    shape = Qwen3Shape if config["model_type"] == "qwen3" else BertShape
    return shape.read(config, directory)


def only(config: Mapping[str, Any], directory: Path, **computed: object) -> None:
    """Refuse a configuration that asks for what is not computed here.

    Raises:
        ModelError: a field has another value than the one in `computed`; one left out has not.
    """
    for field, value in computed.items():
        if (asked := config.get(field, value)) != value:
            raise ModelError(
                f"{directory / 'config.json'} has {field} {asked!r}, and polyseek computes "
                f"{value!r} only; use another model"
            )
