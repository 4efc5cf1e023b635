"""Markdown: the text is the file; title and language are what the file states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.documents.markdown import read
from polyseek.errors import UndecodableFile


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Title\n\ntext", "Title"),
        ("\r\n# Title { #title }\r\ntext\r\n", "Title"),
        ("# 機能 { #features } \n", "機能"),
        ("# Title {: .lead #a }\n", "Title"),
        ("# A {b} c\n", "A {b} c"),
        ("# Title ##\n", "Title"),
        ("# C#\n", "C#"),
        ("   # Title\n", "Title"),
        ("#no space\n\n# Title", "Title"),
        ("#\n# Title", "Title"),
        ("## Two\n# One\n", "One"),
        ("Title\n=====\n", "Title"),
        ("Title\r\n==\r\n", "Title"),
        ("- item\n===\n# Title", "Title"),
        ("```sh\n# comment\n```\n# Title\n", "Title"),
        ("````\n```\n# comment\n````\n# Title\n", "Title"),
        ("~~~\n# comment\n```\n# more\n~~~~\n# Title\n", "Title"),
        ("```sh\n# never closed\n", "page.md"),
        ("    # code\n", "page.md"),
        ("", "page.md"),
        ("no heading\n", "page.md"),
        ("---\ntitle: Front\n---\n# Title\n", "Front"),
        ("---\ntitle: 'It''s: # 1' # comment\n---\n", "It''s: # 1"),
        ('---\r\ntitle: "Front" \r\n---\r\n', "Front"),
        ("---\ntitle: Front # comment\n---\n", "Front"),
        ("---\n# comment\nnav:\n  title: Nested\n---\n# Title\n", "Title"),
        ("---\ntitle: >-\n  Folded\n---\n# Title\n", "Title"),
        ("text\n\n---\ntitle: No\n---\n", "page.md"),
    ],
)
def test_title(text: str, title: str) -> None:
    assert read(text.encode(), "guide/page.md").title == title


@pytest.mark.parametrize(
    ("front", "language"),
    [
        ("lang: de", "de"),
        ("language: pt-BR", "pt"),
        ('lang: "ZH_hans"', "zh"),
        ("lang: german", ""),
        ("lang:", ""),
        ("other: de", ""),
    ],
)
def test_language(front: str, language: str) -> None:
    assert read(f"---\n{front}\n---\ntext".encode(), "x.md").language == language


def test_the_text_is_the_decoded_file() -> None:
    document = read(b"\xef\xbb\xbf---\r\ntitle: T\r\n---\r\nText\r", "a/b.md")
    assert document.text == "---\r\ntitle: T\r\n---\r\nText\r"
    assert (document.path, document.format, document.offsets) == ("a/b.md", "markdown", ())
    assert (document.encoding, document.title) == ("utf-8-sig", "T")


def test_a_huge_single_line() -> None:
    text = "word 中文 " * 200_000
    assert read(text.encode(), "x.md").text == text


def test_binary_is_refused() -> None:
    with pytest.raises(UndecodableFile, match=r"^x\.md: "):
        read(b"\x89PNG\0", "x.md")


@given(st.text("#`~=-> \t\r\na{}", max_size=80))
def test_never_raises_and_keeps_the_text(text: str) -> None:
    document = read(text.encode(), "x.md")
    assert document.text == text
    assert document.title
