"""Which files are found, and under which names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from polyseek.documents import find
from polyseek.errors import BadInput


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def names(*paths: Path) -> list[str]:
    return [found.name for found in find(paths)]


def test_a_directory_is_walked_in_sorted_order(tmp_path: Path) -> None:
    make(tmp_path, "b.md", "a/z.HTML", "a/b/c.txt", "a.rst", "ü.markdown", "x.mdx", "中/文.htm")
    found = list(find([tmp_path]))
    assert [file.name for file in found] == [
        *("a.rst", "a/b/c.txt", "a/z.HTML", "b.md", "x.mdx", "ü.markdown", "中/文.htm")
    ]
    assert [file.path for file in found] == [tmp_path / file.name for file in found]


def test_what_is_not_a_document_is_skipped(tmp_path: Path) -> None:
    make(tmp_path, "a.md", "a.py", "README", ".hidden.md", ".git/x.md", ".venv/x.txt")
    make(tmp_path, "__pycache__/x.md", "sub/node_modules/x/y.md", "sub/b.md", "dir.md/c.md")
    assert names(tmp_path) == ["a.md", "dir.md/c.md", "sub/b.md"]


def test_a_file_keeps_its_file_name(tmp_path: Path) -> None:
    make(tmp_path, "sub/.hidden.md")
    assert names(tmp_path / "sub" / ".hidden.md") == [".hidden.md"]


def test_a_file_with_an_unknown_suffix_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, "a.pdf", "README")
    with pytest.raises(BadInput, match=r"a\.pdf: files with the suffix \.pdf .*\.md .*\.xhtml"):
        names(tmp_path / "a.pdf")
    with pytest.raises(BadInput, match=r"README: files without a suffix"):
        names(tmp_path / "README")


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="missing: no such file or directory"):
        names(tmp_path / "missing")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert names(tmp_path) == []
    with pytest.raises(BadInput, match=r"pipe\.txt: is no regular file"):
        names(tmp_path / "pipe.txt")


def test_a_directory_that_cannot_be_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(BadInput, match="cannot be listed: Permission denied"):
        names(tmp_path)


def test_links_to_files_are_followed_and_dangling_ones_are_not_files(tmp_path: Path) -> None:
    make(tmp_path, "docs/a.md", "other/real.md")
    (tmp_path / "docs" / "link.md").symlink_to(tmp_path / "other" / "real.md")
    (tmp_path / "docs" / "dangling.md").symlink_to(tmp_path / "nowhere.md")
    assert names(tmp_path / "docs") == ["a.md", "link.md"]


def test_a_loop_of_links_ends_and_no_directory_is_walked_twice(tmp_path: Path) -> None:
    make(tmp_path, "docs/v2/a.md", "outside/b.md")
    (tmp_path / "docs" / "v2" / "up").symlink_to(tmp_path / "docs")
    (tmp_path / "docs" / "latest").symlink_to("v2")
    (tmp_path / "docs" / "self").symlink_to("self")
    (tmp_path / "docs" / "in").symlink_to(tmp_path / "outside")
    (tmp_path / "outside" / "back").symlink_to(tmp_path / "docs" / "v2")
    assert names(tmp_path / "docs") == ["in/b.md", "v2/a.md"]


def test_a_name_that_is_not_utf8_is_shown(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.md"
    try:
        Path(os.fsdecode(raw)).write_text("x", encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    found = list(find([tmp_path]))
    assert [file.name for file in found] == [r"caf\xe9.md"]
    assert found[0].path.read_text(encoding="utf-8") == "x"
    make(tmp_path, r"caf\xe9.md")
    with pytest.raises(BadInput, match="two files would have the name"):
        names(tmp_path)


def test_two_directories_give_their_names(tmp_path: Path) -> None:
    make(tmp_path, "en/a.md", "zh/a.md", "c.md")
    assert names(tmp_path / "zh", tmp_path / "c.md", tmp_path / "en") == [
        *("zh/a.md", "c.md", "en/a.md")
    ]


def test_one_name_for_two_files_is_an_error_that_names_both(tmp_path: Path) -> None:
    make(tmp_path, "1/docs/a.md", "2/docs/a.md", "a.md", "1/a.md")
    with pytest.raises(BadInput, match=r"'docs/a\.md' in .*/1/docs/a\.md and .*/2/docs/a\.md"):
        names(tmp_path / "1" / "docs", tmp_path / "2" / "docs")
    with pytest.raises(BadInput, match=r"'a\.md'"):
        names(tmp_path / "a.md", tmp_path / "1" / "a.md")


def test_the_same_file_or_directory_twice_counts_once(tmp_path: Path) -> None:
    make(tmp_path, "docs/a.md", "docs/sub/b.md")
    docs = tmp_path / "docs"
    assert names(docs / "a.md", docs / "a.md") == ["a.md"]
    assert names(docs, docs) == ["docs/a.md", "docs/sub/b.md"]
    assert names(docs, docs / "sub") == ["docs/a.md", "docs/sub/b.md"]
    assert names(docs, docs / "a.md") == ["a.md", "sub/b.md"]
