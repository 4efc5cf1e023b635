"""Bytes to text: right, or refused with a reason; never mojibake."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.documents.decode import decode
from polyseek.errors import UndecodableFile

DOCS = Path(__file__).parents[3] / "shared" / "data" / "fastapi-docs"
NATIONAL = [
    ("zh", "gb18030"),
    ("ja", "cp932"),
    ("ja", "shift_jis"),
    ("ja", "euc_jp"),
    ("ko", "cp949"),
    ("ko", "euc_kr"),
    ("de", "cp1252"),
    ("fr", "cp1252"),
    ("es", "cp1252"),
]
WIDER = {"shift_jis": "cp932", "euc_kr": "cp949"}
"""What browsers and we read these as: a superset, apart from which wave dash ～ is."""
UNICODE = [
    (language, encoding)
    for language in ("zh", "ja", "ko", "de", "fr", "es", "ru")
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
]
SAMPLES = {
    "gb18030": "文档可以用任何语言编写，我们会找到回答问题的段落。",
    "cp932": "文書はどの言語で書かれていても、質問に答える段落を見つけます。",
    "euc_jp": "文書はどの言語で書かれていても、質問に答える段落を見つけます。",
    "cp949": "문서는 어떤 언어로 작성되어 있어도 질문에 답하는 단락을 찾습니다.",
    "cp1252": "Größere Übungen für Anfänger – “quoted”, 20 €",
    "utf-8": "Привет, 世界! 🚀",
}


def outcomes(language: str, encoding: str, length: int) -> tuple[int, int, int]:
    """(right, refused, misread) over a slice of `length` characters of each file, 0 for all."""
    if not DOCS.is_dir():
        pytest.skip(f"{DOCS} is missing: the texts to encode come from there")
    chance = random.Random(length)
    right = refused = misread = 0
    for file in sorted((DOCS / language).rglob("*.md")):
        whole = file.read_text(encoding="utf-8")
        start = chance.randrange(max(1, len(whole) - length)) if length else 0
        data = whole[start : start + length or None].encode(encoding, "ignore")
        text = data.decode(WIDER.get(encoding, encoding))
        if text.isascii() and "16" not in encoding:
            continue
        try:
            found = decode(data, "x")[0]
        except UndecodableFile:
            refused += 1
        else:
            right, misread = right + (found == text), misread + (found != text)
    return right, refused, misread


@pytest.mark.parametrize(("language", "encoding"), NATIONAL + UNICODE)
@pytest.mark.parametrize(("length", "floor"), [(40, 0.9), (400, 0.97), (0, 1.0)])
def test_real_text_is_read_right_or_refused(
    language: str, encoding: str, length: int, floor: float
) -> None:
    right, refused, misread = outcomes(language, encoding, length)
    # A lone character in 40 can be a letter in two encodings: 时 in GB18030 is ʱ in UTF-8.
    assert misread <= (1 if length == 40 else 0)
    assert right >= floor * (right + refused)


@pytest.mark.parametrize(("language", "encoding"), [("ru", "cp1251"), ("ru", "koi8-r")])
def test_whole_files_in_an_encoding_we_do_not_know_are_refused(
    language: str, encoding: str
) -> None:
    right, refused, misread = outcomes(language, encoding, 0)
    assert (right, misread) == (0, 0)
    assert refused > 100


@pytest.mark.parametrize("encoding", SAMPLES)
def test_one_sentence_is_enough(encoding: str) -> None:
    text = SAMPLES[encoding]
    assert decode(text.encode(encoding), "a.txt") == (text, encoding)


@pytest.mark.parametrize("encoding", SAMPLES)
def test_line_ends_and_late_evidence_are_kept(encoding: str) -> None:
    text = "plain ascii\r\nand more\r" * 20_000 + SAMPLES[encoding] + "\r\n"
    assert decode(text.encode(encoding), "a.txt") == (text, encoding)


def test_a_byte_order_mark_is_not_text() -> None:
    assert decode(b"\xef\xbb\xbfcaf\xc3\xa9", "x") == ("café", "utf-8-sig")
    assert decode(b"\xff\xfeA\0\r\0\n\0", "x") == ("A\r\n", "utf-16")
    assert decode(b"\xfe\xff\x4e\x2d", "x") == ("中", "utf-16")


def test_a_byte_order_mark_that_is_not_kept_is_refused() -> None:
    with pytest.raises(UndecodableFile, match="0xE9 at offset 6"):
        decode(b"\xef\xbb\xbfcaf\xe9 au lait", "x")


def test_utf16_by_its_zero_bytes_even_where_hanzi_have_them_too() -> None:
    text = "一一一一一 one\n"
    assert decode(text.encode("utf-16-be"), "x") == (text, "utf-16-be")
    assert decode(text.encode("utf-16-le"), "x") == (text, "utf-16-le")


def test_empty_and_ascii() -> None:
    assert decode(b"", "x") == ("", "utf-8")
    assert decode(b"plain\x1b[0m\n", "x") == ("plain\x1b[0m\n", "utf-8")


@pytest.mark.parametrize("text", ["I’m here", "C’était l’été à Besançon", "¿Qué? ¡Él!", "20 °C"])
def test_few_accents_are_latin(text: str) -> None:
    assert decode(text.encode("cp1252"), "x") == (text, "cp1252")


@pytest.mark.parametrize(
    "data",
    [
        "Привет, как дела?".encode("cp1251"),
        "文件可以用任何語言撰寫，我們會找到回答問題的段落。".encode("big5"),
        "Žluťoučký kůň příliš úpěl ďábelské ódy".encode("cp1250"),
        "W Szczebrzeszynie chrząszcz brzmi, że był żółty".encode("cp1250"),
        "für".encode()[:-2] + b"\xff\xfe",
    ],
)
def test_text_of_other_encodings_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableFile, match=r"^a\.txt: .*not UTF-8.*Convert it to UTF-8, or ex"):
        decode(data, "a.txt")


def binaries() -> list[bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "text " * 50)
    noise = random.Random(1).randbytes
    return [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\6\0\0\0",
        archive.getvalue(),
        gzip.compress(b"text " * 500),
        b"text\0with NUL",
        b"\0" * 100,
        bytes(range(256)),
        bytes(range(1, 32)),
        *(noise(length) for length in (16, 100, 1000, 100_000)),
        *(noise(1000).replace(b"\0", b"") for _ in range(50)),
    ]


@pytest.mark.parametrize("data", binaries())
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableFile, match=r"x\.bin"):
        decode(data, "x.bin")


def test_the_message_says_what_was_seen() -> None:
    with pytest.raises(UndecodableFile, match="NUL byte at offset 4 and looks binary"):
        decode(b"text\0with NUL", "x")
    with pytest.raises(UndecodableFile, match="the byte 0xCF at offset 5"):
        decode(b"text " + "Привет, мир".encode("cp1251"), "x")


def test_a_declared_charset_is_believed_after_utf8() -> None:
    russian = "Привет"
    assert decode(russian.encode("cp1251"), "x", "Windows-1251") == (russian, "cp1251")
    assert decode(russian.encode(), "x", "windows-1251") == (russian, "utf-8")
    chinese = SAMPLES["gb18030"]
    assert decode(chinese.encode("gb18030"), "x", "gb2312") == (chinese, "gb18030")
    assert decode("“é”".encode("cp1252"), "x", "iso-8859-1") == ("“é”", "cp1252")


@pytest.mark.parametrize("declared", ["utf-8", "rot13", "utf-7", "unicode_escape", "no-such", "\0"])
def test_a_wrong_declaration_does_no_harm(declared: str) -> None:
    text = SAMPLES["cp949"]
    assert decode(text.encode("cp949"), "x", declared) == (text, "cp949")


@given(st.binary(max_size=300), st.sampled_from(["", "gbk", "latin-1", "utf-16", "hex"]))
def test_any_bytes_give_their_own_text_or_are_refused(data: bytes, declared: str) -> None:
    try:
        text, encoding = decode(data, "x", declared)
    except UndecodableFile:
        return
    assert data.decode(encoding) == text
    assert "\0" not in text


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff")))
def test_utf8_always_comes_back(text: str) -> None:
    assert decode(text.encode(), "x") == (text, "utf-8")
    assert decode(text.encode("utf-8-sig"), "x") == (text, "utf-8-sig")
    assert decode(text.encode("utf-16"), "x") == (text, "utf-16")
