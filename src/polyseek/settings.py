"""Every setting once: its name, type, default and help.

The command line's flags and their help, the environment variables (`POLYSEEK_` and the name in
capitals) and the table in the docs are derived from this class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What can be set. Read from the environment when it is made, never at import."""

    model_config = SettingsConfigDict(env_prefix="POLYSEEK_", extra="forbid")

    kb: Path = Field(Path("polyseek-kb"), description="Directory of the knowledge base.")
    model: str = Field(
        "",
        description="Embedding model; without it the knowledge base's own, and multilingual-e5-"
        "small for a new one. `polyseek models` lists them.",
    )
    model_path: Path | None = Field(
        None, description="Directory with the model's config.json, tokenizer.json and safetensors."
    )
    download: bool = Field(
        False, description="Fetch the model from the hub if it is not on this machine."
    )
    precision: Literal["int8", "fp32"] = Field(
        "int8", description="Arithmetic of the model: int8 is three times as fast as fp32."
    )
    threads: int = Field(0, ge=0, description="CPU threads of the model; 0 takes all cores.")
    chunk_tokens: int = Field(
        0,
        ge=0,
        description="Longest passage in tokens, headings included; 0 takes the knowledge base's "
        "own, and 320 for a new one.",
    )
    languages: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Languages the documents are in, as ISO 639-1 codes; without it they are "
        "identified among some thirty. Separated by commas.",
    )

    @field_validator("languages", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(filter(None, value.replace(" ", "").split(",")))
            if isinstance(value, str)
            else value
        )


def describe(name: str) -> str:
    """The help of a setting."""
    return str(Settings.model_fields[name].description)
