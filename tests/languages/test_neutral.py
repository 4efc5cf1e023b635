"""The cure of language bias: by hand, and on a toy that has the illness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.languages.means import measure
from polyseek.languages.neutral import (
    PASSAGE_STRENGTH,
    QUERY_STRENGTH,
    QUESTION_DOMAIN,
    TITLE_DOMAIN,
    TRUST,
    Calibrated,
    Floats,
    Neutral,
    Sums,
)
from toy import GLOSSARY, toy_embedder

LANGUAGES = ("en", "ja", "ru")
MEANINGS, SHARE = 6, 0.8
"""Every vector has this much of its length in its language's own direction."""


def parallel(language: str) -> Floats:
    """Unit vectors (12, 9) of six meanings and their opposites in one language, so that the mean
    is the language alone."""
    vectors = np.zeros((2 * MEANINGS, MEANINGS + len(LANGUAGES)), np.float32)
    vectors[:MEANINGS, :MEANINGS] = np.eye(MEANINGS)
    vectors[MEANINGS:, :MEANINGS] = -np.eye(MEANINGS)
    vectors *= np.float32((1 - SHARE**2) ** 0.5)
    vectors[:, MEANINGS + LANGUAGES.index(language)] = SHARE
    return vectors


def mean(language: str) -> Floats:
    return np.asarray(parallel(language).mean(axis=0), np.float32)


@pytest.fixture
def calibrated() -> Calibrated:
    means = {language: mean(language) for language in LANGUAGES}
    return Calibrated(question=means, title=means, passage=means)


def sums(*languages: str, times: int = 1) -> dict[str, tuple[int, np.ndarray]]:
    return {
        language: (12 * times, parallel(language).sum(axis=0, dtype=np.float64) * times)
        for language in languages
    }


def centred(vectors: Floats, language: str, strength: float) -> Floats:
    rows = vectors - strength * mean(language)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_parallel_texts_nearly_coincide(calibrated: Calibrated) -> None:
    neutral = Neutral(calibrated, sums(*LANGUAGES))
    rows = {code: neutral.passages(parallel(code), [code] * 12) for code in LANGUAGES}
    for code in LANGUAGES:
        assert np.allclose(rows[code], centred(parallel(code), code, PASSAGE_STRENGTH), atol=1e-6)
        assert np.allclose(np.linalg.norm(rows[code], axis=1), 1, atol=1e-6)
    # What is left of the languages is a tenth of it, on both sides.
    left, meant = ((1 - PASSAGE_STRENGTH) * SHARE) ** 2, 1 - SHARE**2
    cosines = (rows["en"] * rows["ja"]).sum(axis=1)
    assert np.allclose(cosines, meant / (meant + left), atol=1e-6)
    assert cosines.min() > 0.98
    assert np.allclose((parallel("en") * parallel("ja")).sum(axis=1), meant)


def test_a_question_is_centred_by_the_mean_of_questions(calibrated: Calibrated) -> None:
    neutral = Neutral(calibrated, sums(*LANGUAGES))
    for title in (False, True):
        got = np.stack([neutral.query(v, "ja", title=title) for v in parallel("ja")])
        assert np.allclose(got, centred(parallel("ja"), "ja", QUERY_STRENGTH), atol=1e-6)


def test_a_title_has_a_mean_of_its_own(calibrated: Calibrated) -> None:
    zeros = {code: np.zeros_like(mean(code)) for code in LANGUAGES}
    neutral = Neutral(Calibrated(calibrated.question, zeros, calibrated.passage), {})
    vector = parallel("en")[0]
    assert np.allclose(neutral.query(vector, "en", title=True), vector)
    assert not np.allclose(neutral.query(vector, "en", title=False), vector)


@pytest.mark.parametrize(("title", "share"), [(False, QUESTION_DOMAIN), (True, TITLE_DOMAIN)])
def test_queries_follow_the_collection_part_of_the_way(
    calibrated: Calibrated, title: bool, share: float
) -> None:
    domain = np.eye(9, dtype=np.float32)[0] * 0.3
    neutral = Neutral(calibrated, {"en": (10**9, (mean("en") + domain).astype(np.float64) * 10**9)})
    # A language that the collection does not hold follows the average of those it holds.
    for language in ("en", "ja"):
        vector = parallel(language)[2]
        expected = vector - QUERY_STRENGTH * (mean(language) + share * domain)
        expected /= np.linalg.norm(expected)
        assert np.allclose(neutral.query(vector, language, title=title), expected, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 5, TRUST, 1000])
def test_few_passages_keep_near_calibration(calibrated: Calibrated, count: int) -> None:
    own = np.eye(9)[1]
    neutral = Neutral(calibrated, {"en": (count, own * count)})
    blended = (own * count + mean("en") * TRUST) / (count + TRUST)
    vector = parallel("en")[:1]
    expected = vector - PASSAGE_STRENGTH * blended
    expected /= np.linalg.norm(expected)
    assert np.allclose(neutral.passages(vector, ["en"]), expected, atol=1e-6)


