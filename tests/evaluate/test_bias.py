"""Language bias and pairs of languages, of rankings that can be worked out by hand."""

from __future__ import annotations

import math

import pytest

from evaluate.made import dataset, places, query
from polyseek.evaluate.bias import first_languages, language_bias
from polyseek.evaluate.pairs import across, by_pair, within

ALL = ("en/1", "zh/1", "ja/1")
DATA = dataset(query("e", "en", *ALL), query("z", "zh", *ALL), query("s", "es", *ALL))
RUN = {
    "e": places("en/1", "en/2", "zh/1", "ja/2", "ja/1"),
    "z": places("en/2", "en/1", "zh/1", "zh/2", "zh/3", "ja/1"),
    "s": places(["en/1", "zh/1"], ["ja/1"]),
}


def test_bias() -> None:
    found = language_bias(DATA, RUN, 5)
    assert found["first_own"] == pytest.approx((1 + 0 + 0) / 3)
    assert found["expected_own"] == pytest.approx((1 / 3 + 1 / 3 + 0) / 3)
    assert found["every_language"] == pytest.approx((1 + 0 + 1) / 3)
    # Nobody can prefer Spanish, there is none.
    assert found["preference"] == pytest.approx((1 + 0) / 2)
    assert found["expected_preference"] == pytest.approx(1 / 3)


def test_questions_with_answers_in_one_language_show_no_bias() -> None:
    data = dataset(query("q", "en", "en/1", "en/2"))
    found = language_bias(data, {"q": places("en/1")}, 5)
    assert all(math.isnan(value) for value in found.values())


def test_first_languages() -> None:
    assert first_languages(DATA, RUN) == {
        "en": {"en": 1.0, "zh": 0.0},
        "es": {"en": 0.5, "zh": 0.5},
        "zh": {"en": 1.0, "zh": 0.0},
    }


def test_pairs() -> None:
    pairs = {(p.asked, p.answered): p.means["RR@5"] for p in by_pair(DATA, RUN, ["RR@5"])}
    assert pairs == {
        ("en", "en"): 1.0,
        ("en", "ja"): 1 / 2,
        ("en", "zh"): 1.0,
        ("es", "en"): 1.0,
        ("es", "ja"): 1.0,
        ("es", "zh"): 1.0,
        ("zh", "en"): 1 / 2,
        ("zh", "ja"): 1.0,
        ("zh", "zh"): 1.0,
    }


def test_within_and_across() -> None:
    pairs = by_pair(DATA, RUN, ["RR@5"])
    assert within(pairs, "RR@5") == 1.0
    assert across(pairs, "RR@5") == pytest.approx((0.5 + 1 + 1 + 1 + 1 + 0.5 + 1) / 7)
    alone = by_pair(dataset(query("q", "en", "en/1")), {"q": places("en/1")}, ["RR@5"])
    assert across(alone, "RR@5") is None
