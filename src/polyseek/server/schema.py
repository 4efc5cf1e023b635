"""What the API's description says of requests and answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from polyseek.server.openai import EmbeddingRequest, TokenizeRequest

DESCRIPTION = (
    "Embeddings over OpenAI's API. Nothing is cut silently; usage counts true tokens; every "
    "answer tells in x-total-ms how long it took, and one with vectors in x-tokenize-ms, "
    "x-queue-ms and x-compute-ms where the time went."
)


class Error(BaseModel):
    """What went wrong."""

    message: str = Field(description="What was wrong, with which value, and what to do next.")
    type: str
    param: str | None = Field(description="The field that was wrong, if it was one.")
    code: str


class ErrorAnswer(BaseModel):
    """An answer that is not 200; /health and /ready tell their state instead."""

    error: Error


class Usage(BaseModel):
    """What the request cost."""

    prompt_tokens: int = Field(description="Tokens, with the prompt and the special tokens.")
    total_tokens: int
    truncated: list[int] = Field(description="Which texts were cut, by their index.")


class Embedding(BaseModel):
    """The vector of a text."""

    object: str
    index: int = Field(description="Which of the request's texts it is of.")
    embedding: list[float] | list[int] | str = Field(description="A string is base64.")


class EmbeddingAnswer(BaseModel):
    """The vectors, in the order of the texts."""

    object: str
    data: list[Embedding]
    model: str
    usage: Usage


class Model(BaseModel):
    """A model of this server."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str
    dimensions: int
    least_dimensions: int = Field(description="Fewest that may be asked for.")
    max_tokens: int = Field(description="Longest text, with the prompt and the special tokens.")
    max_model_len: int = Field(description="The same under the name that vLLM gives it.")
    loaded: bool


class ModelsAnswer(BaseModel):
    """All models of this server."""

    object: str = "list"
    data: list[Model]


class Counted(BaseModel):
    """The tokens of a text."""

    index: int
    tokens: int = Field(description="With the prompt and the special tokens.")
    fits: bool = Field(description="Whether it is embedded without being cut.")
    ids: list[int] | None = None


class TokenizeAnswer(BaseModel):
    """The tokens of all texts."""

    object: str = "list"
    model: str
    max_tokens: int
    data: list[Counted]


class State(BaseModel):
    """How the server is."""

    status: str


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorAnswer} for status in statuses}


def _body(form: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": form.model_json_schema(), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


_EXAMPLE = {"model": "multilingual-e5-small", "input": ["How to fix ImportError?", "如何修复？"]}
_REFUSED = _errors(400, 401, 404, 408, 413, 429, 500, 503)
EMBEDDINGS: dict[str, Any] = {
    "summary": "Vectors of texts",
    "responses": {200: {"model": EmbeddingAnswer}, **_REFUSED},
    "openapi_extra": _body(EmbeddingRequest, _EXAMPLE),
}
TOKENIZE: dict[str, Any] = {
    "summary": "Tokens of texts, without embedding them",
    "responses": {200: {"model": TokenizeAnswer}, **_REFUSED},
    "openapi_extra": _body(TokenizeRequest, _EXAMPLE),
}
MODELS: dict[str, Any] = {
    "summary": "The models of this server",
    "responses": {200: {"model": ModelsAnswer}, **_errors(401)},
}
MODEL: dict[str, Any] = {
    "summary": "One of them",
    "responses": {200: {"model": Model}, **_errors(401, 404)},
}
HEALTH: dict[str, Any] = {
    "summary": "Whether it is alive; if not, start it anew",
    "responses": {200: {"model": State}, 503: {"model": State}},
}
READY: dict[str, Any] = {
    "summary": "Whether to send it requests: a model has been loaded, no queue is full",
    "responses": {200: {"model": State}, 503: {"model": State}},
}
METRICS: dict[str, Any] = {
    "summary": "Figures for Prometheus",
    "responses": {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
}
