"""A model directory that no row of the table describes, described by its own files.

They are those of sentence-transformers: modules.json lists what happens to a text, and a file
beside it tells more of each step. What they ask for and we do not compute is refused, and so is a
directory that leaves the pooling open: a guess would give vectors that are merely worse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from polyseek.errors import ModelError
from polyseek.models.fields import Fields, damaged, read_fields, read_json
from polyseek.models.spec import TASK, Architecture, ModelSpec, Pooling

COMPUTED: tuple[Architecture, ...] = ("bert", "xlm-roberta", "qwen3")
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
    config = read_fields(directory / "config.json")
    if not config:
        raise ModelError(f"{directory} is no model directory: it has no config.json")
    architecture = next((each for each in COMPUTED if each == config.get("model_type")), None)
    if architecture is None:
        raise ModelError(
            f"{directory} holds a model of type {config.get('model_type')!r}, and polyseek "
            f"computes {', '.join(COMPUTED)}; use a model of one of these"
        )
    steps = _steps(directory)
    pooling = _pooling(directory / steps["Pooling"], config)
    query, passage, instruction = _prompts(directory)
    return ModelSpec(
        name=name or directory.resolve().name,
        architecture=architecture,
        pooling=pooling,
        query_prompt=query,
        passage_prompt=passage,
        dimensions=config.whole("hidden_size"),
        max_tokens=_max_tokens(directory / steps["Transformer"], config),
        normalize="Normalize" in steps or _by_cosine(directory),
        parameters=0,
        licence="",
        hub="",
        instruction=instruction,
    )


def read_config(directory: Path, spec: ModelSpec) -> Fields:
    """config.json of the model in `directory`.

    Raises:
        ModelError: it is of another architecture than `spec`.
    """
    config = read_fields(directory / "config.json")
    if config.get("model_type") != spec.architecture:
        raise ModelError(
            f"{directory} holds a model of type {config.get('model_type')!r}, and {spec.name} is "
            f"{spec.architecture!r}; name another directory or another model"
        )
    return config


def positions(config: Fields) -> int:
    """Most tokens of a text, by the table of positions.

    Raises:
        ModelError: config.json does not say.
    """
    rows = config.whole("max_position_embeddings")
    if config["model_type"] == "xlm-roberta":  # the first one is behind the padding's
        return rows - (config.whole("pad_token_id", 0) + 1)
    return rows


def _steps(directory: Path) -> dict[str, str]:
    """Kind of each step -> its path."""
    path = directory / "modules.json"
    modules = read_json(path, [])
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise damaged(path, "it holds no list of steps")
    told = [Fields(path, module) for module in modules]
    steps = {step.text("type").rsplit(".", 1)[-1]: step for step in told}
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
    if "path" not in steps["Pooling"]:
        raise steps["Pooling"].wrong("path", "the directory of each step")
    return {kind: step.text("path") for kind, step in steps.items()}


def _pooling(directory: Path, model: Fields) -> Pooling:
    config = read_fields(directory / "config.json")
    if not config:
        raise ModelError(f"{config.path} is missing or empty; get the model's whole directory")
    asked = [key for key, on in config.items() if key.startswith("pooling_mode_") and on is True]
    named = config.get("pooling_mode", [])
    asked += named if isinstance(named, list) else [named]
    how = POOLINGS.get(str(asked[0])) if len(asked) == 1 else None
    if how is None or config.get("include_prompt") is False:
        told = ", ".join(map(str, asked)) or "nothing"
        without = " without the prompt" * (config.get("include_prompt") is False)
        raise ModelError(
            f"{config.path} asks for pooling by {told}{without}, and polyseek pools "
            "by mean_tokens, cls_token or lasttoken, the prompt included; use another model"
        )
    hidden = model.whole("hidden_size")
    if config.get("word_embedding_dimension", hidden) != hidden:
        raise config.wrong("word_embedding_dimension", f"the hidden_size {hidden} of config.json")
    return how


def _by_cosine(directory: Path) -> bool:
    """Whether its vectors are compared by cosine, for which they may be made unit: a knowledge
    base holds no others.

    Raises:
        ModelError: they are compared otherwise.
    """
    config = read_fields(directory / "config_sentence_transformers.json")
    if config.text("similarity_fn_name", "cosine") != "cosine":
        raise ModelError(
            f"{config.path} has similarity_fn_name {config['similarity_fn_name']!r}, and polyseek "
            "compares by cosine; use another model"
        )
    return True


def _prompts(directory: Path) -> tuple[str, str, str]:
    """A query's prompt, a passage's, and the instruction in the query's."""
    config = read_fields(directory / "config_sentence_transformers.json")
    prompts = config.below("prompts")
    named = config.text("default_prompt_name")
    if named and named not in prompts:
        raise config.wrong("default_prompt_name", "the name of one of its prompts, or null")
    default = prompts.text(named)
    query = prompts.text("query", default)
    passage = prompts.text("document", prompts.text("passage", default))
    if found := INSTRUCTED.fullmatch(query):
        return f"Instruct: {TASK}\nQuery:{found['space']}", passage, found["task"]
    return query, passage, ""


def _max_tokens(directory: Path, config: Fields) -> int:
    told, most = read_fields(directory / "sentence_bert_config.json"), positions(config)
    if told.get("max_seq_length") is None:
        return most
    return min(told.whole("max_seq_length"), most)
