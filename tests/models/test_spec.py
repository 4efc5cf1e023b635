"""The table of models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from polyseek.errors import ModelError
from polyseek.models.spec import DEFAULT, SPECS, find_spec, known_spec


def test_a_model_is_found_by_its_name_and_by_its_name_on_the_hub() -> None:
    for spec in SPECS.values():
        assert find_spec(spec.name) is spec
        assert find_spec(spec.hub) is spec
    assert known_spec("our-own") is None


def test_a_model_that_is_not_on_the_hub_is_not_called_nothing() -> None:
    ours = replace(find_spec(DEFAULT), name="ours", hub="")
    assert ours.called("ours")
    assert not ours.called("")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("multilingual-e5-smal", "multilingual-e5-small"),
        ("Multilingual-E5-Small", "multilingual-e5-small"),
        ("qwen3-embedding-4b", "Qwen3-Embedding-4B"),
        ("bge", "bge-m3"),
        ("", ""),
    ],
)
def test_an_unknown_name_is_told_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ModelError, match=rf"{name!r}; did you mean '{near}.*--model-path"):
        find_spec(name)


def test_the_default_is_as_its_card_says() -> None:
    """https://huggingface.co/intfloat/multilingual-e5-small"""
    spec = find_spec(DEFAULT)
    assert spec.prompt("query") == "query: "
    assert spec.prompt("passage") == "passage: "
    assert (spec.pooling, spec.normalize) == ("mean", True)
    assert (spec.dimensions, spec.max_tokens) == (384, 512)
    assert spec.licence == "MIT"


def test_every_row_names_what_it_needs() -> None:
    for name, spec in SPECS.items():
        assert spec.name == name
        assert spec.hub.count("/") == 1
        assert 0 < spec.dimensions <= 8192
        assert spec.max_tokens >= 512
        if spec.wheel:
            assert len(spec.wheel.sha256) == 64


@pytest.mark.parametrize(("size", "dimensions"), [("0.6B", 1024), ("4B", 2560), ("8B", 4096)])
def test_qwen3_is_as_its_card_says(size: str, dimensions: int) -> None:
    """https://huggingface.co/Qwen/Qwen3-Embedding-0.6B"""
    spec = find_spec(f"Qwen/Qwen3-Embedding-{size}")
    assert spec.prompt("query") == (
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\n"
        "Query:"
    )
    assert spec.prompt("query", "Find laws") == "Instruct: Find laws\nQuery:"
    assert spec.prompt("passage") == ""
    assert (spec.pooling, spec.normalize, spec.architecture) == ("last", True, "qwen3")
    assert (spec.dimensions, spec.least_dimensions) == (dimensions, 32)
    assert spec.max_tokens == 32_768
    assert spec.licence == "Apache-2.0"


def test_e5_instruct_has_a_space_before_the_query() -> None:
    """https://huggingface.co/intfloat/multilingual-e5-large-instruct"""
    spec = find_spec("multilingual-e5-large-instruct")
    assert spec.prompt("query", "Find laws") == "Instruct: Find laws\nQuery: "
    assert spec.prompt("passage") == ""
    assert (spec.pooling, spec.max_tokens, spec.least_dimensions) == ("mean", 512, 0)


def test_bge_takes_the_first_token_and_no_prompt() -> None:
    """https://huggingface.co/BAAI/bge-m3"""
    spec = find_spec("BAAI/bge-m3")
    assert (spec.pooling, spec.normalize, spec.max_tokens) == ("first", True, 8192)
    assert spec.prompt("query") == spec.prompt("passage") == ""
