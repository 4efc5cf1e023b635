"""The parts of the search for drift: blocks, negation by direction, many alignments at once."""

from __future__ import annotations

import numpy as np
import pytest

from polyseek.languages.blocks import blocks_of
from polyseek.languages.drift import Version, find_drift
from polyseek.languages.negation import EXAMPLES
from polyseek.languages.placeholders import shape
from polyseek.languages.sentence_pairs import STEPS, align_all, texts

from .passages import passage

PAGE = """# Head
Text, and
more text.

* One
* Two
  goes on

```py
# no heading

x = 1
```
1. Last
"""


def test_blocks_of_a_page() -> None:
    found = blocks_of(PAGE)
    # A heading's line and the one below it are two blocks only with a blank line between them.
    begins = ["# Head", "* One", "* Two", "```py", "1. Last"]
    assert list(found.starts) == [PAGE.index(line) for line in begins]
    assert list(found.code) == [False, False, False, True, False]
    assert [found.at(PAGE.index(text)) for text in ("Head", "more", "goes", "x =")] == [0, 0, 2, 3]
    assert found.fence == ""


def test_a_fence_left_open_goes_on_in_the_next_passage() -> None:
    cut = PAGE.index("x = 1")
    first = blocks_of(PAGE[:cut])
    assert (first.fence, list(first.code)[-1]) == ("```py", True)
    rest = blocks_of(PAGE[cut:], first.fence)
    assert (list(rest.starts), list(rest.code), rest.fence) == ([0, 10], [True, False], "")


@pytest.mark.parametrize("seed", range(20))
def test_texts_aligned_together_are_aligned_as_each_alone(seed: int) -> None:
    """Padding to one size changes nothing."""
    chance = np.random.default_rng(seed)
    given = []
    for n, m in chance.integers(0, 9, (12, 2)):
        one, other = (chance.normal(size=(k, 8)).astype(np.float32) for k in (n, m))
        one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, other))
        sizes = tuple(chance.integers(9, 90, k).astype(np.float32) for k in (n, m))
        shared = chance.random((n, m)).astype(np.float32)
        given.append((one, other, sizes, 1.2, shared))
    assert align_all([texts(*each) for each in given]) == [
        align_all([texts(*each)])[0] for each in given
    ]


@pytest.mark.parametrize("seed", range(20))
def test_an_alignment_takes_every_sentence_once_in_order(seed: int) -> None:
    """And of a text with itself it pairs each sentence with itself."""
    chance = np.random.default_rng(seed)
    n, m = chance.integers(1, 9, 2)
    one, other = (chance.normal(size=(k, 8)).astype(np.float32) for k in (n, m))
    one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, other))
    sizes = tuple(chance.integers(9, 90, k).astype(np.float32) for k in (n, m))
    both, same = align_all(
        [
            texts(one, other, (sizes[0], sizes[1]), 1.2, np.zeros((n, m), np.float32)),
            texts(one, one, (sizes[0], sizes[0]), 1.0, np.eye(n, dtype=np.float32)),
        ]
    )
    assert [at for here, _ in both for at in range(*here)] == list(range(n))
    assert [at for _, there in both for at in range(*there)] == list(range(m))
    assert {(b - a, d - c) for (a, b), (c, d) in both} <= set(STEPS)
    assert same == [((at, at + 1), (at, at + 1)) for at in range(n)]


def test_shape_of_code() -> None:
    assert shape("u-<工号>") == shape("u-<staff-number>") == "u-<>"
    assert shape("a/{id}/b") == "a/{}/b"
    assert shape("$NAME and NAME=1") == "$NAME and NAME=1"


def say(language: str, negated: list[bool], seed: int) -> Version:
    """A document of sentences that are told apart by nothing but whether they say no: their
    vectors by the first direction, their words by the language's."""
    told = {"en": ("It is{} sent {}.", " not"), "de": ("Es wird{} gesendet {}.", " nicht")}
    form, no = told[language]
    chance = np.random.default_rng(7)
    rows = chance.normal(size=(len(negated), 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[:, 0] = np.where(negated, 0.5, -0.5)
    rows += 0.01 * np.random.default_rng(seed).normal(size=rows.shape).astype(np.float32)
    said = [form.format(no * no_, f"word{at}") for at, no_ in enumerate(negated)]
    return passage(seed, f"{language}/a.md", "\n\n".join(said), said, rows)


@pytest.mark.parametrize("other", ["en", "de"])
def test_of_two_versions_one_sentence_says_the_opposite(other: str) -> None:
    """The direction is learnt from the sentences themselves, if there are enough."""
    negated = [bool(at % 2) for at in range(2 * EXAMPLES)]
    changed = [at != 101 and each for at, each in enumerate(negated)]
    says = {"en": negated, "de": negated, other: changed}
    versions = [say("en", says["en"], 0), say("de", says["de"], 1)]
    (found,) = find_drift(versions, [[0, 1]])
    assert (found.kind, found.one, found.other) == ("negation", 0, 1)
    assert found.detail.startswith("not negated here: " if other == "en" else "negated here only: ")
    assert "word101" in found.detail
    assert 0.6 < found.confidence < 1


def test_with_few_sentences_one_witness_is_not_enough() -> None:
    negated = [bool(at % 2) for at in range(20)]
    changed = [at != 11 and each for at, each in enumerate(negated)]
    assert find_drift([say("en", negated, 0), say("de", changed, 1)], [[0, 1]]) == []


def test_the_share_that_is_done_is_told() -> None:
    told: list[float] = []
    find_drift([say("en", [True], 0), say("de", [True], 1)], [[0, 1]], watch=told.append)
    assert told == sorted(told) and 0 < told[0] < told[-1] == 1


@pytest.mark.parametrize("said", ["<Overview />", '<img alt="the whole scheme">'])
def test_passages_of_nothing_but_tags_are_compared(said: str) -> None:
    """Their letters are the tags', so there is nothing to measure lengths by."""
    row = np.eye(1, 8, dtype=np.float32)
    tags = [passage(0, "en/a.md", said, [said], row), passage(1, "de/a.md", said, [said], row)]
    words = passage(2, "fr/a.md", "Rien ne va plus.", ["Rien ne va plus."], row)
    assert find_drift(tags, [[0, 1]]) == []
    assert find_drift([*tags, words], [[0, 1, 2]]) == []


def alike(meanings: list[int], others: list[int]) -> list[Version]:
    """English and German passages of one sentence; those of one meaning have cosine 0.8 or so."""
    found: list[Version] = []
    for language, said in (("en", meanings), ("de", others)):
        chance = np.random.default_rng(len(language) + ord(language[0]))
        for meaning in said:
            row = 2 * np.eye(64, dtype=np.float32)[meaning]
            row = row + chance.normal(0, 0.12, 64).astype(np.float32)
            sentence = f"Sentence of the language {language}."
            row = (row / np.linalg.norm(row))[None]
            place = len(found)
            found.append(passage(place, f"{language}/a.md", sentence, [sentence], row))
    return found


@pytest.mark.parametrize("count", [29, 40])
def test_a_passage_that_means_something_else(count: int) -> None:
    """It is reported where enough pairs tell what is usual."""
    meanings = list(range(count))
    others = [*meanings[:7], 60, *meanings[8:]]
    groups = [[at, at + count] for at in range(count)]
    assert find_drift(alike(meanings, meanings), groups) == []
    found = find_drift(alike(meanings, others), groups)
    expected = [(7, 7 + count, "meaning")] if count >= 30 else []
    assert [(each.one, each.other, each.kind) for each in found] == expected
    assert all(0.65 < each.confidence < 1 for each in found)
