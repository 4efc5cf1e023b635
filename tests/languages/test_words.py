"""Text to words, in every script, and what is the same in all languages."""

from __future__ import annotations

import pytest

from polyseek.languages import calibration
from polyseek.languages.words import MARK, identifiers, is_title, words


def plain(text: str) -> list[str]:
    return [word for word in words(text) if not word.startswith(MARK)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How do I log in?", ["how", "do", "i", "log", "in"]),
        ("don't stop", ["don't", "stop"]),
        ("堡垒机登录失败的常见原因", ["堡垒", "机", "登录", "失败", "的", "常见", "原因"]),
        ("データベースを毎晩", ["データベース", "を", "毎晩"]),
        ("เครื่องสำรองไฟจ่ายไฟได้", ["เครื่อง", "สำรอง", "ไฟ", "จ่าย", "ไฟ", "ได้"]),
        ("한국어 문서", ["한국어", "문서"]),
        ("Пароль забыт!", ["пароль", "забыт"]),
        ("", []),
        ("!? — …\n\t", []),
        ("🎉 42 3.14", ["42", "3.14"]),
    ],
)
def test_words_in_every_script(text: str, expected: list[str]) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("language", ["zh", "ja", "th"])
def test_scripts_without_spaces_are_cut_into_words(language: str) -> None:
    for text in calibration.texts(language)["passage"]:
        found = plain(text)
        assert 1 < sum(map(len, found)) / len(found) < 5
        assert max(map(len, found)) < 20


def test_case_is_folded_and_forms_are_normalised() -> None:
    assert plain("STRASSE Straße") == ["strasse", "strasse"]
    assert plain("Ｌｏｇｉｎ ＡＰＩ") == plain("login api")
    assert plain("ｻｰﾊﾞｰ") == plain("サーバー")
    assert plain("ﬁle ㎞ ①") == ["file", "km", "1"]
    assert plain("cafe\u0301") == plain("café")
    assert plain("ΣΊΣΥΦΟΣ") == plain("σίσυφος")


def test_thai_is_cut_as_its_dictionary_has_it() -> None:
    """NFKC takes the vowel sara am apart, and ICU then finds no word that has it."""
    assert plain("ทำงาน") == ["ทำงาน"]
    assert plain("น\u0e4d\u0e32") == plain("น\u0e33")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("error AUTH-4031 again", ["auth-4031"]),
        ("set response_model here", ["response_model"]),
        ("raise HTTPException", ["httpexception"]),
        ("call os.path.join", ["os.path.join"]),
        ("call os.path.join.", ["os.path.join"]),
        ("the header X-Token", ["x-token"]),
        ("GET /users/{id}", ["get"]),
        ("`__init__`", ["__init__"]),
        ("IPv6 and UTF-8", ["ipv6", "utf-8"]),
        ("MFA", ["mfa"]),
        ("python3 v2.0", ["python3", "v2.0"]),
        ("std::vector", ["std::vector"]),
        ("堡垒机AUTH-4031登录失败", ["auth-4031"]),
        ("AUTH-4031のエラー", ["auth-4031"]),
        ("AUTH-4031를 고치려면", ["auth-4031"]),
        ("OAuth2-Schlüssel und clé-API", ["oauth2", "api"]),
    ],
)
def test_identifiers(text: str, expected: list[str]) -> None:
    assert identifiers(text) == [MARK + name for name in expected]


@pytest.mark.parametrize(
    "text",
    [
        "ordinary words, Capitalised Words.",
        "a well-known state-of-the-art and/or Jean-Paul",
        "x-ray, e-mail, x-token",  # as ordinary as each other
        "on 2024-05-01, 01/05/2024, 1.5.2024 or 10:30",
        "3.14 and 1,000 and 42 and 24/7",
        "Müller-Lüdenscheidt, Straße, naïve, café-bar, Zürich",
        "-- --- ... // ::",
        "пароль 密码 パスワード",
        "ab A1",  # too short to mean one thing everywhere
    ],
)
def test_no_identifiers(text: str) -> None:
    assert identifiers(text) == []


def test_a_piece_of_a_word_with_an_accent_is_no_identifier() -> None:
    assert identifiers("Müller-Lüdenscheidt Zürich2 Größe_1") == []


def test_identifiers_follow_the_words_marked() -> None:
    assert words("Raise HTTPException") == ["raise", "httpexception", "#httpexception"]


def test_full_width_identifiers_are_the_plain_ones() -> None:
    assert words("ＡＵＴＨ－４０３１") == words("AUTH-4031")


def test_no_word_begins_with_the_mark() -> None:
    assert words("# heading #tag #1") == ["heading", "tag", "1"]


@pytest.mark.parametrize("language", calibration.languages())
def test_questions_are_no_titles(language: str) -> None:
    found = calibration.texts(language)
    # Thai asks without a question mark, so that its short questions look like titles.
    most = 9 if language == "th" else 1
    assert sum(is_title(question) for question in found["question"]) <= most
    assert not any(is_title(text) for text in found["passage"])
    assert sum(is_title(title) for title in found["title"]) >= 9
