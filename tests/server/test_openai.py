"""What a request may hold, what its error says, and the forms of an answer."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.engine.intake import Ask
from polyseek.models.instructions import PROFILES
from polyseek.server.faults import Fault
from polyseek.server.openai import (
    EmbeddingRequest,
    TokenizeRequest,
    converted,
    inputs_of,
    parse,
    rendered,
)
from toy import Floats, toy_embedder, toy_spec

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
FIELDS = st.sampled_from([*EmbeddingRequest.model_fields, "inputs", ""])
SPEC = toy_spec(told="both")
GOOD: dict[str, Any] = {"model": "toy", "input": "cat"}


def made(**fields: Any) -> EmbeddingRequest:  # noqa: ANN401
    return parse(EmbeddingRequest, json.dumps(GOOD | fields).encode())


@given(st.binary() | JSON.map(lambda each: json.dumps(each).encode()))
def test_anything_is_a_request_or_an_error_of_400(body: bytes) -> None:
    try:
        parse(EmbeddingRequest, body)
    except Fault as fault:
        assert fault.status == 400
        assert str(fault)


@given(st.dictionaries(FIELDS, JSON))
def test_any_fields_are_a_request_or_an_error_that_names_one(fields: dict[str, Any]) -> None:
    body = json.dumps(GOOD | fields).encode()
    try:
        wanted = parse(EmbeddingRequest, body)
    except Fault as fault:
        assert fault.status == 400
        assert fault.param is None or fault.param in str(fault)
    else:
        try:
            ask = wanted.ask(SPEC, 100)
        except Fault as fault:
            assert (fault.status, fault.param) in ((400, "input"), (400, "instruction"))
            return
        assert len(ask.inputs) > 0
        assert ask.role in ("query", "passage")


@given(
    st.lists(st.text(min_size=1).filter(str.strip), min_size=1)
    | st.lists(st.lists(st.integers(), min_size=1), min_size=1)
)
def test_lists_are_taken_as_they_are(rows: list[Any]) -> None:
    assert inputs_of(rows) == rows
    if isinstance(rows[0], list):
        assert inputs_of(rows[0]) == [rows[0]]
    else:
        assert inputs_of(rows[0]) == [rows[0]]


@pytest.mark.parametrize(
    ("fields", "param", "told"),
    [
        ({"input": ""}, "input", "input is empty; leave it out"),
        ({"input": []}, "input", "input is an empty list; give at least one text"),
        ({"input": ["cat", " \n"]}, "input", "input text 1 of it is blank"),
        ({"input": ["cat", 1]}, "input", "input has str 'cat' at 0; give a text"),
        ({"input": [[1], []]}, "input", "token array 1 of it is empty"),
        ({"input": [[1], [True]]}, "input", "has list .True. at 1"),
        ({"input": 3}, "input", "input has int 3 at 0"),
        ({"input": None}, "input", "input has NoneType None at 0"),
        ({"model": 7}, "model", "model cannot be 7: Input should be a valid string"),
        ({"dimensions": "8"}, "dimensions", "dimensions cannot be '8'.*valid integer"),
        ({"dimensions": 0}, "dimensions", "dimensions cannot be 0.*greater than or equal to 1"),
        ({"dimensions": True}, "dimensions", "dimensions cannot be True"),
        ({"encoding_format": "hex"}, "encoding_format", "'hex': .* 'float' or 'base64'"),
        ({"truncate": True}, "truncate", "truncate cannot be True: .*'none', 'end' or 'start'"),
        ({"input_type": "passage"}, "input_type", "'query' or 'document'"),
        ({"output_dtype": "uint8"}, "output_dtype", "'float', 'int8', 'binary' or 'ubinary'"),
        ({"truncat": "end"}, "truncat", "unknown field 'truncat'; did you mean 'truncate'?"),
        ({"zzz": 1}, "zzz", "unknown field 'zzz'; known: model, input"),
    ],
)
def test_errors_name_the_field_the_value_and_what_would_be_right(
    fields: dict[str, Any], param: str, told: str
) -> None:
    with pytest.raises(Fault, match=told) as caught:
        made(**fields)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"cat"', b"\xff", b'{"model":"\\ud800"}']
)
def test_what_is_no_object_is_told_so(body: bytes) -> None:
    with pytest.raises(Fault, match=r"the body is not (a )?JSON") as caught:
        parse(EmbeddingRequest, body)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("field", ["model", "input"])
def test_a_missing_field_is_named(field: str) -> None:
    body = json.dumps({name: each for name, each in GOOD.items() if name != field}).encode()
    for form in (EmbeddingRequest, TokenizeRequest):
        with pytest.raises(Fault, match=f"{field} is missing") as caught:
            parse(form, body)
        assert caught.value.code == "missing_field"


def test_null_is_as_good_as_left_out() -> None:
    optional = [name for name in EmbeddingRequest.model_fields if name not in GOOD]
    assert made(**dict.fromkeys(optional)) == made()


@pytest.mark.parametrize(
    ("fields", "ask"),
    [
        ({}, Ask(["cat"], "passage")),
        ({"input_type": "document"}, Ask(["cat"], "passage")),
        ({"input_type": "query"}, Ask(["cat"], "query")),
        ({"instruction": "Find it"}, Ask(["cat"], "query", "Find it")),
        ({"instruction": "faults"}, Ask(["cat"], "query", PROFILES["faults"])),
        ({"instruction": "Find it", "input_type": "document"}, Ask(["cat"], "passage", "Find it")),
        ({"truncate": "start", "user": "me"}, Ask(["cat"], "passage", "", "start")),
        ({"input": [[1, 2]], "truncate": "none"}, Ask([[1, 2]], "passage")),
        ({"input": [1, 2]}, Ask([[1, 2]], "passage")),
    ],
)
def test_what_the_engine_is_asked(fields: dict[str, Any], ask: Ask) -> None:
    assert made(**fields).ask(SPEC, 9) == ask


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"instruction": "fault"}, "unknown instruction 'fault'; did you mean 'faults'"),
        ({"instruction": "Find\nit"}, "has several lines"),
        ({"instruction": "Find it", "input": [1, 2]}, "token ids get no prompt, and so no instr"),
        ({"instruction": "legal", "input": [[1], [2]]}, "token ids get no prompt, and so no instr"),
    ],
)
def test_an_instruction_that_cannot_be_followed(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(Fault, match=told) as caught:
        made(**fields).ask(SPEC, 9)
    assert (caught.value.code, caught.value.param) == ("invalid_value", "instruction")


def test_an_instruction_for_a_model_that_takes_none() -> None:
    with pytest.raises(Fault, match="toy takes no instruction for a query") as caught:
        made(instruction="Find it").ask(toy_spec(), 9)
    assert caught.value.param == "instruction"
    assert made(instruction=" ", input=[1]).ask(toy_spec(), 9).inputs == [[1]]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"dimensions": 33}, "no vectors of 33 dimensions; ask for 4 to 32"),
        ({"dimensions": 12, "output_dtype": "binary"}, "12 dimensions do not fill bytes"),
        ({"dimensions": 9, "output_dtype": "ubinary"}, "ask for a multiple of 8"),
    ],
)
def test_vectors_that_there_are_not(fields: dict[str, Any], told: str) -> None:
    spec = toy_spec(least_dimensions=4)
    with pytest.raises(Fault, match=told) as caught:
        made(**fields).check(spec)
    assert caught.value.param == "dimensions"
    made(dimensions=16, output_dtype="binary").check(spec)
    made(dimensions=9, output_dtype="int8").check(spec)
    with pytest.raises(Fault, match="30 dimensions do not fill bytes"):
        made(output_dtype="binary").check(replace(spec, dimensions=30))


def test_too_many_texts() -> None:
    with pytest.raises(Fault, match="input has 4 texts and this server takes 3"):
        made(input=["cat"] * 4).ask(SPEC, 3)


def vectors() -> Floats:
    return toy_embedder().embed(["cat", "dog and fish", "server"], "passage")


def embeddings(**fields: Any) -> list[Any]:  # noqa: ANN401
    body = json.loads(rendered(made(**fields), "toy", vectors(), 12, [1]))
    assert body["usage"] == {"prompt_tokens": 12, "total_tokens": 12, "truncated": [1]}
    assert (body["object"], body["model"]) == ("list", "toy")
    assert [(row["object"], row["index"]) for row in body["data"]] == [
        ("embedding", at) for at in range(3)
    ]
    return [row["embedding"] for row in body["data"]]


def test_floats_and_base64_are_the_same_to_the_last_bit() -> None:
    shown = np.array(embeddings(), np.float32)
    np.testing.assert_array_equal(shown, vectors())
    for row, text in zip(shown, embeddings(encoding_format="base64"), strict=True):
        assert struct.unpack("<32f", base64.b64decode(text)) == tuple(row)


def test_int8_keeps_the_direction() -> None:
    shown = np.array(embeddings(output_dtype="int8"))
    assert shown.dtype == np.int64
    assert (np.abs(shown).max(axis=1) == 127).all()
    unit = shown / np.linalg.norm(shown, axis=1, keepdims=True)
    assert ((unit * vectors()).sum(axis=1) > 0.9998).all()
    text = embeddings(output_dtype="int8", encoding_format="base64")[0]
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(text), np.int8), shown[0])


def test_bits_are_signs() -> None:
    signs = vectors() > 0
    unsigned = np.array(embeddings(output_dtype="ubinary"), np.uint8)
    np.testing.assert_array_equal(np.unpackbits(unsigned, axis=1), signs)
    np.testing.assert_array_equal(
        np.array(embeddings(output_dtype="binary")) + 128, unsigned.astype(int)
    )
    text = embeddings(output_dtype="ubinary", encoding_format="base64")[1]
    assert base64.b64decode(text) == unsigned[1].tobytes()


def test_a_vector_of_zeros_stays_one() -> None:
    zeros = np.zeros((1, 8), np.float32)
    np.testing.assert_array_equal(converted(zeros, "int8"), zeros)
