"""Tokens of a model that runs elsewhere, where they have to be estimated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_endpoint import FakeEndpoint, Handler, status
from polyseek.engine.counting import SHARE, Asked, Estimated, estimate
from polyseek.engine.endpoint import Endpoint
from polyseek.engine.tokenize import Tokenizer
from polyseek.errors import ModelError
from polyseek.languages import calibration
from polyseek.models.sources import locate
from polyseek.models.spec import SPECS


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    try:
        return Tokenizer(locate(SPECS["multilingual-e5-small"]))
    except ModelError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("language", calibration.languages())
def test_it_is_on_the_safe_side(tokenizer: Tokenizer, language: str) -> None:
    """All texts of a language together, and each by the most that it may have."""
    texts = [text for kind in calibration.texts(language).values() for text in kind]
    guessed, true = Estimated().count(texts), tokenizer.count(texts)
    assert sum(guessed) > 1.1 * sum(true)
    most = Estimated().most(texts)
    assert all(guess >= tokens for guess, tokens in zip(most, true, strict=True))
    assert all(SHARE * high <= low + 1 for low, high in zip(guessed, most, strict=True))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("  \n\t", 0),
        ("cat", 2),
        ("cat cat", 3),
        ("x = [1, 2]", 7),
        ("1234", 4),
        ("0AAAA", 3),
        ("AAAA0", 3),
        ("~a_b[c", 5),
        ("猫が寝ている", 6),
        ("😀", 4),
        ("ꦱꦭꦩ꧀", 12),
        ("\ud83d", 3),
    ],
)
def test_by_the_letters(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_has_no_fewer_tokens(one: str, other: str) -> None:
    assert estimate(one + other) >= max(estimate(one), estimate(other))
    assert estimate(one + other) <= estimate(one) + estimate(other) + 1


@pytest.mark.parametrize(
    "told",
    [{}, [], {"data": 1}, {"data": [{"tokens": float("inf")}]}, {"data": [{"tokens": "many"}]}],
)
def test_what_is_no_count(told: object) -> None:
    def answer(handler: Handler, body: object) -> None:
        handler.answer(200, told)

    with FakeEndpoint() as fake, Endpoint(fake.url) as endpoint:
        fake.counting = answer
        with pytest.raises(ModelError, match=r"/tokenize answers .*, not tokens; name a direct"):
            Asked(endpoint, "toy").count(["cat"])


@pytest.mark.parametrize(
    ("code", "told"),
    [(413, "no"), (400, "input has 9 texts and this server takes 2 a request; send them in")],
)
def test_a_server_that_counts_few_texts_at_once(code: int, told: str) -> None:
    asked: list[int] = []

    def few(handler: Handler, body: dict[str, Any]) -> None:
        asked.append(len(body["input"]))
        if len(body["input"]) > 2:
            handler.answer(code, {"error": {"message": told}})
        else:
            handler.answer(200, {"data": [{"tokens": len(row)} for row in handler.rows(body)]})

    with FakeEndpoint() as fake, Endpoint(fake.url) as endpoint:
        fake.counting = few
        texts = ["cat " * n for n in range(1, 10)]
        assert Asked(endpoint, "toy").count(texts) == [*range(1, 10)]
        assert asked == [2, 9, 4, 2, 2, 5, 2, 3, 1, 2]
        fake.counting = status(413, "no")
        with pytest.raises(ModelError, match="answers 413: no"):
            Asked(endpoint, "toy").count(["cat"])


def test_what_is_around() -> None:
    assert Estimated().around("query", "query: ") == 8
