"""A model directory that no row of the table describes, described by its own files.

They are those of sentence-transformers: modules.json lists what happens to a text, and a file
beside it tells more of each step. What they ask for and we do not compute is refused, and so is a
directory that leaves the pooling open: a guess would give vectors that are merely worse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from polyseek.errors import ModelError
from polyseek.models.spec import TASK, Architecture, ModelSpec, Pooling

POOLINGS: Mapping[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
    "pooling_mode_lasttoken": "last",
    # As one value of "pooling_mode", in newer files.
    "mean": "mean",
    "cls": "first",
    "lasttoken": "last",
}
INSTRUCTED = re.compile(r"Instruct: (?P<task>[^\n]+)\nQuery:(?P<space> ?)")
"""A query's prompt as models of Qwen's and E5's kind have it, with its instruction spelled out."""


def spec_of(directory: Path, name: str = "") -> ModelSpec:
    """The row of the model in `directory`, called `name` or as the directory is.

    Raises:
        ModelError: it is of no known architecture, or asks for what we do not compute.
    """
    config = read_json(directory / "config.json")
    if not config:
        raise ModelError(f"{directory} is no model directory: it has no config.json")
    architecture = config.get("model_type")
    if architecture not in get_args(Architecture):
        raise ModelError(
            f"{directory} holds a model of type {architecture!r}, and polyseek computes "
            f"{', '.join(get_args(Architecture))}; use a model of one of these"
        )
    steps = _steps(directory)
    pooling, dimensions = _pooling(directory / steps["Pooling"])
    query, passage, instruction = _prompts(directory)
    return ModelSpec(
        name=name or directory.resolve().name,
        architecture=architecture,
        pooling=pooling,
        query_prompt=query,
        passage_prompt=passage,
        dimensions=dimensions or config["hidden_size"],
        max_tokens=_max_tokens(directory / steps["Transformer"], config),
        normalize="Normalize" in steps,
        parameters=0,
        licence="",
        hub="",
        instruction=instruction,
    )


def read_config(directory: Path, spec: ModelSpec) -> dict[str, Any]:
    """config.json of the model in `directory`.

    Raises:
        ModelError: it is of another architecture than `spec`.
    """
    config: dict[str, Any] = read_json(directory / "config.json")
    if config.get("model_type") != spec.architecture:
        raise ModelError(
            f"{directory} holds a model of type {config.get('model_type')!r}, and {spec.name} is "
            f"{spec.architecture!r}; name another directory or another model"
        )
    return config


def read_json(path: Path) -> Any:  # noqa: ANN401 - as it is in the file
    """What a file says; {} if there is none.

    Raises:
        ModelError: it is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ModelError(f"{path} is damaged ({error}); delete it and fetch it again") from error


def _steps(directory: Path) -> dict[str, str]:
    """Kind of each step -> its path."""
    modules = read_json(directory / "modules.json")
    steps = {str(module["type"]).rsplit(".", 1)[-1]: module["path"] for module in modules}
    if not {"Transformer", "Pooling"} <= steps.keys():
        raise ModelError(
            f"{directory} does not say how its tokens become one vector: it has no modules.json "
            "with a step of pooling; get the model's whole directory, with 1_Pooling/config.json"
        )
    if unknown := steps.keys() - {"Transformer", "Pooling", "Normalize"}:
        raise ModelError(
            f"{directory} has a step {min(unknown)!r} in its modules.json, which polyseek does "
            "not compute; use another model"
        )
    return steps


def _pooling(directory: Path) -> tuple[Pooling, int]:
    """How its vectors are pooled, and their dimensions, 0 if it does not say."""
    config = read_json(directory / "config.json")
    asked = [key for key, on in config.items() if key.startswith("pooling_mode_") and on is True]
    named = config.get("pooling_mode", [])
    asked += [named] if isinstance(named, str) else named
    if len(asked) != 1 or asked[0] not in POOLINGS or config.get("include_prompt") is False:
        told = ", ".join(asked) or "nothing"
        without = " without the prompt" * (config.get("include_prompt") is False)
        raise ModelError(
            f"{directory / 'config.json'} asks for pooling by {told}{without}, and polyseek pools "
            "by mean_tokens, cls_token or lasttoken, the prompt included; use another model"
        )
    return POOLINGS[asked[0]], int(config.get("word_embedding_dimension", 0))


def _prompts(directory: Path) -> tuple[str, str, str]:
    """A query's prompt, a passage's, and the instruction in the query's."""
    config = read_json(directory / "config_sentence_transformers.json")
    prompts = config.get("prompts") or {}
    default = prompts.get(config.get("default_prompt_name"), "")
    query = prompts.get("query", default)
    passage = prompts.get("document", prompts.get("passage", default))
    if found := INSTRUCTED.fullmatch(query):
        return f"Instruct: {TASK}\nQuery:{found['space']}", passage, found["task"]
    return query, passage, ""


def _max_tokens(directory: Path, config: Mapping[str, Any]) -> int:
    told = read_json(directory / "sentence_bert_config.json")
    positions = int(config["max_position_embeddings"])
    if config["model_type"] == "xlm-roberta":  # the first position is the one behind the padding's
        positions -= int(config["pad_token_id"]) + 1
    return min(told.get("max_seq_length") or positions, positions)