def test_a_language_without_calibration_texts_starts_from_all_of_them(
    calibrated: Calibrated,
) -> None:
    overall = np.mean([mean(code) for code in LANGUAGES], axis=0)
    neutral, vector = Neutral(calibrated, {"xx": (0, np.zeros(9))}), parallel("en")[:1]
    for strength, got in (
        (PASSAGE_STRENGTH, neutral.passages(vector, ["xx"])),
        (QUERY_STRENGTH, neutral.query(vector[0], "yy", title=False)[None]),
    ):
        expected = vector - strength * overall
        assert np.allclose(got, expected / np.linalg.norm(expected), atol=1e-6)


def test_a_passage_without_a_language_can_be_centred(calibrated: Calibrated) -> None:
    neutral = Neutral(calibrated, {"": (1, parallel("en")[0].astype(np.float64)), **sums("ja")})
    rows = neutral.passages(np.concatenate([parallel("en")[:1], parallel("ja")[:1]]), ["", "ja"])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)


def test_mixed_languages_are_each_centred_by_their_own(calibrated: Calibrated) -> None:
    neutral = Neutral(calibrated, sums(*LANGUAGES))
    order = ["ja", "en", "ru", "en", "ja"]
    vectors = np.stack([parallel(code)[at] for at, code in enumerate(order)])
    before = vectors.copy()
    together = neutral.passages(vectors, order)
    for at, code in enumerate(order):
        assert np.array_equal(together[at], neutral.passages(vectors[at : at + 1], [code])[0])
    assert np.array_equal(vectors, before)  # the input is left alone


def test_no_passages_are_no_rows(calibrated: Calibrated) -> None:
    neutral = Neutral(calibrated, {})
    assert neutral.passages(np.empty((0, 9), np.float32), []).shape == (0, 9)


def test_a_vector_that_is_all_language_becomes_zero_and_not_nan(calibrated: Calibrated) -> None:
    neutral = Neutral(calibrated, sums("en"))
    rows = neutral.passages(np.asarray(PASSAGE_STRENGTH * mean("en"), np.float32)[None], ["en"])
    assert np.isfinite(rows).all()


@given(st.permutations(LANGUAGES), st.integers(1, 50))
def test_the_salt_is_of_the_means_and_not_of_their_order(order: list[str], times: int) -> None:
    means = {language: mean(language) for language in LANGUAGES}
    calibrated = Calibrated(means, means, means)
    here = Neutral(calibrated, sums(*LANGUAGES, times=times))
    assert here.salt == Neutral(calibrated, sums(*order, times=times)).salt


def test_the_salt_changes_when_a_mean_does(calibrated: Calibrated) -> None:
    moved = sums("en", "ja")
    moved["ja"] = (12, moved["ja"][1] + 0.1)
    other = {code: mean(code) + np.float32(0.01) for code in LANGUAGES}
    states: list[tuple[Calibrated, Sums]] = [
        (calibrated, {}),
        (calibrated, sums("en")),
        (calibrated, sums("ja")),
        (calibrated, sums("en", "ja")),
        (calibrated, moved),
        (Calibrated(calibrated.question, calibrated.title, other), sums("en")),
        (calibrated, {"en": (24, parallel("en").sum(axis=0, dtype=np.float64))}),
    ]
    salts = [Neutral(means, told).salt for means, told in states]
    assert len(set(salts)) == len(salts)
    assert salts == [Neutral(means, told).salt for means, told in states]


def test_a_biased_model_is_cured() -> None:
    """The toy puts a language where it is, as real models do; then every question finds its own
    language first, and afterwards the passage and its translation are found together."""
    biased = toy_embedder(glossary=GLOSSARY, bias={"en": 0.5, "ja": 0.5, "zh": 0.5, "ru": 0.5})
    passages = {
        "en": ["cat password server login", "dog fish backup server", "backup login dog"],
        "ja": [
            "猫のパスワード サーバー ログイン",
            "犬の魚 バックアップ サーバー",
            "バックアップ ログイン 犬を",
        ],
        "ru": ["кошка пароль сервер вход", "собака рыба копия сервер", "копия вход собака"],
    }
    texts = [text for each in passages.values() for text in each]
    spoken = [code for code, each in passages.items() for _ in each]
    vectors = biased.embed(texts, "passage")
    question = biased.embed(["password cat"], "query")[0]
    raw = [spoken[at] for at in np.argsort(-(vectors @ question))[:3]]
    assert raw == ["en"] * 3

    calibrated = measure(lambda texts, role: biased.embed(texts, role))  # type: ignore[arg-type]
    told = {
        code: (3, vectors[at : at + 3].sum(axis=0, dtype=np.float64))
        for at, code in zip((0, 3, 6), passages, strict=True)
    }
    neutral = Neutral(calibrated, told)
    scores = neutral.passages(vectors, spoken) @ neutral.query(question, "en", title=True)
    assert {texts[at] for at in np.argsort(-scores)[:3]} == {each[0] for each in passages.values()}
