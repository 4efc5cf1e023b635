"""The sentences of a passage: exact ones in many scripts, and what holds of any text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.chunking.prose import passage_sentences

SHORTEST = 8
"""Letters and digits that a sentence has at least."""


def said(text: str) -> list[str]:
    return [text[start:end] for start, end in passage_sentences(text)]


def letters(text: str) -> int:
    return sum(char.isalnum() for char in text)


@pytest.mark.parametrize(
    "marked",
    [
        "It is a modern framework.| It is fast to code!| Why is it so fast?| See Dr. Smith below.",
        "Das ist z. B. am 3. Oktober so.| Warum ist das so?",
        "这是第一个完整的句子。|第二个句子也在这里！|第三个句子在哪里呢？",
        "他说：“你好，世界很大。”|然后他离开了这里。",
        "これは最初の文章です。|二番目の文章もここにあります。",
        "이것은 첫 번째 문장입니다.| 두 번째 문장도 여기 있습니다.",
        # Thai has spaces between clauses and no mark at the end of a sentence.
        "เปิดเซิร์ฟเวอร์ก่อน แล้วเข้าสู่ระบบ\nรหัสผ่านอยู่ในไฟล์",
        "รหัสผ่านอยู่ในไฟล์ไหน?| เปิดเซิร์ฟเวอร์ก่อนแล้วเข้าสู่ระบบ",
        "Первое предложение здесь.| Второе тоже здесь.",
        "यह पहला पूरा वाक्य है।| दूसरा वाक्य भी यहाँ लिखा है।",
        "هذه هي الجملة الأولى.| هل هذه هي الجملة الثانية؟",
        "A line\nthat wraps. | The next one\nwraps as well.",
        "Run `a. B! C?` now please.| Then open [the page. Here](x.y) again.",
        "Was 🎉 it done?| Yes, 👩‍👩‍👧 it was done.",
    ],
)
def test_sentences_of_one_paragraph(marked: str) -> None:
    assert said(marked.replace("|", "")) == [part.strip() for part in marked.split("|")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # To the one before it; the first to the one after it.
        ("That is what it said. Yes. And this is another.", "That is what it said. Yes."),
        ("Yes. That is what it said. And this is another.", "Yes. That is what it said."),
        ("Yes. No. OK. That is what it said. And this is another.", "Yes. No. OK. That is"),
        ("这是一个完整的句子。好。第二个句子也在这里。", "这是一个完整的句子。好。"),
        ("1. Then it was said here. And this is another.", "1. Then it was said here."),
    ],
)
def test_what_is_short_joins_its_neighbour(text: str, wanted: str) -> None:
    first, second = said(text)
    assert first.startswith(wanted)
    assert second in ("And this is another.", "第二个句子也在这里。")


@pytest.mark.parametrize(
    "text", ["", " \n\t", "Yes.", "好。", "…!?", "---", "# Only a heading here"]
)
def test_what_says_nothing(text: str) -> None:
    assert passage_sentences(text) == []


def test_seven_letters_are_too_few_and_eight_are_enough() -> None:
    assert said("Abc defg.") == []
    assert said("Abc defgh.") == ["Abc defgh."]
    assert said("一二三四五六七。") == []
    assert said("一二三四五六七八。") == ["一二三四五六七八。"]


def test_neither_code_nor_headings_nor_html_are_said() -> None:
    text = (
        "# A heading of words. And more.\n\n"
        "The first sentence is here. The second one is here.\n\n"
        "```python\nprint('It is code. It says nothing.')\n```\n\n"
        "~~~\nSo is this one. It is code.\n~~~\n\n"
        "    Indented code is code. It says nothing.\n\n"
        "<div>A block of HTML is markup. It is not read.</div>\n\n"
        "***\n\n"
        "A title below\n====\n\n"
        "After all of this it ends."
    )
    assert said(text) == [
        "The first sentence is here.",
        "The second one is here.",
        "After all of this it ends.",
    ]


def test_a_fence_that_is_not_closed_is_code_to_the_end() -> None:
    assert said("This is a sentence.\n\n```\nThis is code. It says nothing.\n\nSo is this.") == [
        "This is a sentence."
    ]


def test_each_item_of_a_list_by_itself() -> None:
    text = (
        "- The first item is here. It has two sentences.\n"
        "- The second item wraps\n  to a second line\n"
        "- No.\n"
        "  1. An item that is inside\n"
        "     ```\n     code_of_it('It is said. Not here.')\n     ```\n"
        "     and a paragraph after its code\n"
        "> A quote is said here. It has two as well.\n"
    )
    assert [each.strip("->1. ") for each in said(text)] == [
        "The first item is here",
        "It has two sentences",
        "The second item wraps\n  to a second line",
        "An item that is inside",
        "and a paragraph after its code",
        "A quote is said here",
        "It has two as well",
    ]


def test_short_items_do_not_join_across_items() -> None:
    """Each would be said with a neighbour that it has nothing to do with."""
    assert said("- Open the server room\n- No.\n- Close the server room\n") == [
        "- Open the server room",
        "- Close the server room",
    ]


TABLE = (
    "| product | what it means |\n"
    "|---------|---------------|\n"
    "| AUTH-4031 | The login has failed. Try again. |\n"
    "| BST-0001 | 服务器已经启动。密码是错的。 |\n"
)


def test_rows_of_a_table_are_not_cut() -> None:
    assert said("The table below says it.\n\n" + TABLE)[-1] == (
        "| BST-0001 | 服务器已经启动。密码是错的。 |"
    )
    assert said(TABLE + "| a | b |\n")[-1].endswith("密码是错的。 |\n| a | b |")


def test_the_header_of_a_table_stands_with_its_first_row() -> None:
    lines = TABLE.splitlines(keepends=True)
    assert said(TABLE) == ["".join(lines[:3]).strip(), lines[3].strip()]


def test_offsets_count_characters_whatever_ends_the_lines() -> None:
    text = "🎉 The first one is here.\r\nThe second\r\none is here.\r\n\r\n第三个句子也在这里。"
    found = passage_sentences(text)
    assert found == [(0, 24), (26, 50), (54, 64)]
    assert text[slice(*found[2])] == "第三个句子也在这里。"


PIECES = (
    "The server is up. ",
    "Why? ",
    "It is `a. B` now. ",
    "服务器已经启动。",
    "好。",
    "「はい。」と言った。",
    "サーバーのログインです。",
    "เซิร์ฟเวอร์ทำงาน ",
    "هل هذا سؤال؟ ",
    "यह घर है। ",
    "Это копия. ",
    "e\u0301 👩‍👧 ",
    "**重要**。",
    "[a. b](c.d) ",
    "\0",
    "\n",
    "\r\n",
    "\n\n",
    "\n\n- ",
    "\n1. ",
    "\n> ",
    "\n  ",
    "\n# ",
    "\n```\n",
    "\n    ",
    "\n| a long header | b |\n|---|---|\n| ",
    " | ",
    "\n---\n",
    "<p>",
    "\ufeff",
    "\u2028",
)
mixed = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@given(st.one_of(mixed, st.text(max_size=200)))
def test_borders_are_inside_in_order_and_apart(text: str) -> None:
    found = passage_sentences(text)
    for start, end in found:
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert letters(text[start:end]) >= SHORTEST
    assert all(end <= start for (_, end), (start, _) in pairwise(found))


@given(st.lists(st.sampled_from(["", "The server is up. ", "好。", "Why? ", "服务器已经启动了。"])))
def test_one_paragraph_loses_nothing(pieces: list[str]) -> None:
    """Between its sentences there is white space only, unless it is too short for any."""
    text = "".join(pieces)
    found = passage_sentences(text)
    if letters(text) < SHORTEST:
        assert found == []
    else:
        assert "".join("".join(said(text)).split()) == "".join(text.split())


PROSE = (
    "The server is up. It runs.",
    "服务器已经启动了。好。",
    "- サーバーのログインです。\n- いいえ。",
)
CODE = (
    "```\n{}\n```",
    "~~~sql\n{}\n~~~",
    "- item of a list\n\n  ```\n  {}\n  ```",
    "> ```\n> {}\n> ```",
)


@given(st.lists(st.sampled_from([*PROSE, *CODE]), min_size=1, max_size=8))
def test_no_sentence_is_in_code(blocks: list[str]) -> None:
    inside = "SECRET code is here. SECRET it says nothing."
    text = "\n\n".join(blocks).replace("{}", inside)
    assert not [each for each in said(text) if "SECRET" in each]
    # What is around the code is all there.
    assert sum(each == "The server is up. It runs." for each in said(text)) == blocks.count(
        PROSE[0]
    )
