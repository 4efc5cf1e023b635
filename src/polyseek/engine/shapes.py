"""What a forward needs to know of a model's config.json, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyseek.errors import BadInput, ModelError
from polyseek.models.fields import Fields
from polyseek.models.tensors import Tensors

WORDS = {
    "bert": "embeddings.word_embeddings.weight",
    "xlm-roberta": "embeddings.word_embeddings.weight",
    "qwen3": "embed_tokens.weight",
}
"""The table of word embeddings in each architecture."""


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
        told = Fields(directory / "config.json", config)
        roberta = config["model_type"] == "xlm-roberta"
        return cls(
            hidden=told.whole("hidden_size"),
            layers=told.whole("num_hidden_layers"),
            heads=_parts(told, "num_attention_heads", "hidden_size"),
            epsilon=told.number("layer_norm_eps"),
            first_position=told.whole("pad_token_id", 0) + 1 if roberta else 0,
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
        kinds = config.get("layer_types")
        every = ["full_attention"] * len(kinds) if isinstance(kinds, list) else None
        only(config, directory, layer_types=every)
        told = Fields(directory / "config.json", config)
        rope = told.below("rope_parameters")  # transformers 5
        only(rope, directory, rope_type="default")
        return cls(
            hidden=told.whole("hidden_size"),
            layers=told.whole("num_hidden_layers"),
            heads=told.whole("num_attention_heads"),
            kv_heads=_parts(told, "num_key_value_heads", "num_attention_heads"),
            head=_even(told, "head_dim"),
            epsilon=told.number("rms_norm_eps"),
            theta=(rope if "rope_theta" in rope else told).number("rope_theta"),
        )


def read_shape(config: Mapping[str, Any], directory: Path) -> BertShape | Qwen3Shape:
    """Of the model whose parsed config.json this is.

    Raises:
        ModelError: it asks for what is not computed here.
    """
    shape = Qwen3Shape if config["model_type"] == "qwen3" else BertShape
    return shape.read(config, directory)


def check_tensors(tensors: Tensors, config: Fields, shape: BertShape | Qwen3Shape) -> None:
    """That the weights are of the model that config.json tells of. Sizes that are not would end in
    an error of a library's, and a position that the table lacks in wrong vectors.

    Raises:
        ModelError: they are not.
    """
    tensors.check(WORDS[config["model_type"]], (config.whole("vocab_size"), shape.hidden))
    if isinstance(shape, Qwen3Shape):
        for part, heads in (("q", shape.heads), ("k", shape.kv_heads)):
            name = f"layers.0.self_attn.{part}_proj.weight"
            tensors.check(name, (heads * shape.head, shape.hidden))
    else:
        rows = config.whole("max_position_embeddings")
        tensors.check("embeddings.position_embeddings.weight", (rows, shape.hidden))


def check_ids(rows: Sequence[Sequence[int]], vocabulary: int, name: str) -> None:
    """Refuse ids that the model called `name` has no row for: a negative one would count from the
    end, and on a GPU one too high would end the process.

    Raises:
        BadInput: there is one.
    """
    lowest, highest = min(map(min, rows)), max(map(max, rows))
    if not 0 <= lowest <= highest < vocabulary:
        raise BadInput(
            f"token id {lowest if lowest < 0 else highest} is none of {name}, whose ids go from 0 "
            f"to {vocabulary - 1}"
        )


def _parts(config: Fields, key: str, of: str) -> int:
    """How many equal parts `key` makes of another number."""
    parts, whole = config.whole(key), config.whole(of)
    if whole % parts:
        raise config.wrong(key, f"a divisor of its {of} {whole}")
    return parts


def _even(config: Fields, key: str) -> int:
    if (value := config.whole(key)) % 2:
        raise config.wrong(key, "an even number")
    return value


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
