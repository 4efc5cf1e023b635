"""Plain text: the decoded file, named by its file name."""

from __future__ import annotations

import pytest

from polyseek.documents.plain import read
from polyseek.errors import UndecodableFile
from polyseek.types import Document


def test_the_text_is_the_decoded_file() -> None:
    text = "Größe\r\nTitle\n=====\n"
    assert read(text.encode("cp1252"), "a/b.txt") == Document(
        "a/b.txt", text, format="text", title="b.txt", encoding="cp1252"
    )


def test_empty() -> None:
    assert read(b"", "b.rst") == Document("b.rst", "", format="text", title="b.rst")


def test_binary_is_refused() -> None:
    with pytest.raises(UndecodableFile, match=r"^b\.txt: "):
        read(b"\0\1\2", "b.txt")
