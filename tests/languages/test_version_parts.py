"""The parts that language versions are found with, each against the slow way or by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.languages.agreement import UNSEEN, Marked
from polyseek.languages.alignment import AGAIN, align
from polyseek.languages.counterparts import namesakes, neutral_name
from polyseek.languages.nearest import NEAREST, NOBODY, nearest, nearest_both_ways
from polyseek.languages.neighbours import Floats
from polyseek.languages.passages import Passage, Passages
from polyseek.languages.versions import marks


def test_marks_are_what_every_language_keeps() -> None:
    english = "Set `Query` in response_model to 1,200.5; see [it](../en/a.md#b) and https://a.io/c."
    chinese = (
        "把 response_model 的 `Query` 设为 1.200,5，见[这里](../zh/a.md#b)和 https://a.io/c 。"
    )
    assert marks(english) == marks(chinese)
    assert marks(english) >= {
        "`Query",
        "#response_model",
        "12005",
        "](../a.md#b",
        "](https://a.io/c",
    }
    assert marks("in the year ٢٠٢٤") == marks("２０２４年") == {"2024"}
    assert marks("nothing but words") == frozenset()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("17,786,419", "17786419"),
        ("17.786.419", "17786419"),
        ("17 786 419", "17786419"),
        ("17\u00a0786\u202f419", "17786419"),
        ("17’786’419", "17786419"),
        ("1969-1973, 1969–1973, 1969/1973", "1969 1973"),
        ("3:24", "3 24"),
        ("3.11.4", "3114"),
        ("in 2000 300 people", "2000 300"),
        ("1234 567", "1234 567"),
    ],
)
def test_a_number_is_the_same_however_a_language_groups_it(text: str, want: str) -> None:
    assert marks(text) == frozenset(want.split())


def test_abbreviations_are_no_marks() -> None:
    """Every language has its own; the form is that of an identifier."""
    assert marks("e.g. i.e. z.B. the U.S. in 10 a.C.") == {"10"}
    assert marks("I/O and os.path") == {"#i/o", "#os.path"}


def test_marks_agree_by_the_weight_of_what_is_shared() -> None:
    """Weights by hand: "a" and "b" are in two of four items, "c" in one."""
    marked = Marked.of([frozenset("ab"), frozenset("bc"), frozenset(), frozenset("a")])
    two, one = np.log(4 / 2), np.log(4 / 1)
    pairs = np.array([[0, 1], [2, 3], [0, 0], [2, 2]]).T
    assert marked.shared(*pairs) == pytest.approx([two, 0, 2 * two, 0])
    half = UNSEEN / 2
    assert marked.agreement(*pairs) == pytest.approx(
        [
            (two + half) / (2 * two + one + UNSEEN),
            half / (two + UNSEEN),
            (2 * two + half) / (2 * two + UNSEEN),
            0.5,
        ]
    )
    whole = marked.united(np.array([1, 0, 3]), np.array([0, 0, 1]), 2)
    assert whole.starts.tolist() == [0, 3, 4]
    assert whole.numbers.tolist() == [0, 1, 2, 0]


def best_by_hand(worth: Floats) -> float:
    """The largest total, cell by cell."""
    n, m = worth.shape
    best = np.zeros((n + 1, m + 1))
    for i in range(n):
        for j in range(m):
            skipped = max(best[i, j + 1], best[i + 1, j])
            best[i + 1, j + 1] = max(skipped, worth[i, j] + max(best[i, j], skipped - AGAIN))
    return float(best[n, m])


def total(worth: Floats, cells: np.ndarray) -> float:
    rows, columns = cells[:, 0], cells[:, 1]
    again = sum(
        bool(rows[k] == rows[k - 1] or columns[k] == columns[k - 1]) for k in range(1, len(cells))
    )
    return float(worth[rows, columns].sum()) - AGAIN * again


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=5), st.integers(0, 999))
def test_alignments_are_the_best_ones(shapes: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    worths = [rng.uniform(-0.5, 0.8, shape).astype(np.float32) for shape in shapes]
    for worth, cells in zip(worths, align(worths), strict=True):
        assert (np.diff(cells, axis=0) >= 0).all()
        assert total(worth, cells) == pytest.approx(best_by_hand(worth), abs=1e-5)


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (2, 3), (40, 300), (1100, 700)])
def test_the_nearest_are_the_nearest(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    left, right = (rng.standard_normal((k, 16)).astype(np.float32) for k in (n, m))
    want = left @ right.T
    for got, cosines in zip(nearest_both_ways(left, right), (want, want.T), strict=True):
        k = min(NEAREST, cosines.shape[1])
        assert np.allclose(got[1][:, :k], -np.sort(-cosines, axis=1)[:, :k], atol=1e-5)
        assert np.allclose(np.take_along_axis(cosines, got[0][:, :k], 1), got[1][:, :k], atol=1e-5)
        assert (got[0][:, k:] == NOBODY).all()
        assert (got[1][:, k:] == 0).all()
    assert (nearest(left, right)[0] == nearest_both_ways(left, right)[0][0]).all()


@pytest.mark.parametrize(
    ("name", "language", "want"),
    [
        ("zh/tutorial/x.md", "zh", "tutorial x md"),
        ("docs/zh-CN/x.md", "zh", "docs x md"),
        ("docs/zh_Hans/x.md", "zh", "docs x md"),
        ("x.ja.md", "ja", "x md"),
        ("README_ja.md", "ja", "readme md"),
        ("docs/x.md", "en", "docs x md"),
        ("en/is/it.md", "en", "is it md"),
        ("jaguar.md", "ja", "jaguar md"),
        ("x", "", "x"),
    ],
)
def test_a_name_without_its_language(name: str, language: str, want: str) -> None:
    assert neutral_name(name, language) == tuple(want.split())


def test_namesakes_are_in_different_languages_and_alone_in_theirs() -> None:
    def passage(document: str, language: str) -> Passage:
        return Passage(0, document, 0, language, 0, frozenset())

    names = {"x.md": "en", "ja/x.md": "ja", "y.md": "en", "en/y.md": "en", "ja/y.md": "ja"}
    passages = Passages([passage(*item) for item in names.items()])
    found = {(passages.documents[a], passages.documents[b]) for a, b in namesakes(passages)}
    assert found == {("ja/x.md", "x.md")}
