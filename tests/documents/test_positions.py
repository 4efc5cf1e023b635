"""Offsets in a text back to lines and offsets in the file."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from polyseek.documents.positions import Positions
from polyseek.types import Document


@given(st.text("ab\r\n", max_size=40))
def test_lines_of_a_text_that_is_the_file(text: str) -> None:
    positions = Positions(Document("x", text))
    for offset in range(len(text)):
        # The number of line ends that are over before this character.
        ends = [end for end in re.finditer(r"\r\n|\r|\n", text) if end.end() <= offset]
        assert positions.line(offset) == 1 + len(ends)
        assert positions.source(offset) == offset


def test_lines_of_a_text_made_from_the_file() -> None:
    document = Document("x", "0123456789", offsets=((0, 20, 3), (4, 31, 5), (8, 90, 7)))
    positions = Positions(document)
    assert [positions.line(offset) for offset in range(10)] == [3] * 4 + [5] * 4 + [7] * 2
    assert [positions.source(offset) for offset in (0, 3, 4, 7, 8, 9)] == [20, 20, 31, 31, 90, 90]


def test_offsets_past_the_ends_count_as_the_ends() -> None:
    text = Positions(Document("x", "a\nb"))
    assert [text.line(offset) for offset in (-5, 0, 3, 99)] == [1, 1, 2, 2]
    assert [text.source(offset) for offset in (-5, 3, 99)] == [0, 3, 3]
    made = Positions(Document("x", "a", offsets=((0, 7, 2),)))
    assert [made.line(offset) for offset in (-5, 99)] == [2, 2]


def test_an_empty_document_has_one_line() -> None:
    assert Positions(Document("x", "")).line(0) == 1
