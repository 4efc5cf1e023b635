"""One file on disk to one Document."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from polyseek.documents import READERS, read
from polyseek.errors import BadInput, UndecodableFile


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_bytes_name_and_digest(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf# Title\r\n"
    document = read(written(tmp_path / "a.MD", data), "guide/a.MD")
    assert (document.path, document.title, document.text) == ("guide/a.MD", "Title", "# Title\r\n")
    assert document.digest == sha256(data).hexdigest()


@pytest.mark.parametrize("suffix", READERS)
def test_an_empty_file_is_an_empty_document(tmp_path: Path, suffix: str) -> None:
    document = read(written(tmp_path / f"a{suffix}", b""), f"a{suffix}")
    assert (document.text, document.title) == ("", f"a{suffix}")
    assert document.digest == sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("suffix", "format", "text"),
    [
        (".markdown", "markdown", "<p>a</p>"),
        (".txt", "text", "<p>a</p>"),
        (".htm", "markdown", "a\n"),
    ],
)
def test_the_suffix_chooses_the_reader(tmp_path: Path, suffix: str, format: str, text: str) -> None:
    document = read(written(tmp_path / f"a{suffix}", b"<p>a</p>"), "a")
    assert (document.format, document.text) == (format, text)


def test_an_unknown_suffix_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\.pdf: .*suffix \.pdf"):
        read(written(tmp_path / "a.pdf", b""), "a.pdf")


def test_what_cannot_be_read_is_an_error_with_path_and_reason(tmp_path: Path) -> None:
    (tmp_path / "dir.md").mkdir()
    with pytest.raises(BadInput, match=r"dir\.md: cannot be read: Is a directory"):
        read(tmp_path / "dir.md", "dir.md")
    with pytest.raises(BadInput, match=r"gone\.md: cannot be read: No such file or directory"):
        read(tmp_path / "gone.md", "gone.md")


def test_binary_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UndecodableFile, match=r"^docs/a\.txt: .* looks binary"):
        read(written(tmp_path / "a.txt", b"\x7fELF\0\0"), "docs/a.txt")


@pytest.mark.parametrize(("changes", "text"), [(1, "two"), (2, None)])
def test_a_file_that_changes_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: int, text: str | None
) -> None:
    path = written(tmp_path / "a.txt", b"two")
    calls: list[int] = []

    def fstat(handle: int) -> os.stat_result:
        calls.append(handle)
        state = os.stat(handle)
        # Each read asks twice; the second answer of the first reads is of a longer file.
        if len(calls) % 2 == 0 and len(calls) <= 2 * changes:
            return os.stat_result((*state[:6], state.st_size + 1, *state[7:10]))
        return state

    monkeypatch.setattr(os, "fstat", fstat)
    if text is None:
        with pytest.raises(BadInput, match=r"a\.txt: changed while it was read; index it again"):
            read(path, "a.txt")
    else:
        assert read(path, "a.txt").text == text
        assert len(calls) == 4
