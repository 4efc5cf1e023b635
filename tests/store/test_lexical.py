"""Words in, passages out, whatever the words are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from polyseek.errors import BadInput, StoreError
from polyseek.store.lexical import MAX_WORD_BYTES, LexicalIndex

ODD = [
    '"', "'", "AND", "OR NOT", "title:x", "a~2", "*", "(", "\\", "\x00", "a\x00b", "a\nb", "a\x1fb",
    "\u2028", "\u3000", "北京", "ประเทศ", "e\u0301", "🎉", " ", "id:1", "/.*/", "[a TO b]", "^3",
]  # fmt: skip


def made(
    passages: Sequence[tuple[int, str, Sequence[str]]], path: Path | None = None
) -> LexicalIndex:
    index = LexicalIndex.create(path)
    for id, language, words in passages:
        index.add(id, language, words)
    index.commit()
    return index


@pytest.fixture
def index() -> LexicalIndex:
    return made(
        [
            (40, "zh", ["北京", "是", "中国", "首都"]),
            (7, "en", ["beijing", "is", "the", "capital", "of", "china"]),
            (12, "en", ["paris", "is", "the", "capital"]),
            (3, "de", ["is", "the", "capital", "paris"]),
        ]
    )


def test_scores_are_bm25(index: LexicalIndex) -> None:
    """The formula with k1 = 1.2 and b = 0.75; lengths up to 40 are exact in tantivy."""
    idf = math.log(1 + (4 - 1 + 0.5) / (1 + 0.5))
    average = (4 + 6 + 4 + 4) / 4
    score = idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 6 / average))
    ((id, found),) = index.search(["china"], 10)
    assert id == 7
    assert found == pytest.approx(score, rel=1e-5)


def test_the_best_come_first_and_ties_in_the_order_of_ids(index: LexicalIndex) -> None:
    assert [id for id, _ in index.search(["paris", "capital"], 10)] == [3, 12, 7]
    assert [id for id, _ in index.search(["paris", "capital"], 2)] == [3, 12]
    assert index.search(["北京"], 10)[0][0] == 40
    assert index.search(["nowhere"], 10) == []
    assert index.search([], 10) == []


def test_languages_are_a_condition_and_no_merit(index: LexicalIndex) -> None:
    everywhere = dict(index.search(["capital"], 10))
    assert dict(index.search(["capital"], 10, ["en"])) == {
        id: pytest.approx(everywhere[id]) for id in (7, 12)
    }
    assert [id for id, _ in index.search(["capital"], 10, ["en", "de", "xx"])] == [3, 12, 7]
    assert index.search(["capital"], 10, ["zh"]) == []
    assert index.search(["capital"], 10, []) == []


def test_a_word_twice_in_the_query_counts_once(index: LexicalIndex) -> None:
    assert index.search(["paris", "paris"], 9) == index.search(["paris"], 9)


def test_document_frequency(index: LexicalIndex) -> None:
    assert [index.document_frequency(word) for word in ("capital", "paris", "北京", "x", "")] == [
        3, 2, 1, 0, 0,
    ]  # fmt: skip
    assert len(index) == 4


@pytest.mark.parametrize("word", ODD)
def test_no_character_is_special(word: str) -> None:
    index = made([(1, "en", ["plain"]), (2, "en", ["before", word, "after"])])
    hits = [id for id, _ in index.search([word], 10)]
    assert hits == ([2] if word.strip() else [])
    assert index.document_frequency(word) == len(hits)
    assert [id for id, _ in index.search(["after"], 10)] == [2]


def test_white_space_within_a_word_does_not_divide_it() -> None:
    index = made([(1, "en", ["new york"]), (2, "en", ["new", "york"]), (3, "en", ["", "new york"])])
    assert [id for id, _ in index.search(["new york"], 9)] == [1, 3]
    assert [id for id, _ in index.search(["york"], 9)] == [2]


def test_words_that_are_too_long_are_dropped() -> None:
    longest = "é" * (MAX_WORD_BYTES // 2)
    index = made([(1, "en", [longest, "x"]), (2, "en", [longest + "é", "y"])])
    assert [id for id, _ in index.search([longest], 9)] == [1]
    assert index.search([longest + "é"], 9) == []
    assert [id for id, _ in index.search(["y"], 9)] == [2]


def test_many_readers_of_one_directory(tmp_path: Path) -> None:
    written = made([(2**40, "en", ["a", "b"]), (0, "fr", ["b"])], tmp_path / "lexical")
    first, second = LexicalIndex.open(tmp_path / "lexical"), LexicalIndex.open(tmp_path / "lexical")
    assert first.search(["b"], 5) == second.search(["b"], 5) == written.search(["b"], 5)
    assert [id for id, _ in first.search(["b"], 5)] == [0, 2**40]


def test_a_committed_index_takes_no_more(index: LexicalIndex) -> None:
    with pytest.raises(StoreError, match="create a new one"):
        index.add(1, "en", ["x"])


def test_what_is_no_index_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="build it anew"):
        LexicalIndex.open(tmp_path)
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(StoreError, match="build it anew"):
        LexicalIndex.open(tmp_path)


def test_an_empty_index() -> None:
    index = made([])
    assert (len(index), index.search(["x"], 3), index.document_frequency("x")) == (0, [], 0)
    with pytest.raises(BadInput, match="k is 0"):
        index.search(["x"], 0)
