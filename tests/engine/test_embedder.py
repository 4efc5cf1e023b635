"""Texts to vectors with the toy, whose vectors can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.errors import BadInput, ModelError, TooLong
from polyseek.models.spec import Role
from toy import DIMENSIONS, GLOSSARY, Floats, ToyForward, row, toy_embedder, toy_vector

WORDS = st.sampled_from(["cat", "dog", "fish", "password", "server", "backup", "login", "tree"])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=40).map(" ".join), max_size=40)
ROLES: tuple[Role, Role] = ("query", "passage")


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(a, b, atol=1e-6))


@given(TEXTS)
def test_vectors_come_in_the_order_of_the_texts(texts: list[str]) -> None:
    vectors = toy_embedder().embed(texts, "passage")
    assert vectors.shape == (len(texts), DIMENSIONS)
    assert vectors.dtype == np.float32
    for text, vector in zip(texts, vectors, strict=True):
        assert close(vector, toy_vector(*text.split()))


@given(TEXTS, st.integers(0, 9))
def test_a_text_has_one_vector_alone_and_in_any_batch(texts: list[str], at: int) -> None:
    embedder = toy_embedder()
    texts.insert(min(at, len(texts)), "cat tree")
    together = embedder.embed(texts, "query")[texts.index("cat tree")]
    assert close(together, embedder.embed(["cat tree"], "query")[0])


def test_batches_are_within_their_budget() -> None:
    embedder = toy_embedder()
    embedder.embed(["cat " * n for n in range(1, 200)], "passage")
    forward = embedder.forward
    assert isinstance(forward, ToyForward)
    assert len(forward.batches) > 1
    assert all(texts * tokens <= forward.batch_tokens for texts, tokens in forward.batches)


def test_the_prompt_of_the_role_is_put_before_the_text() -> None:
    seen: list[str] = []

    class Listening:
        def encode(self, texts: list[str]) -> list[list[int]]:
            seen.extend(texts)
            return [[1, 2] for _ in texts]

    embedder = toy_embedder()
    embedder.tokenizer = Listening()  # type: ignore[assignment]
    for role in ROLES:
        embedder.embed(["cat"], role)
    assert seen == ["query: cat", "passage: cat"]


@pytest.mark.parametrize(("pooling", "word"), [("first", "cat"), ("last", "fish")])
def test_pooling_is_the_models_own(pooling: str, word: str) -> None:
    embedder = toy_embedder(pooling=pooling)  # type: ignore[arg-type]
    encode = embedder.tokenizer.encode
    embedder.tokenizer.encode = lambda texts: [ids[2:-1] for ids in encode(texts)]  # type: ignore[method-assign]
    assert close(embedder.embed(["cat dog fish"], "query")[0], toy_vector(word))


def test_progress_is_told_how_many_texts_are_done() -> None:
    told: list[int] = []
    toy_embedder().embed(["cat " * 200] * 20, "passage", progress=told.append)
    assert sum(told) == 20
    assert len(told) > 1


def test_no_texts_give_no_vectors() -> None:
    assert toy_embedder().embed([], "query").shape == (0, DIMENSIONS)


def test_an_empty_text_has_a_vector() -> None:
    vectors = toy_embedder().embed(["", "cat"], "query")
    assert np.array_equal(vectors[0], np.zeros(DIMENSIONS))  # the toy's special tokens are zero
    assert close(vectors[1], toy_vector("cat"))


def test_one_string_is_refused() -> None:
    with pytest.raises(BadInput, match=r"list of texts.*'cats and dogs'"):
        toy_embedder().embed("cats and dogs", "query")


def test_a_text_that_fills_the_model_is_taken() -> None:
    embedder = toy_embedder(max_tokens=64)
    assert embedder.room("passage") == 61
    embedder.embed(["cat " * 61], "passage")
    with pytest.raises(TooLong):
        embedder.embed(["cat " * 62], "passage")


def test_too_long_names_the_text_and_both_counts() -> None:
    with pytest.raises(TooLong, match=r"text 1 has 103 tokens.*toy takes 64.*truncation.*'dog dog"):
        toy_embedder(max_tokens=64).embed(["cat", "dog " * 100], "passage")


def test_truncation_keeps_the_beginning_and_the_end_token() -> None:
    embedder = toy_embedder(max_tokens=64)
    long = "cat " * 61 + "dog " * 40
    assert close(embedder.embed([long], "query", truncate="end")[0], toy_vector("cat"))
    seen: list[list[int]] = []

    class Watching(ToyForward):
        def __call__(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            seen.extend(ids.tolist())
            return super().__call__(ids, mask)

    embedder.forward = Watching("toy", {})
    embedder.embed([long], "query", truncate="end")
    whole = embedder.tokenizer.encode(["query: " + long])[0]
    assert seen == [whole[:63] + whole[-1:]]


def test_truncation_leaves_what_fits_alone() -> None:
    embedder, texts = toy_embedder(max_tokens=64), ["cat dog", "fish " * 61]
    assert np.array_equal(
        embedder.embed(texts, "query", truncate="end"), embedder.embed(texts, "query")
    )


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_vector_that_is_none_is_an_error(wrong: float) -> None:
    """Overflow in 16 bits; made unit, it would be zeros."""
    embedder = toy_embedder()

    class Overflowing(ToyForward):
        def pooled(self, rows: Sequence[Sequence[int]]) -> Floats:
            made = super().pooled(rows)
            made[-1, 3] = wrong
            return made

    embedder.forward = Overflowing("fp16", {})
    with pytest.raises(ModelError, match=r"toy in fp16 .*--precision fp32"):
        embedder.embed(["cat", "dog"], "passage")


def test_the_fingerprint_tells_what_changes_a_vector() -> None:
    plain = toy_embedder().fingerprint
    assert plain == toy_embedder(max_tokens=64).fingerprint
    others = [
        toy_embedder(pooling="last"),
        toy_embedder(glossary=GLOSSARY),
        toy_embedder(bias={"ja": 0.3}),
        toy_embedder(bias={"ja": 0.4}),
    ]
    told = [str(plain), *(str(other.fingerprint) for other in others)]
    assert len(set(told)) == len(told)


def test_the_toys_twists() -> None:
    """What the tests of other rooms rely on."""
    embedder = toy_embedder(glossary=GLOSSARY, bias={"ja": 0.3})
    english, russian, chinese = embedder.embed(["cat password", "Кошка, пароль", "猫密码"], "query")
    assert close(english, russian)
    assert close(english, chinese)
    assert embedder.count(["パスワード", "猫とパスワード", "cat-dog 3"]) == [1, 3, 3]
    plain = toy_embedder(glossary=GLOSSARY).embed(["猫とパスワード"], "query")[0]
    moved = embedder.embed(["猫とパスワード"], "query")[0]
    assert float(plain @ moved) < 0.9
    assert np.isclose(np.linalg.norm(row(12345)), 1)
