"""Every setting once: its name, type, default and help.

The command line's flags and their help, the environment variables (`POLYSEEK_` and the name in
capitals) and the table in the docs are derived from this class.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from polyseek.addresses import without_secrets
from polyseek.errors import BadInput

Backend = Literal["auto", "openvino", "torch"]
Precision = Literal["", "int8", "fp32", "bf16", "fp16"]


class Settings(BaseSettings):
    """What can be set. Read from the environment when it is made, never at import."""

    model_config = SettingsConfigDict(
        env_prefix="POLYSEEK_", extra="forbid", hide_input_in_errors=True
    )

    kb: Path | str = Field(
        Path("polyseek-kb"),
        description="Directory of the knowledge base; or milvus://HOST:PORT/NAME, with its "
        "documents in PostgreSQL (--catalog).",
    )
    catalog: SecretStr = Field(
        SecretStr(""),
        repr=False,
        description="postgresql://USER@HOST:PORT/DATABASE, where a knowledge base in Milvus has "
        "its documents, in a schema called as it is. The variable keeps a password out of the list "
        "of processes.",
    )
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
    backend: Backend = Field(
        "auto",
        description="What runs the model: openvino on the CPU, torch on a GPU (pip install "
        "'polyseek[gpu]'); auto takes the GPU if both it and PyTorch are there.",
    )
    device: str = Field(
        "",
        description="Device of the backend torch, such as cuda:1, mps or cpu; by default the GPU.",
    )
    precision: Precision = Field(
        "",
        description="Arithmetic of the model: int8 or fp32 on the CPU; bf16, fp16 or fp32 on a "
        "GPU. Without it the knowledge base's own, and for a new one int8, which is three times "
        "as fast as fp32, or bf16.",
    )
    threads: int = Field(0, ge=0, description="CPU threads of the model; 0 takes all cores.")
    chunk_tokens: int = Field(
        0,
        ge=0,
        description="Longest passage in tokens, headings included; 0 takes the knowledge base's "
        "own, and 240 for a new one.",
    )
    sentences: bool | None = Field(
        None,
        description="Whether sentences get vectors of their own, which finds answers better and "
        "takes about twice the time to index; without it the knowledge base's own choice, and yes "
        "for a new one.",
    )
    languages: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Languages the documents are in, as ISO 639-1 codes; without it they are "
        "identified among some thirty. Separated by commas.",
    )

    ray: str = Field(
        "",
        description="Address of a Ray cluster, HOST:PORT or auto, whose machines cut and embed the "
        "documents that are indexed, or run the server's replicas; local starts a Ray on this "
        "machine for as long as it takes (pip install 'polyseek[ray]').",
    )
    model_url: str = Field(
        "",
        description="Root of an OpenAI-compatible API, http://host:port/v1, whose model is used "
        "instead of one in this process. Its key, if it wants one, is in POLYSEEK_MODEL_KEY.",
    )
    model_key: SecretStr = Field(
        SecretStr(""),
        repr=False,
        description="Key of the API at model_url. It has no flag: others can read command lines.",
    )
    model_tokens: int = Field(
        0,
        ge=0,
        description="Longest input of the model at model_url, in tokens; 0 takes what is known of "
        "the model or told by the server, and else 512.",
    )
    query_prompt: str | None = Field(
        None,
        description="What the model at model_url wants before a question; {task} stands for the "
        "instruction and \\n for a new line. Without it what is known of the model.",
    )
    passage_prompt: str | None = Field(None, description="The same for a passage.")
    instruction: str = Field(
        "",
        description="What questions are for, told to models that take an instruction: general, "
        "technical, legal, marketing, faults, or an English sentence of your own. Given to `index` "
        "it is the knowledge base's own from then on; without it the model's.",
    )
    host: str = Field(
        "127.0.0.1",
        description="Address that the server listens on. 0.0.0.0 lets other machines in: give it "
        "an API key, and TLS by a proxy before it.",
    )
    port: int = Field(30000, ge=0, le=65535, description="TCP port; 0 takes a free one.")
    api_key: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        repr=False,
        description="Keys that clients may use, separated by commas; without one nobody needs "
        "any. The variable keeps them out of the list of processes.",
    )
    replicas: int = Field(
        1,
        ge=1,
        le=256,
        description="Processes that each have the models, behind one address: one for each GPU, or "
        "the cores divided among them. One uses all cores already, and one GPU; take more for more "
        "GPUs, for many cores, or to go on when one dies. Each takes the memory of the models.",
    )
    more_models: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Further models of the server, separated by commas, each loaded when it is "
        "first asked for.",
    )
    memory_gb: float = Field(
        0.0,
        ge=0,
        description="Most that the weights of loaded models may take in each replica; the one that "
        "was not used for longest goes. 0 sets no limit.",
    )
    queue_tokens: int = Field(
        1_000_000,
        ge=1,
        description="Most tokens that may be waiting in each replica of the server, of each model; "
        "a request that would be over it is told to come again later.",
    )
    max_texts: int = Field(10_000, ge=1, description="Most texts of a request.")
    max_body_mb: int = Field(32, ge=1, description="Longest body of a request, in megabytes.")

    @field_validator("kb", mode="before")
    @classmethod
    def _directory(cls, value: object) -> object:
        local = isinstance(value, str) and not value.startswith(("milvus://", "milvus+tls://"))
        return Path(str(value)) if local else value

    @property
    def kb_shown(self) -> str:
        """The knowledge base, fit to be shown."""
        return str(self.kb) if isinstance(self.kb, Path) else without_secrets(self.kb)

    @field_validator("query_prompt", "passage_prompt")
    @classmethod
    def _with_lines(cls, value: str | None) -> str | None:
        return value if value is None else value.replace("\\n", "\n")

    @field_validator("languages", "api_key", "more_models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found = tuple(part for each in value.split(",") if (part := each.strip()))
        if value and not found:  # a key that is blank by mistake would let everybody in
            raise ValueError("there is nothing between the commas")
        return found


def read_settings(**given: Any) -> Settings:  # noqa: ANN401 - each is checked by Settings
    """The settings: those given, then those of the environment, then the defaults.

    Raises:
        BadInput: an unknown name, or a value that a setting cannot have.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        told = [_explain(str(fault["loc"][0]), fault["input"], fault) for fault in error.errors()]
        raise BadInput("; ".join(told)) from error


def _explain(name: str, value: object, fault: Mapping[str, Any]) -> str:
    if name not in Settings.model_fields:
        near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.0)
        return f"unknown setting {name!r}; did you mean {near[0]!r}?"
    field = Settings.model_fields[name]
    shown = repr(value) if field.repr else "what was given"  # a secret
    flag = "" if field.annotation is SecretStr else f"--{name.replace('_', '-')} or "
    variable = f"POLYSEEK_{name.upper()}"
    return f"{name} cannot be {shown} ({fault['msg']}); set it with {flag}{variable}"


def describe(name: str) -> str:
    """The help of a setting."""
    return str(Settings.model_fields[name].description)
