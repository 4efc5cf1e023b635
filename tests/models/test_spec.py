"""The table of models."""

from __future__ import annotations

import pytest

from polyseek.errors import ModelError
from polyseek.models.spec import DEFAULT, SPECS, find_spec


def test_a_model_is_found_by_its_name_and_by_its_name_on_the_hub() -> None:
    for spec in SPECS.values():
        assert find_spec(spec.name) is spec
        assert find_spec(spec.hub) is spec


@pytest.mark.parametrize("name", ["multilingual-e5-smal", "e5", "Multilingual-E5-Small", ""])
def test_an_unknown_name_is_told_the_nearest(name: str) -> None:
    with pytest.raises(ModelError, match=rf"{name!r}; did you mean 'multilingual-e5-small'"):
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
