"""Which place finds which answer."""

from __future__ import annotations

import pytest

from evaluate.made import dataset
from polyseek.evaluate.dataset import Answer, Query
from polyseek.evaluate.run import Place, ask, judge, places
from polyseek.types import Hit

SECTION = Answer("a.md", 100, 200, "en")


@pytest.mark.parametrize(
    ("start", "end", "shared"),
    [
        (100, 200, 1.0),
        (150, 250, 0.5),
        (151, 251, 0.49),
        (0, 1000, 1.0),  # much longer, and holds all of it
        (120, 140, 1.0),  # much shorter, and lies in it
        (190, 210, 0.5),
        (200, 300, 0.0),
        (300, 400, 0.0),
    ],
)
def test_what_a_passage_shares_with_a_section(start: int, end: int, shared: float) -> None:
    assert SECTION.shared("a.md", start, end) == pytest.approx(shared)
    assert SECTION.shared("b.md", start, end) == 0.0


def test_a_document_as_a_whole_is_found_by_any_passage_of_it() -> None:
    assert Answer("a.md").shared("a.md", 5, 6) == 1.0


def judged(*found: tuple[int, int], answers: tuple[Answer, ...], whole: bool = False) -> list[str]:
    ranking = [Place("a.md", start, end, "en") for start, end in found]
    asked = Query("q", "?", "en", answers)
    return [each.answer.name if each.answer else "-" for each in judge(asked, ranking, whole=whole)]


def test_a_section_is_found_once_and_further_passages_of_it_take_places() -> None:
    found = judged((500, 600), (100, 160), (160, 200), (300, 310), answers=(SECTION,))
    assert found == ["-", "a.md:100-200", "-", "-"]


def test_a_passage_finds_the_section_that_lies_most_in_it() -> None:
    after = Answer("a.md", 200, 240, "en")
    assert judged((120, 220), answers=(SECTION, after)) == ["a.md:100-200"]
    assert judged((180, 240), answers=(SECTION, after)) == ["a.md:200-240"]


def test_of_a_document_as_a_whole_the_best_passage_takes_the_place() -> None:
    found = [Place("b.md", 0, 9, "en"), Place("b.md", 9, 20, "en"), Place("a.md", 3, 4, "en")]
    asked = Query("q", "?", "en", (Answer("a.md"),))
    names = [each.name for each in judge(asked, found, whole=True)]
    assert names == ["b.md:0+9", "a.md"]


def hit(path: str, *versions: Hit, language: str = "en") -> Hit:
    return Hit(path, "text", 1.0, language, 1, 1, 0, 4, versions=versions)


def test_versions_follow_their_hit_and_documents_have_the_language_that_is_known() -> None:
    found = places([hit("a.md", hit("b.md", language="zh")), hit("c.md")], {"c.md": "ja"})
    assert [(p.path, p.language, p.hit) for p in found] == [
        ("a.md", "en", 0),
        ("b.md", "zh", 0),
        ("c.md", "ja", 1),
    ]


def test_every_question_is_put() -> None:
    asked: list[tuple[str, int]] = []

    def search(question: str, k: int) -> list[Hit]:
        asked.append((question, k))
        return [hit(f"{question}.md")]

    data = dataset(Query("1", "eins", "de", ()), Query("2", "zwei", "de", ()))
    run = ask(search, data, 7)
    assert asked == [("eins", 7), ("zwei", 7)]
    assert [place.path for place in run["2"]] == ["zwei.md"]
