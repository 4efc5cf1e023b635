"""OpenAI's forms: what a request may hold, and what an answer does."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError, to_json

from polyseek.engine.inputs import Cut
from polyseek.engine.intake import Ask
from polyseek.engine.pool import Floats
from polyseek.errors import BadInput
from polyseek.models.instructions import resolve
from polyseek.models.spec import ModelSpec
from polyseek.server.faults import Fault

Inputs = list[str] | list[list[int]]
OutputType = Literal["float", "int8", "binary", "ubinary"]
_IDS = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
_TEXT = {"type": "string", "minLength": 1, "pattern": "\\S"}
_INPUT = {
    "title": "Input",
    "description": "A text, a list of texts, the token ids of a text or a list of those. Ids are "
    "those of the model's own tokenizer and get no prompt.",
    "anyOf": [
        _TEXT,
        {"type": "array", "items": _TEXT, "minItems": 1},
        _IDS,
        {"type": "array", "items": _IDS, "minItems": 1},
    ],
}


def _wrong(told: str) -> PydanticCustomError:
    return PydanticCustomError("input", "{told}", {"told": told})


@contextmanager
def _blaming(param: str) -> Iterator[None]:
    """What is refused within is this field's fault."""
    try:
        yield
    except BadInput as error:
        raise Fault(400, str(error), code="invalid_value", param=param) from error


def inputs_of(given: object) -> Inputs:
    """A request's `input` as a list: of texts, or of token arrays.

    Raises:
        PydanticCustomError: it is empty, blank, or of a wrong type; the message says where.
    """
    several: list[Any] = given if isinstance(given, list) else [given]
    if not several:
        raise _wrong("is an empty list; give at least one text")
    if all(isinstance(each, str) for each in several):
        blank = next((at for at, each in enumerate(several) if not each.strip()), None)
        if blank is not None:
            what = "is blank" if several[blank] else "is empty"
            where = f"text {blank} of it " if isinstance(given, list) else ""
            raise _wrong(f"{where}{what}; leave it out, an empty text has no meaning to embed")
        return several
    if several is given and all(type(each) is int for each in several):
        several = [several]
    for at, row in enumerate(several):
        if not isinstance(row, list) or not all(type(each) is int for each in row):
            raise _wrong(
                f"has {type(row).__name__} {row!r:.60} at {at}; give a text, a list of texts, or "
                "token ids: a list of integers or a list of such lists"
            )
        if not row:
            raise _wrong(f"token array {at} of it is empty; give at least one token id")
    return several


class Request(BaseModel):
    """What all requests have. A field that is not known is refused: an answer that ignores it
    would be wrong without a word."""

    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())

    model: str = Field(description="Name of the model; GET /v1/models lists them.")
    input: Annotated[Any, BeforeValidator(inputs_of), WithJsonSchema(_INPUT)]
    input_type: Literal["query", "document"] | None = Field(
        None,
        description="What the texts are, for models that put different prompts before questions "
        "and documents. Without it: query if there is an instruction, else document.",
    )
    instruction: str | None = Field(
        None,
        description="What the queries are for, for models that are told; not for documents. A "
        "sentence in English or a profile: general, technical, legal, marketing, faults.",
    )
    user: str | None = Field(None, description="Ignored.")

    def ask(self, spec: ModelSpec, limit: int) -> Ask:
        """For the engine.

        Raises:
            Fault: more than `limit` inputs; an instruction that is none, or where none goes.
        """
        if len(self.input) > limit:
            told = (
                f"input has {len(self.input)} texts and this server takes {limit} a request; "
                "send them in several"
            )
            raise Fault(400, told, code="too_many_texts", param="input")
        kind = self.input_type or ("query" if self.instruction else "document")
        role: Literal["query", "passage"] = "query" if kind == "query" else "passage"
        with _blaming("instruction"):
            ask = Ask(self.input, role, resolve(self.instruction or ""), self._cut())
            if not ask.texts and ask.instruction:
                raise BadInput(
                    "token ids get no prompt, and so no instruction; send the texts, or put the "
                    "prompt's ids before theirs"
                )
            spec.prompt(role, ask.instruction)
        return ask

    def _cut(self) -> Cut:
        return "none"


