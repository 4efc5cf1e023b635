"""Chunks of small documents, exactly."""

from __future__ import annotations

import pytest
from chunking_toys import check, words

from polyseek.chunking import chunk
from polyseek.errors import BadInput
from polyseek.types import Document

GUIDE = """\
# Guide { #guide }

## Install { #install }

Run this command:

```console
$ pip install it

$ it --version
```

It takes a minute. 安装需要一分钟。

## Settings

| name | meaning |
|-|-|
| port | where to listen |
| host | whom to answer |
| wait | how long to wait |
| logs | where they go to |
"""


def test_a_guide() -> None:
    document = Document("guide.md", GUIDE)
    chunks = chunk(document, 40, words)
    check(document, chunks, 40, words)
    assert [(c.line_start, c.line_end, c.headings) for c in chunks] == [
        (1, 11, ("Guide", "Install")),
        (13, 13, ("Guide", "Install")),
        (15, 20, ("Guide", "Settings")),
        (21, 22, ("Guide", "Settings")),
    ]
    assert chunks[-1].context == "| name | meaning |\n|-|-|"
    assert chunks[-1].text == GUIDE[GUIDE.index("| wait") :].rstrip()


def test_a_document_that_fits_is_one_chunk_under_its_common_path() -> None:
    [only] = chunk(Document("guide.md", GUIDE), 1000, words)
    assert only.headings == ("Guide",)
    small = chunk(Document("d", "# A\n\n## B\n\none\n\n## C\n\ntwo\n\n# D\n\nthree"), 100, words)
    assert [(c.text, c.headings) for c in small] == [
        ("# A\n\n## B\n\none\n\n## C\n\ntwo", ("A",)),
        ("# D\n\nthree", ("D",)),
    ]


def test_an_empty_document_has_no_chunks() -> None:
    assert chunk(Document("d", " \r\n\t\n\ufeff".strip("\ufeff")), 8, words) == []


def test_the_files_own_lines_are_used() -> None:
    [only] = chunk(Document("d", "a\n\nb"), 8, words, line=lambda offset: 100 + offset)
    assert (only.line_start, only.line_end) == (100, 103)


def test_a_title_stands_in_for_a_missing_top_heading() -> None:
    assert chunk(Document("d", "## B\n\nb", title="T"), 30, words)[0].headings == ("T", "B")
    assert chunk(Document("d", "# A\n\na", title="T"), 30, words)[0].headings == ("A",)
    assert chunk(Document("d", "a", "text", title="T"), 30, words)[0].headings == ("T",)


def test_a_long_heading_path_keeps_its_innermost_titles() -> None:
    text = "# one two three four five six\n\n## seven eight\n\n" + "body " * 18
    last = chunk(Document("d", text), 21, words)[-1]
    assert last.headings == ("seven eight",)


def test_paragraphs_are_merged_and_no_chunk_is_tiny() -> None:
    text = "\n\n".join(["five words are in here"] * 5)
    assert [c.tokens for c in chunk(Document("d", text), 20, words)] in ([15, 10], [10, 15])


def test_an_introduction_goes_with_its_block() -> None:
    text = "one two three four\n\nsee this:\n\n```\na\nb\n```"
    assert [c.text for c in chunk(Document("d", text), 14, words)] == [
        "one two three four",
        "see this:\n\n```\na\nb\n```",
    ]


def test_code_is_cut_between_its_top_level_blocks_and_keeps_its_indentation() -> None:
    text = "    first = 1\n    more = 2\n\n    second = 3\n"
    pieces = [c.text for c in chunk(Document("d", text), 8, words)]
    assert pieces == ["    first = 1\n    more = 2", "    second = 3"]


def test_a_plain_text_is_no_markdown() -> None:
    [only] = chunk(Document("d", "# not a heading\n\n- no list", "text"), 30, words)
    assert only.headings == ()


@pytest.mark.parametrize("text", ["x", "# a b c d\n\nx"])
def test_a_budget_too_small_for_one_letter_is_named(text: str) -> None:
    with pytest.raises(BadInput, match="max_tokens=3"):
        chunk(Document("d", text), 3, lambda texts: [4 * len(t) for t in texts])
    with pytest.raises(BadInput, match="max_tokens=2"):
        chunk(Document("d", text), 2, lambda texts: [2 + len(t) for t in texts])


def test_a_letter_that_fits_only_without_its_headings_goes_without() -> None:
    chunks = chunk(
        Document("d", "# a\n\nx\u0301\u0302\u0303\u0304"), 6, lambda t: [len(x) for x in t]
    )
    assert chunks[-1].headings == ()
    assert chunks[-1].text == "x\u0301\u0302\u0303\u0304"
