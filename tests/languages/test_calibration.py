"""The calibration texts: whole, distinct, and in the languages they are said to be in."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files

import pytest

from polyseek.languages import calibration
from polyseek.languages.identify import document_language, passage_language, query_language

COUNTS = {"question": 24, "title": 10, "passage": 24}
LANGUAGES = calibration.languages()


def rows(language: str) -> list[dict[str, str]]:
    source = files("polyseek.languages.calibration") / f"{language}.jsonl"
    return [json.loads(line) for line in source.read_text("utf-8").splitlines()]


def test_there_are_some_thirty_languages() -> None:
    assert len(LANGUAGES) >= 30
    assert {"en", "zh", "ja", "ko", "ar", "hi", "ru", "th", "de"} <= set(LANGUAGES)
    assert list(LANGUAGES) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_as_many_texts_on_the_same_topics(language: str) -> None:
    found = calibration.texts(language)
    assert {kind: len(texts) for kind, texts in found.items()} == COUNTS
    assert all(set(row) == {"kind", "topic", "text"} for row in rows(language))
    for kind in COUNTS:
        topics = [
            [r["topic"] for r in rows(code) if r["kind"] == kind] for code in (language, "en")
        ]
        assert Counter(topics[0]) == Counter(topics[1])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_there_twice_or_untidy(language: str) -> None:
    texts = [text for texts in calibration.texts(language).values() for text in texts]
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and "\n" not in text for text in texts)


def test_no_text_is_in_two_languages() -> None:
    counts = Counter(t for code in LANGUAGES for t in calibration.texts(code)["passage"])
    counts.update(t for code in LANGUAGES for t in calibration.texts(code)["question"])
    assert max(counts.values()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_are_in_their_language(language: str) -> None:
    found = calibration.texts(language)
    for text in found["passage"]:
        assert document_language(text) == language, text
        assert passage_language(text, "") == language, text
    for text in found["question"]:
        assert query_language(text, []) == language, text


def test_titles_are_in_their_language_where_two_or_three_words_can_tell() -> None:
    """Nobody can tell "Backup del database" from nothing; a collection that holds the language
    (and English, as most do) makes it likelier."""
    bare, held = [], []
    for language in LANGUAGES:
        for title in calibration.texts(language)["title"]:
            bare.append(query_language(title, []) == language)
            held.append(query_language(title, [language, "en"]) == language)
    assert sum(bare) / len(bare) >= 0.95
    assert sum(held) / len(held) >= 0.97
