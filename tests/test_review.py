"""What a collection lacks in a language, and where its versions differ. The model is the toy with
its glossary, so a translation is near its original, and each section is a passage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from polyseek import KnowledgeBase
from polyseek.errors import BadInput, FingerprintMismatch, StoreError
from polyseek.meter import Progress
from polyseek.review import Lacking, Place, VersionsReport, review
from polyseek.store.collection import Collection
from toy import GLOSSARY, toy_embedder

SECTIONS = {
    "en": {
        "Pets": "The cat has 9 lives. The dog Rex sleeps.",
        "Food": "The fish is for the cat.",
        "Access": "A password for the login. It has 12 signs.",
        "Copies": "A backup of the server.",
    },
    "ja": {
        "Pets": "猫は 9 です。犬 Rex がいます。",
        "Food": "魚と猫です。",
        "Access": "パスワードとログインです。 12 です。",
        "Copies": "サーバーのバックアップです。",
    },
    "ru": {
        "Pets": "Кошка: 9 жизней. Собака Rex спит.",
        "Food": "Рыба и кошка.",
        "Access": "Пароль и вход. Это 12 знаков.",
        "Copies": "Сервер и копия.",
    },
}
LINES = {"Pets": 1, "Food": 5, "Access": 9, "Copies": 13}
"""First line of each section; the text is two lines below it."""


def guide(language: str, *without: str, **instead: str) -> str:
    """The document of a language, without some sections, or with other texts in them."""
    told = {**SECTIONS[language], **instead}
    return "\n\n".join(f"# {head}\n\n{told[head]}" for head in told if head not in without) + "\n"


def guides(languages: str = "en ja ru", **instead: str) -> dict[str, str]:
    """The documents of some languages; `instead` replaces whole ones."""
    return {f"{each}/guide.md": instead.get(each, guide(each)) for each in languages.split()}


def write(folder: Path, documents: Mapping[str, str]) -> None:
    for name, text in documents.items():
        path = folder / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def opened(folder: Path, **settings: Any) -> KnowledgeBase:  # noqa: ANN401
    embedder = toy_embedder(glossary=GLOSSARY)
    wanted: dict[str, Any] = {"languages": [*SECTIONS], "chunk_tokens": 24, **settings}
    return KnowledgeBase.open(folder / "kb", embedder=embedder, **wanted)


def made(folder: Path, documents: Mapping[str, str], **settings: Any) -> KnowledgeBase:  # noqa: ANN401
    write(folder, documents)
    kb = opened(folder, **settings)
    kb.index(folder / "docs")
    return kb


def lacking(report: VersionsReport) -> list[tuple[str, int, tuple[str, ...]]]:
    """Each passage and its languages, its first place only."""
    return [(x.places[0].path, x.places[0].line_start, x.languages) for x in report.passages]


def place_of(section: str, language: str = "en") -> Place:
    """Where the section of a guide stands."""
    text, at = f"# {section}\n\n{SECTIONS[language][section]}", LINES[section]
    return Place(f"{language}/guide.md", language, at, at + 2, (section,), text)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    return made(tmp_path_factory.mktemp("complete"), guides())


# What is missing.


def test_a_complete_collection_has_nothing_to_report(complete: KnowledgeBase) -> None:
    assert complete.versions() == VersionsReport(("en", "ja", "ru"), {"en ja ru": 4}, {}, [], [])
    assert complete.versions().complete


def test_groups_are_counted_by_their_languages(tmp_path: Path) -> None:
    """The most complete first, then the most frequent."""
    more = {
        "en/net.md": "# Net\n\nThe router Foo blinks.\n\n# Cable\n\nThe cable Bar is long.\n",
        "ru/net.md": "# Net\n\nRouter Foo blinks мигает.\n\n# Cable\n\nCable Bar длинный, long.\n",
        "ja/moon.md": "# Moon\n\n月の光が美しい。\n",
    }
    report = made(tmp_path, guides() | more).versions()
    assert list(report.groups.items()) == [("en ja ru", 4), ("en ru", 2), ("ja", 1)]
    assert report.documents == {
        "en/net.md": ("ja",),
        "ja/moon.md": ("en", "ru"),
        "ru/net.md": ("ja",),
    }
    assert list(report.documents) == sorted(report.documents)
    # Told of the documents, it is not told of each of their passages once more.
    assert (report.passages, report.drifted, report.complete) == ([], [], False)


@pytest.mark.parametrize("section", ["Pets", "Food", "Copies"])
@pytest.mark.parametrize("language", [*SECTIONS])
def test_a_passage_without_a_version(tmp_path: Path, language: str, section: str) -> None:
    """Its document has others, so it is the passage that is reported, in every other language."""
    report = made(tmp_path, guides(**{language: guide(language, section)})).versions()
    others = [each for each in SECTIONS if each != language]
    assert report.groups == {"en ja ru": 3, " ".join(others): 1}
    assert (report.documents, report.drifted) == ({}, [])
    places = tuple(place_of(section, each) for each in others)
    assert report.passages == [Lacking(places, (language,))], "told once, with its versions"
    assert not report.complete


def test_two_languages_may_be_missing(tmp_path: Path) -> None:
    kb = made(tmp_path, guides(ru=guide("ru", "Food"), ja=guide("ja", "Food")))
    assert lacking(kb.versions()) == [("en/guide.md", 5, ("ja", "ru"))]


def test_after_the_missing_is_written_the_report_is_empty(tmp_path: Path) -> None:
    kb = made(tmp_path, guides(ja=guide("ja", "Food")))
    assert not kb.versions().complete
    write(tmp_path, guides("ja"))
    kb.index(tmp_path / "docs")
    assert kb.versions().complete
    kb.remove(["ja"])
    assert kb.versions().languages == ("en", "ru")
    assert kb.versions().complete


def test_groups_and_passages_say_the_same(tmp_path: Path) -> None:
    """What is no version of the English passage is none of the Russian one, which is."""
    kb = made(tmp_path, guides())
    kb.link("en/guide.md:5", "ja/guide.md:5", versions=False)
    report = kb.versions()
    assert report.groups == {"en ja ru": 3, "en ru": 1, "ja": 1}
    assert report.passages == [
        Lacking((place_of("Food"), place_of("Food", "ru")), ("ja",)),
        Lacking((place_of("Food", "ja"),), ("en", "ru")),
    ]
    assert report.drifted == []


# What is expected.


def test_languages_narrow_what_is_expected(tmp_path: Path) -> None:
    kb = made(tmp_path, guides(ja=guide("ja", "Food")) | {"en/moon.md": "# Moon\n\nThe moon.\n"})
    report = kb.versions(["en", "ru"])
    assert report.languages == ("en", "ru")
    assert report.groups == {"en ru": 4, "en": 1}
    assert (report.documents, report.passages) == ({"en/moon.md": ("ru",)}, [])
    assert not report.complete
    assert lacking(kb.versions(["en", "ja"])) == [("en/guide.md", 5, ("ja",))]


def test_one_language_alone_is_all_there(complete: KnowledgeBase) -> None:
    for language in SECTIONS:
        report = complete.versions([language])
        assert (report.languages, report.groups, report.complete) == (
            (language,),
            {language: 4},
            True,
        )


def test_languages_widen_what_is_expected(complete: KnowledgeBase) -> None:
    report = complete.versions(["ru", "de", "ja", "en"])
    assert report.languages == ("de", "en", "ja", "ru")
    assert report.groups == {"en ja ru": 4}
    assert report.documents == {name: ("de",) for name in guides()}
    assert (report.passages, report.complete) == ([], False)


@pytest.mark.parametrize("given", [["EN", " ru"], ["ru ", "en"]])
def test_languages_in_any_way_of_writing(complete: KnowledgeBase, given: list[str]) -> None:
    assert complete.versions(given).languages == ("en", "ru")


def test_a_language_named_twice_is_expected_once(complete: KnowledgeBase) -> None:
    report = complete.versions(["de", "en", "DE"])
    assert report.languages == ("de", "en")
    assert report.documents["en/guide.md"] == ("de",)


@pytest.mark.parametrize("given", [["xx"], ["en", "klingon"], [""]])
def test_an_unknown_language_is_refused(complete: KnowledgeBase, given: list[str]) -> None:
    told = f"unknown language {given[-1]!r}; use an ISO 639-1 code such as ar, bg"
    with pytest.raises(BadInput, match=told):
        complete.versions(given)


@pytest.mark.parametrize(("others", "expected"), [(19, ("en", "ru")), (20, ("en",))])
def test_one_passage_in_twenty_makes_a_language_expected(
    tmp_path: Path, others: int, expected: tuple[str, ...]
) -> None:
    documents = {f"en/{n}.md": f"The moon of day {n} is round." for n in range(others)}
    report = made(tmp_path, {**documents, "ru/x.md": "Кошка и собака."}).versions()
    assert report.languages == expected
    # The Russian passage lacks English whether Russian is expected or not.
    assert report.documents["ru/x.md"] == ("en",)
    assert len(report.documents) == (1 if others == 20 else 20)


def test_an_empty_collection_is_complete(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert made(tmp_path, {}).versions() == VersionsReport((), {}, {}, [], [])


def test_a_knowledge_base_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="index some documents first"):
        opened(tmp_path).versions()
    assert not (tmp_path / "kb").exists()
    made(tmp_path, guides("en"))
    with pytest.raises(FingerprintMismatch, match="chunk_tokens: 24 there, 30 here"):
        opened(tmp_path, chunk_tokens=30).versions()


# What has drifted.


@pytest.mark.parametrize("sentences", [True, False])
def test_a_changed_number_is_drift(tmp_path: Path, sentences: bool) -> None:
    """Of three versions, the odd one is told, with both places and both texts."""
    changed = guide("ru", Access="Пароль и вход. Это 13 знаков.")
    kb = made(tmp_path, guides(ru=changed), sentences=sentences)
    report = kb.versions()
    (drifted,) = report.drifted
    assert (drifted.kind, drifted.detail) == ("number", "only here: 13; missing here: 12")
    texts = "# Access\n\nПароль и вход. Это 13 знаков.", f"# Access\n\n{SECTIONS['en']['Access']}"
    assert drifted.one == Place("ru/guide.md", "ru", 9, 11, ("Access",), texts[0])
    assert drifted.other == Place("en/guide.md", "en", 9, 11, ("Access",), texts[1])
    assert 0.7 < drifted.confidence < 1
    assert (report.groups, report.documents, report.passages) == ({"en ja ru": 4}, {}, [])
    assert not report.complete


def test_of_two_versions_what_each_alone_has_is_told_once(tmp_path: Path) -> None:
    changed = guide("ru", Access="Пароль и вход. Это 13 знаков.")
    found = made(tmp_path, guides("en ru", ru=changed)).versions().drifted
    told = [(x.one.path, x.other.path, x.kind, x.detail) for x in found]
    assert told == [
        ("en/guide.md", "ru/guide.md", "number", "12 <-> 13"),
    ]
    assert [x.confidence for x in found] == pytest.approx([0.82])


@pytest.mark.parametrize(
    ("kind", "here", "there"),
    [
        ("link", "A [backup](https://a.example/one) server.", "a.example/one"),
        ("code", "A backup of the server, `rsync_all()`.", "rsync_all()"),
    ],
)
def test_links_and_code_are_compared_too(tmp_path: Path, kind: str, here: str, there: str) -> None:
    found = made(tmp_path, guides("en ru", en=guide("en", Copies=here))).versions().drifted
    assert [(x.kind, x.detail, x.one.path) for x in found] == [
        (kind, f"only here: {there}", "en/guide.md")
    ]
    assert (found[0].one.line_start, found[0].one.text) == (13, f"# Copies\n\n{here}")
    assert found[0].other.text == f"# Copies\n\n{SECTIONS['ru']['Copies']}"


def test_the_surest_is_first(tmp_path: Path) -> None:
    """A number that is another in one version, before code that only one has."""
    number = guide("ru", Access="Пароль и вход. Это 13 знаков.")
    code = guide("en", Food="The fish is for the cat, `feed_all()`.")
    found = made(tmp_path, guides(en=code, ru=number)).versions().drifted
    assert [(x.kind, x.one.path) for x in found] == [
        ("number", "ru/guide.md"),
        ("code", "en/guide.md"),
    ]
    assert found[0].confidence > found[1].confidence


def test_the_share_of_the_comparison_is_told(tmp_path: Path) -> None:
    kb = made(tmp_path, guides())
    told: list[Progress] = []
    with Collection.open(kb.path) as collection, collection.catalog.snapshot() as catalog:
        review(catalog, lambda sums: lambda rows, codes: rows, [], told.append)
    assert [each.share for each in told] == sorted(each.share for each in told)
    assert (told[0].share, told[-1].share) == (0, 1)
    assert {(each.stage, each.files) for each in told} == {("comparing versions", 3)}
