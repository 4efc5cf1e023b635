"""Which blocks are found, what they are split into, and under which headings they stand."""

from __future__ import annotations

import pytest

from polyseek.chunking.markdown import parse
from polyseek.chunking.pack import Head, Piece, pack
from polyseek.chunking.spans import Level, Span
from polyseek.chunking.split import split
from polyseek.chunking.structure import sections, title_text
from polyseek.types import Document


def kinds(text: str) -> list[str]:
    return [span.kind for span in parse(text)[0]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("---\ntitle: x\n---\n# H\n\np", ["html", "heading", "paragraph"]),
        ("---\n\np\n\n---\n", ["hr", "paragraph", "hr"]),
        ("/// tip | x\n\n```\na\n```\n\n///", ["paragraph", "code", "paragraph"]),
        ('<div class="termy">\n\n```console\n$ a\n```\n\n</div>', ["html", "code", "html"]),
        ("| a |\n|---|\n| 1 |\r\n\r\n> q\n\n[a]: http://x", ["table", "quote", "paragraph"]),
        ("- a\n  - b\n\n1. c\n\n    d\n\n***\n", ["list", "list", "hr"]),
        ("```\n# no heading\n", ["code"]),
    ],
)
def test_blocks(text: str, wanted: list[str]) -> None:
    assert kinds(text) == wanted


def test_nested_blocks_are_children() -> None:
    text = "- a\n- b\n\n  ```\n  c\n  ```\n"
    [outer] = parse(text)[0]
    assert [(i.kind, text[i.start : i.end]) for i in outer.children] == [
        ("item", "- a"),
        ("item", "- b\n\n  ```\n  c\n  ```"),
    ]
    assert [i.kind for i in outer.children[1].children] == ["paragraph", "code"]


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("First Steps { #first-steps }", "First Steps"),
        ("The `**kwargs` of [FastAPI](https://x.y) *now*", "The **kwargs of FastAPI now"),
        ('<abbr title="a b">AB</abbr> is 2 * 3', "AB is 2 * 3"),
        ("__init__ and snake_case\\_x", "init and snake_case_x"),
    ],
)
def test_titles(title: str, wanted: str) -> None:
    assert title_text(title) == wanted


def test_a_heading_with_nothing_below_it_is_part_of_the_next_section() -> None:
    found = sections(Document("d", "# A\n\n## B\n\nb\n\n### C\n\n## D\n\nd"))
    assert [section.path for section in found] == [("A", "B"), ("A", "B", "C"), ("A", "D")]


def test_pieces_of_a_table_are_tables() -> None:
    text = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |"
    [table] = parse(text)[0]
    header, *rows = split(text, table, grain=1)
    assert text[header.start : header.end] == "| a | b |\n|---|---|" and not header.context
    assert all(kinds(f"{r.context}\n{text[r.start : r.end]}") == ["table"] for r in rows)
    cells = split(text, rows[0], grain=1)
    assert [text[c.start : c.end] for c in cells] == ["| 1", "| 2 |"]


def test_code_is_split_between_top_level_blocks_then_lines() -> None:
    text = "```py\ndef f():\n\n    return 1\n\n\nx = 2\ny = 3\n```"
    [code] = parse(text)[0]
    blocks = split(text, code, grain=1)
    assert [text[b.start : b.end] for b in blocks] == [
        "```py\ndef f():\n\n    return 1",
        "x = 2\ny = 3\n```",
    ]
    lines = split(text, blocks[1], grain=1)
    assert [text[line.start : line.end] for line in lines] == ["x = 2", "y = 3", "```"]
    assert [line.sticks for line in lines] == [False, False, True]


def test_words_and_letters_are_never_broken() -> None:
    text = "👩‍👩‍👧‍👦🇩🇪 สวัสดีครับ 你好世界 don't"
    span = Span(0, len(text), "clause", Level.CLAUSE)
    words = [text[s.start : s.end] for s in split(text, span, grain=1)]
    assert words == ["👩‍👩‍👧‍👦🇩🇪", "สวัสดี", "ครับ", "你好", "世界", "don't"]
    family = Span(0, 9, "word", Level.WORD)
    assert [text[s.start : s.end] for s in split(text, family, 1)] == ["👩‍👩‍👧‍👦", "🇩🇪"]


def test_packing_prefers_strong_borders_over_full_chunks() -> None:
    levels = [Level.BLOCK, Level.SENTENCE, Level.SENTENCE, Level.BLOCK, Level.SENTENCE]
    head = Head()
    spans = [Span(i, i + 1, "sentence", level) for i, level in enumerate(levels)]
    pieces = [Piece(span, head, 20) for span in spans]
    assert [len(chunk) for chunk in pack(pieces, 80)] == [3, 2]
