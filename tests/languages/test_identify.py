"""Which language: documents, their passages, and questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polyseek.errors import BadInput
from polyseek.languages import calibration
from polyseek.languages.identify import (
    check_language,
    document_language,
    passage_language,
    prose,
    query_language,
)

FASTAPI = ("de", "en", "es", "fr", "ja", "ko", "ru", "zh")
XQUAD = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")


def passage(language: str, at: int = 0) -> str:
    return calibration.texts(language)["passage"][at]


@pytest.mark.parametrize("language", FASTAPI)
def test_real_documents(data: Path, language: str) -> None:
    paths = sorted((data / "fastapi-docs" / language).rglob("*.md"))[::8]
    assert len(paths) > 10
    wrong = [p.name for p in paths if document_language(p.read_text("utf-8")) != language]
    assert not wrong


@pytest.mark.parametrize("language", FASTAPI)
def test_real_sections_keep_their_documents_language(data: Path, language: str) -> None:
    lines = (data / "fastapi-docs/sections.jsonl").read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["lang"] == language][::15]
    texts = {row["doc"]: "" for row in rows}
    for doc in texts:
        texts[doc] = (data / "fastapi-docs" / language / doc).read_text("utf-8")
    found = [
        passage_language(texts[row["doc"]][row["start"] : row["end"]], language) for row in rows
    ]
    # One or two sections of a translation are still in English.
    assert found.count(language) / len(found) >= 0.98


@pytest.mark.parametrize("present", [(), XQUAD])
def test_real_questions(data: Path, present: tuple[str, ...]) -> None:
    right = []
    for language in XQUAD:
        told = json.loads((data / "xquad-r" / f"{language}.json").read_text("utf-8"))
        questions = [
            qa["question"]
            for article in told["data"]
            for paragraph in article["paragraphs"]
            for qa in paragraph["qas"]
        ]
        right += [query_language(question, present) == language for question in questions[::12]]
    assert len(right) > 1000
    assert sum(right) / len(right) >= 0.99


def test_code_links_and_markup_say_nothing() -> None:
    fence = "```python\nfor each in the_list_of_all_items:\n    print('and this is English')\n```\n"
    text = f"# Сервер\n\n{fence * 20}\nСервер запускается командой `run the server now please`."
    assert document_language(text) == "ru"
    assert "English" not in prose(text)
    assert "the_list" not in prose("~~~\nthe_list\n~~~\nKatze")
    for noise in ("https://example.com/the/end", "<div class='of the'>", "a@example.com", "`the`"):
        assert prose(f"Katze {noise} Hund").split() == ["Katze", "Hund"]
    assert prose("see [die Katze](https://x.example/the)").split() == ["see", "[die", "Katze"]


def test_a_name_or_an_address_ends_where_a_script_without_spaces_begins() -> None:
    text = "詳細は[こちら](https://example.com/a)を参照。設定はhttps://example.com/bで、宛先はa@example.comです"
    assert prose(text).split() == ["詳細は[こちら", "を参照。設定は", "で、宛先は", "です"]
    assert prose("читайте docs/index.md или a_b").split() == ["читайте", "или"]


def test_a_fence_that_is_never_closed_ends_with_the_text() -> None:
    assert prose("Der Hund\n```\nthe cat and the dog").split() == ["Der", "Hund"]


def test_a_document_of_code_alone_has_hardly_a_language() -> None:
    assert document_language("```\nx = 1\n```\n") == ""
    assert document_language("") == ""
    assert document_language("1234 — 5678") == ""


@pytest.mark.parametrize("document", FASTAPI)
def test_a_short_ascii_heading_keeps_the_documents_language(document: str) -> None:
    for heading in ("FastAPI", "OAuth2 scopes", "Response Model", "Docker", "GET /users", "## API"):
        assert passage_language(heading, document) == document


@pytest.mark.parametrize("document", FASTAPI)
def test_a_passage_that_is_surely_in_another_language_departs(document: str) -> None:
    for other in FASTAPI:
        assert passage_language(passage(other), document) == other


def test_a_short_passage_in_another_script_departs() -> None:
    assert passage_language("サーバーにログインする方法", "en") == "ja"
    assert passage_language("Настройка сервера и вход пользователей", "de") == "ru"
    assert passage_language("例外処理と公開鍵", "ja") == "ja"
    assert passage_language("密码", "ja") == "ja"  # too short to depart


def test_a_passage_of_an_undetermined_document_is_told_alone() -> None:
    assert passage_language(passage("fr"), "") == "fr"
    assert passage_language("```\nx\n```", "") == ""


def test_stated_candidates_are_respected() -> None:
    text = passage("da")
    assert document_language(text) == "da"
    assert document_language(text, ["sv", "en"]) == "sv"
    assert passage_language(text, "", ["sv", "en"]) == "sv"
    assert document_language(passage("ru"), ["uk", "bg", "en"]) in {"uk", "bg"}
    assert document_language(passage("zh"), ["ja", "en"]) == "ja"  # the only one in that script


def test_a_language_without_calibration_texts_can_be_stated() -> None:
    text = "Lietuvos sostinė yra Vilnius, o didžiausia upė vadinama Nemunu. Čia gyvena žmonės."
    assert document_language(text, ["lt", "en"]) == "lt"
    assert query_language(text, ["lt", "en"]) == "lt"


def test_a_question_is_likelier_in_a_language_that_is_there() -> None:
    assert query_language("Copia de seguridad", []) == "pt"
    assert query_language("Copia de seguridad", ["es", "de"]) == "es"


@pytest.mark.parametrize(
    ("text", "present", "language"),
    [
        ("例外処理", [], "ja"),  # 処 is in no Chinese standard
        ("例外処理", ["zh", "en"], "ja"),
        ("公開鍵暗号", ["zh", "ja"], "ja"),
        ("数据库备份", ["ja", "en"], "zh"),  # 据 and 备 are in no Japanese one
        ("資料庫備份設定說明", ["ja", "en"], "zh"),
        ("暗号", ["ja", "en"], "ja"),  # either; the collection decides
        ("火山", ["zh", "ja"], "zh"),
        ("火山", ["ja"], "ja"),
        ("火山", [], "zh"),
    ],
)
def test_questions_in_chinese_characters_alone(
    text: str, present: list[str], language: str
) -> None:
    assert query_language(text, present) == language


def test_a_code_is_checked() -> None:
    assert check_language("de") == "de"
    assert check_language(" ZH ") == "zh"
    assert check_language("lt") == "lt"  # identified, although without calibration texts
    for wrong in ("xx", "", "german", "zh-CN"):
        with pytest.raises(BadInput, match=r"unknown language .* such as ar, .* zh"):
            check_language(wrong)