class EmbeddingRequest(Request):
    """What POST /v1/embeddings takes: OpenAI's fields and a few more."""

    dimensions: int | None = Field(
        None, ge=1, description="Components of each vector, for models trained to be cut."
    )
    encoding_format: Literal["float", "base64"] | None = Field(
        None,
        description="float (the default): JSON numbers. base64: the little-endian bytes of a "
        "vector, 32-bit floats or the 8-bit integers of output_dtype.",
    )
    truncate: Cut | None = Field(
        None,
        description="Where a text that is too long may be cut. none (the default): it is an "
        "error. usage.truncated lists those that were.",
    )
    truncate_prompt_tokens: int | None = Field(
        None,
        ge=-1,
        description="vLLM's field: -1, or as many tokens as the model takes or more, is truncate: "
        "end. Fewer are refused.",
    )
    output_dtype: OutputType | None = Field(
        None,
        description="float (the default). int8: each vector scaled so that its largest component "
        "is 127 or -127, and rounded; compare by cosine. ubinary: a bit a component, 1 where it "
        "is above 0, eight to an unsigned byte, the first the highest. binary: the same less 128, "
        "as signed bytes.",
    )

    def check(self, spec: ModelSpec) -> None:
        """Raises Fault if the model has no such vectors: of so many dimensions, of bits that do
        not fill their bytes, or of texts cut shorter than it takes them."""
        with _blaming("dimensions"):
            spec.check_dimensions(self.dimensions or 0)
            dimensions = self.dimensions or spec.dimensions
            if self.output_dtype in ("binary", "ubinary") and dimensions % 8:
                raise BadInput(
                    f"{dimensions} dimensions do not fill bytes; ask for a multiple of 8"
                )
        with _blaming("truncate_prompt_tokens"):
            asked = self.truncate_prompt_tokens
            if asked is not None and asked != -1 and asked < spec.max_tokens:
                raise BadInput(
                    f"truncate_prompt_tokens is {asked} and {spec.name} takes {spec.max_tokens}; "
                    "ask for -1, which cuts to these, or send shorter texts"
                )

    def _cut(self) -> Cut:
        return self.truncate or ("none" if self.truncate_prompt_tokens is None else "end")


class TokenizeRequest(Request):
    """What POST /tokenize takes."""

    ids: bool = Field(False, description="Whether to tell the token ids too.")


Form = TypeVar("Form", bound=BaseModel)


def parse(form: type[Form], body: bytes) -> Form:
    """The request in a body.

    Raises:
        Fault: 400, with what is wrong with which field, and what would be right.
    """
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    kind, where = fault["type"], str(fault["loc"][0]) if fault["loc"] else None
    if kind == "json_invalid":
        raise Fault(400, f"the body is not JSON: {fault['ctx']['error']}", code="invalid_json")
    if where is None:
        told = "the body is not a JSON object; send one such as " + '{"model": "…", "input": "…"}'
        raise Fault(400, told, code="invalid_json")
    if kind == "missing":
        raise Fault(400, f"{where} is missing; it is required", code="missing_field", param=where)
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(where, form.model_fields, n=1)
        hint = (
            f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(form.model_fields)}"
        )
        raise Fault(400, f"unknown field {where!r:.80}{hint}", code="unknown_field", param=where)
    if kind == "input":
        raise Fault(400, f"{where} {fault['msg']}", code="invalid_value", param=where)
    told = f"{where} cannot be {fault['input']!r:.60}: {fault['msg']}"
    raise Fault(400, told, code="invalid_value", param=where)


def converted(vectors: Floats, kind: OutputType) -> npt.NDArray[Any]:
    """Vectors (n, D) float32 -> as output_dtype says: (n, D) or, for bits, (n, D / 8)."""
    if kind == "float":
        return vectors
    if kind == "int8":
        largest = np.abs(vectors).max(axis=1, keepdims=True)
        scaled = np.divide(vectors * 127, largest, out=np.zeros_like(vectors), where=largest > 0)
        rounded: npt.NDArray[np.int8] = np.rint(scaled).astype(np.int8)
        return rounded
    bits = np.packbits(vectors > 0, axis=1)
    return bits if kind == "ubinary" else (bits.astype(np.int16) - 128).astype(np.int8)


def rendered(
    wanted: EmbeddingRequest, model: str, vectors: Floats, tokens: int, truncated: Sequence[int]
) -> bytes:
    """The body of the answer; `vectors` (n, dimensions) are finished."""
    made = converted(vectors, wanted.output_dtype or "float")
    shown: Sequence[object]
    if wanted.encoding_format == "base64":
        little = made.astype(made.dtype.newbyteorder("<"), copy=False)
        shown = [base64.b64encode(row.tobytes()).decode() for row in little]
    else:
        shown = made.tolist()
    rows = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(shown)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens, "truncated": list(truncated)}
    return to_json({"object": "list", "data": rows, "model": model, "usage": usage})


def counted(
    wanted: TokenizeRequest, model: str, rows: Sequence[Sequence[int]], limit: int
) -> bytes:
    """The body of an answer about tokens; `limit`: most that the model takes."""
    data = [
        {"index": at, "tokens": len(row), "fits": len(row) <= limit}
        | ({"ids": row} if wanted.ids else {})
        for at, row in enumerate(rows)
    ]
    return to_json({"object": "list", "model": model, "max_tokens": limit, "data": data})
