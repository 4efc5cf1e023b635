"""How much of a question a passage has: against BM25 written out in NumPy, and its bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyseek.lexical import K1, coverage
from polyseek.store.lexical import LexicalIndex

B = 0.75
VOCABULARY = ["cat", "dog", "猫", "#auth-4031", "the", "ไฟ"]
LANGUAGES = ["en", "ja"]
WORDS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12)
PASSAGES = st.lists(st.tuples(st.sampled_from(LANGUAGES), WORDS), min_size=1, max_size=12)
# tantivy keeps lengths exactly up to 40 words, and roughly beyond; these are all shorter.

Passages = Sequence[tuple[str, Sequence[str]]]


def made(passages: Passages) -> LexicalIndex:
    index = LexicalIndex.create(None)
    for id, (language, words) in enumerate(passages):
        index.add(id, language, words)
    index.commit()
    return index


def bm25(passages: Passages, terms: Sequence[str]) -> np.ndarray:
    """Robertson's BM25 of every passage, over the most it could be for these terms."""
    texts = [list(words) for _, words in passages]
    lengths = np.array([len(words) for words in texts], np.float64)
    scores, ideal = np.zeros(len(texts)), 0.0
    for term in dict.fromkeys(terms):
        counts = np.array([words.count(term) for words in texts], np.float64)
        n = (counts > 0).sum()
        idf = np.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
        norm = K1 * (1 - B + B * lengths / lengths.mean())
        scores += idf * counts * (K1 + 1) / (counts + norm)
        ideal += idf * (K1 + 1)
    return np.asarray(scores / ideal)


@settings(max_examples=40)
@given(PASSAGES, WORDS)
def test_it_is_bm25_over_the_most_there_could_be(
    passages: list[tuple[str, list[str]]], terms: list[str]
) -> None:
    found = coverage(made(passages), terms, 100, None)
    expected = bm25(passages, terms)
    assert set(found) == set(np.flatnonzero(expected > 0).tolist())
    for id, value in found.items():
        assert np.isclose(value, expected[id], rtol=1e-4)
        assert 0 < value < 1


@settings(max_examples=40)
@given(PASSAGES, WORDS, st.integers(1, 5))
def test_the_best_come_first_and_only_so_many(
    passages: list[tuple[str, list[str]]], terms: list[str], k: int
) -> None:
    index = made(passages)
    found = list(coverage(index, terms, k, None).items())
    everything = list(coverage(index, terms, 100, None).items())
    assert found == everything[:k]
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))


@settings(max_examples=40)
@given(PASSAGES, WORDS, st.sampled_from(LANGUAGES))
def test_languages_filter_and_do_not_change_the_score(
    passages: list[tuple[str, list[str]]], terms: list[str], language: str
) -> None:
    index = made(passages)
    everything = coverage(index, terms, 100, None)
    found = coverage(index, terms, 100, [language])
    assert found == {id: v for id, v in everything.items() if passages[id][0] == language}


@given(WORDS)
def test_a_term_said_twice_counts_once(terms: list[str]) -> None:
    index = made([("en", ["cat", "dog"]), ("ja", ["猫", "the"])])
    assert coverage(index, terms + terms, 9, None) == coverage(index, terms, 9, None)


def test_more_of_the_terms_cover_more() -> None:
    index = made(
        [("en", ["cat", "dog", "the"]), ("en", ["cat", "x", "y"]), ("en", ["z", "x", "y"])]
    )
    found = coverage(index, ["cat", "dog"], 9, None)
    assert list(found) == [0, 1]
    assert found[0] > 2 * found[1]


def test_the_scale_does_not_grow_with_the_question() -> None:
    """A passage that has all of a long question is no better than one that has all of a short
    one, but for its own length."""
    words = [f"word{n}" for n in range(10)]
    index = made([("en", words), *(("en", [f"other{n}"] * 10) for n in range(20))])
    short, long = (coverage(index, words[:n], 1, None)[0] for n in (1, 10))
    assert np.isclose(short, long, rtol=1e-4)


def test_a_term_that_no_passage_has_lowers_what_is_covered() -> None:
    index = made([("en", ["cat"]), ("en", ["dog"])])
    all_of_it = coverage(index, ["cat"], 9, None)[0]
    assert coverage(index, ["cat", "unheard"], 9, None)[0] < all_of_it / 2


@pytest.mark.parametrize(
    ("terms", "languages"), [([], None), (["cat"], []), (["unheard"], None), (["cat"], ["ja"])]
)
def test_nothing_is_covered(terms: list[str], languages: list[str] | None) -> None:
    index = made([("en", ["cat", "dog"])])
    assert coverage(index, terms, 9, languages) == {}


def test_an_empty_index_covers_nothing() -> None:
    assert coverage(made([]), ["cat"], 9, None) == {}
