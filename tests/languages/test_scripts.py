"""Writing systems."""

from __future__ import annotations

import pytest

from polyseek.languages.scripts import OWN, RANGES, WRITTEN, dominant, letters


def test_letters_are_counted_by_script() -> None:
    counts = letters("abc é 123 猫と犬 パス кот 한국 ไทย αβ שלום سلام नमस्ते! ｱ ـ")
    assert counts["latin"] == 4
    assert counts["han"] == 2
    assert counts["kana"] == 4
    assert counts["cyrillic"] == 3
    assert counts["hangul"] == 2
    assert counts["thai"] == 3
    assert counts["greek"] == 2
    assert counts["hebrew"] == 4


def test_digits_signs_and_emoji_are_no_letters() -> None:
    assert not letters("0123 .,-+*/ 🎉 © ½ ①")


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("How to log in", "latin"),
        ("如何登录服务器", "han"),
        ("サーバーにログインする", "kana"),
        ("漢字が多い文章中の仮名", "kana"),
        (
            "日本の「のび太」という名前は、中国的文章里偶尔出现而已，不能说明整篇文章是日文写成的文章",
            "kana",
        ),
        ("一篇中文文章偶尔引用一个日语词「の」并不改变它整篇都是用中文写成的这个明显的事实", "han"),
        ("FastAPI로 Response Model을 만들기", "hangul"),
        ("Запустите docker compose up и откройте порт", "cyrillic"),
        ("配置 response_model", "han"),
        ("HTTPException: Bad Gateway, Internal Server Error 错误", "latin"),
        ("123 — 456", ""),
        ("", ""),
    ],
)
def test_the_dominant_script(text: str, script: str) -> None:
    assert dominant(letters(text)) == script


def test_every_script_of_a_language_has_a_range() -> None:
    assert {*OWN, *WRITTEN} <= set(RANGES)
