"""What is made of an endpoint's answer, right or wrong."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from polyseek.engine.answers import vectors_of
from polyseek.errors import ModelError


def answered(*vectors: object, **more: object) -> np.ndarray:
    rows = [{"embedding": vector, **more} for vector in vectors]
    return vectors_of({"data": rows}, len(vectors), 0, "http://a/v1")


def text_of(vector: object) -> str:
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


@pytest.mark.parametrize(
    "told", [[0.5, -2, 4], text_of([0.5, -2, 4]), [[0.5, -2, 4]]], ids=["json", "base64", "rows"]
)
def test_a_vector(told: object) -> None:
    made = answered(told, [1, 2, 3])
    assert made.dtype == np.float32
    assert made.tolist() == [[0.5, -2, 4], [1, 2, 3]]


@pytest.mark.parametrize(
    "told",
    [
        [10**400, 1],
        [10**39, 1],
        [True, False],
        ["1", "2"],
        [None, 1.0],
        [[1.0, 2.0], [3.0, 4.0]],
        [[1.0], [2.0, 3.0]],
        3,
        "AAA=",
        "é",
    ],
)
def test_what_is_no_vector(told: object) -> None:
    with pytest.raises(ModelError, match=r"http://a/v1 answers with .* where a vector was due"):
        answered(told)


@pytest.mark.parametrize(
    "told",
    [
        [1e39, 1.0],
        [1e30, 1.0],  # float32 has no length for it
        [1e-30, 0.0],
        text_of([1e30, 1e30]),
        text_of([np.inf, 1]),
        [float("nan"), 1.0],
    ],
)
def test_a_vector_without_direction(told: object) -> None:
    with pytest.raises(ModelError, match="a vector that has no direction"):
        answered([1.0, 2.0], told)


@pytest.mark.parametrize("index", [[0.0, 1.0], [False, True], ["0", "1"], [0, 10**50], [[0], 1]])
def test_indexes_that_are_none(index: list[object]) -> None:
    rows = [{"index": at, "embedding": [1.0, 2.0]} for at in index]
    with pytest.raises(ModelError, match=r"answers with the indexes .*, not with each of 2 once"):
        vectors_of({"data": rows}, 2, 0, "http://a/v1")
