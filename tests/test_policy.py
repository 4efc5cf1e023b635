"""What a caller may ask of the languages."""

from __future__ import annotations

import pytest

from polyseek.errors import BadInput
from polyseek.policy import Policy, parse_policy


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("any", Policy("any")),
        ("balanced", Policy("balanced")),
        ("prefer:ja", Policy("prefer", ("ja",))),
        ("prefer: JA ", Policy("prefer", ("ja",))),
        ("only:zh", Policy("only", ("zh",))),
        ("only:zh,en", Policy("only", ("zh", "en"))),
        ("only: zh , EN,", Policy("only", ("zh", "en"))),
        ("only:lt", Policy("only", ("lt",))),
    ],
)
def test_what_can_be_said(text: str, policy: Policy) -> None:
    assert parse_policy(text) == policy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all",
        "ANY",
        "any:en",
        "balanced:en",
        "prefer",
        "prefer:",
        "prefer:ja,en",
        "only",
        "only:",
    ],
)
def test_what_cannot_be_said(text: str) -> None:
    with pytest.raises(BadInput, match=r"unknown policy .*any .*prefer:LANG.*balanced.*only:LANG"):
        parse_policy(text)


@pytest.mark.parametrize("text", ["prefer:xx", "only:en,klingon"])
def test_an_unknown_language_is_named(text: str) -> None:
    with pytest.raises(BadInput, match=r"unknown language '(xx|klingon)'"):
        parse_policy(text)


def test_the_default_is_any() -> None:
    assert Policy() == parse_policy("any")
