"""What a person says of versions and what the commands tell of them: `versions`, `link`, `unlink`,
`search --ungrouped`, `index --no-sentences`. The documents are those of test_review."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

import pytest
from rich.cells import cell_len

from polyseek import KnowledgeBase, cli
from polyseek.engine import chosen
from polyseek.errors import BadInput
from polyseek.review import Drifted, Lacking, Place, VersionsReport
from polyseek.store.collection import Collection
from polyseek.store.links import STATED
from test_review import SECTIONS, guide, guides, lacking, made, opened, write
from toy import GLOSSARY, toy_embedder

Run = Callable[..., tuple[int, str, str]]
"""Arguments -> exit code, stdout, stderr."""

DRIFTED = {"ru": guide("ru", Access="Пароль и вход. Это 13 знаков.")}
MISSING = {"ja": guide("ja", "Food")}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process, in tmp_path, with the toy that knows the glossary."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chosen, "load", lambda *_, **__: toy_embedder(glossary=GLOSSARY))
    monkeypatch.setenv("POLYSEEK_KB", "kb")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    # Else its name is taken from how Python was started, such as python -m pytest.
    monkeypatch.setattr(cli, "app", partial(cli.app, prog_name="polyseek"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["polyseek", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


def stated(kb: KnowledgeBase) -> list[tuple[str, str]]:
    """Links that a person made, each as the names of its documents."""
    with Collection.open(kb.path) as collection:
        catalog = collection.catalog
        found = [each for each in catalog.links() if each.evidence == (STATED,)]
        rows = [catalog.rows([each.one, each.other]) for each in found]
        return [(one.path, other.path) for one, other in rows]


def shown_with(kb: KnowledgeBase, place: str, question: str) -> list[str]:
    """The documents of the hit in which the passage at `place` leads or is a version."""
    for hit in kb.search(question, k=20, every_passage=True):
        together = [hit, *hit.versions]
        if place in [f"{each.path}:{each.line_start}" for each in together]:
            return sorted(each.path for each in together)
    raise AssertionError(f"{place} is not found")


# Stating what are versions, and what are not.


def test_unlink_takes_a_pair_apart(tmp_path: Path) -> None:
    kb = made(tmp_path, guides("en ru"))
    assert shown_with(kb, "en/guide.md:5", "fish") == ["en/guide.md", "ru/guide.md"]
    kb.link("en/guide.md:7", "ru/guide.md:5", versions=False)
    report = kb.versions()
    assert report.groups == {"en ru": 3, "en": 1, "ru": 1}
    assert lacking(report) == [("en/guide.md", 5, ("ru",)), ("ru/guide.md", 5, ("en",))]
    assert shown_with(kb, "en/guide.md:5", "fish") == ["en/guide.md"]
    assert shown_with(kb, "ru/guide.md:5", "fish") == ["ru/guide.md"]
    assert shown_with(kb, "en/guide.md:13", "backup") == ["en/guide.md", "ru/guide.md"]
    assert kb.verify() == []


def test_unlink_takes_one_language_out_of_three(tmp_path: Path) -> None:
    """The two others stay versions of each other, and a later `link` brings all together."""
    kb = made(tmp_path, guides())
    kb.link("en/guide.md:5", "ja/guide.md:5", versions=False)
    assert kb.versions().groups == {"en ja ru": 3, "en ru": 1, "ja": 1}
    assert shown_with(kb, "en/guide.md:5", "fish") == ["en/guide.md", "ru/guide.md"]
    assert shown_with(kb, "ja/guide.md:5", "fish") == ["ja/guide.md"]
    kb.index(tmp_path / "docs")
    assert kb.versions().groups == {"en ja ru": 3, "en ru": 1, "ja": 1}
    kb.link("ja/guide.md:5", "en/guide.md:5")
    assert kb.versions().groups == {"en ja ru": 4}
    assert kb.verify() == []


def test_what_has_drifted_is_not_told_of_a_pair_that_is_none(tmp_path: Path) -> None:
    kb = made(tmp_path, guides("en ru", **DRIFTED))
    assert len(kb.versions().drifted) == 1
    kb.link("ru/guide.md:11", "en/guide.md:11", versions=False)
    assert kb.versions().drifted == []


def test_unlink_holds_until_a_text_changes(tmp_path: Path) -> None:
    kb = made(tmp_path, guides("en ru"))
    kb.link("en/guide.md:5", "ru/guide.md:5", versions=False)
    apart = lacking(kb.versions())
    assert len(apart) == 2
    elsewhere = guide("en", Copies="A backup of the server is here.")
    for text in (guide("en"), elsewhere, guide("en")):
        write(tmp_path, guides("en", en=text))
        kb.index(tmp_path / "docs")
        assert lacking(kb.versions()) == apart
    write(tmp_path, guides("en", en=guide("en", Food="The fish, for the cat.")))
    kb.index(tmp_path / "docs")
    assert kb.versions().complete
    assert opened(tmp_path).verify() == []


def test_link_adds_a_pair(tmp_path: Path) -> None:
    """Two documents that nothing speaks for, until a person does; and it holds from then on."""
    odd = {"en/moon.md": "The moon is round.\n", "ru/sun.md": "Светит Helios.\n"}
    kb = made(tmp_path, guides("en ru") | odd)
    assert kb.versions().documents == {"en/moon.md": ("ru",), "ru/sun.md": ("en",)}
    kb.link("ru/sun.md:1", "en/moon.md:1")
    assert sorted(*stated(kb)) == ["en/moon.md", "ru/sun.md"]
    write(tmp_path, {"en/moon.md": "The moon.\n"})
    kb.index(tmp_path / "docs")
    assert (stated(kb), len(kb.versions().documents)) == ([], 2)
    write(tmp_path, odd)
    kb.index(tmp_path / "docs")
    assert sorted(*stated(kb)) == ["en/moon.md", "ru/sun.md"]
    assert kb.versions().complete
    assert shown_with(kb, "en/moon.md:1", "moon") == ["en/moon.md", "ru/sun.md"]
    assert kb.verify() == []


def test_the_last_word_counts(tmp_path: Path) -> None:
    kb = made(tmp_path, guides("en ru"))
    for linked in (False, True, True, False, True):
        kb.link("en/guide.md:13", "ru/guide.md:15", versions=linked)
        assert kb.versions().complete == linked
        assert stated(kb) == ([("en/guide.md", "ru/guide.md")] if linked else [])


@pytest.mark.parametrize("versions", [True, False])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("guide", "'guide' names no passage; write PATH:LINE, as a search shows it"),
        ("en/guide.md:", "'en/guide.md:' names no passage; write PATH:LINE"),
        ("en/guide.md:x", "'en/guide.md:x' names no passage; write PATH:LINE"),
        ("en/guide.md:4", "no passage of the knowledge base is at 'en/guide.md:4'; see `polyseek"),
        ("en/guide.md:99", "no passage of the knowledge base is at 'en/guide.md:99'; see"),
        ("de/guide.md:1", "no passage of the knowledge base is at 'de/guide.md:1'; see `polyseek"),
        ("ru/guide.md:3", "'ru/guide.md:3' and 'ru/guide.md:1' are the same passage; name two"),
    ],
)
def test_wrong_places_are_named(tmp_path: Path, name: str, told: str, versions: bool) -> None:
    kb = made(tmp_path, guides("en ru"))
    with pytest.raises(BadInput, match=re.escape(told)):
        kb.link(name, "ru/guide.md:1", versions=versions)
    assert kb.versions().complete, "nothing is stated"


# The commands.


def test_versions_of_a_complete_collection(run: Run, tmp_path: Path) -> None:
    made(tmp_path, guides())
    told = "      4 passages in en ja ru\n"
    assert run("versions") == (0, told + "complete: nothing is missing\n", "")
    for show in ("missing", "drifted"):
        assert run("versions", "--show", show) == (0, told + "nothing to report\n", "")


def test_versions_tells_what_is_missing(run: Run, tmp_path: Path) -> None:
    made(tmp_path, guides(**MISSING) | {"en/moon.md": "# Moon\n\nThe moon.\n"})
    code, out, err = run("versions")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "      3 passages in en ja ru",
        "      1 passages in en ru",
        "      1 passages in en",
        "no ja ru  en/moon.md",
        "no ja  en/guide.md:5-7  ru/guide.md:5-7  Food",
    ]
    assert run("versions", "--languages", "en")[0] == 0
    some = run("versions", "--languages", "ja")[1]
    assert some.splitlines()[:2] == [
        "      3 passages in ja",
        "      2 passages in other languages, or in none that is known",
    ]
    assert run("versions", "--languages", "RU, en")[1].splitlines()[2:] == ["no ru  en/moon.md"]
    assert "no de ja  en/moon.md" in run("versions", "--languages", "de,en,ja")[1]


def test_versions_tells_what_has_drifted(run: Run, tmp_path: Path) -> None:
    made(tmp_path, guides(**DRIFTED))
    code, out, err = run("versions")
    assert (code, err) == (1, "")
    assert out.splitlines()[1:] == [
        "",
        "number 0.89  13 here, 12 there",
        "ru/guide.md:9-11 (here)",
        "   # Access",
        "",
        "   Пароль и вход. Это 13 знаков.",
        "en/guide.md:9-11 (there)",
        "   # Access",
        "",
        "   " + SECTIONS["en"]["Access"],
    ]


@pytest.mark.parametrize(
    "arguments", [[], ["--show", "missing"], ["--show", "drifted"], ["--json"]]
)
def test_versions_of_no_documents_are_not_complete(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    """A guard that guards nothing, because its documents were not indexed, says so."""
    kb = made(tmp_path, guides("en"))
    kb.remove(["en"])
    assert not kb.versions().complete
    code, out, err = run("versions", *arguments)
    assert (code, err) == (1, "")
    if not arguments or arguments[0] != "--json":
        assert out == "there are no documents to compare; `polyseek index` some first\n"


@pytest.mark.parametrize(
    ("changed", "codes"), [({}, (0, 0, 0)), (MISSING, (1, 1, 0)), (DRIFTED, (1, 0, 1))]
)
def test_show_decides_what_is_told_and_the_exit_code(
    run: Run, tmp_path: Path, changed: dict[str, str], codes: tuple[int, int, int]
) -> None:
    made(tmp_path, guides(**changed))
    for show, expected in zip(("all", "missing", "drifted"), codes, strict=True):
        code, out, _ = run("versions", "--show", show)
        assert (code, run("versions", "--show", show, "--json")[0]) == (expected, expected)
        assert ("no ja" in out) == (changed is MISSING and show != "drifted")
        assert ("number" in out) == (changed is DRIFTED and show != "missing")


@pytest.mark.parametrize(
    ("show", "left_out"),
    [("all", set()), ("missing", {"drifted"}), ("drifted", {"documents", "passages"})],
)
def test_versions_json_holds_what_is_asked_for(
    run: Run, tmp_path: Path, show: str, left_out: set[str]
) -> None:
    kb = made(tmp_path, guides(**DRIFTED, **MISSING))
    told = json.loads(run("versions", "--json", "--show", show)[1])
    assert list(told) == [each.name for each in fields(VersionsReport) if each.name not in left_out]
    whole = json.loads(json.dumps(asdict(kb.versions())))
    assert told == {name: whole[name] for name in told}


def test_versions_json_has_all_fields_of_a_report(run: Run, tmp_path: Path) -> None:
    made(tmp_path, guides(**DRIFTED, **MISSING))
    told = json.loads(run("versions", "--json")[1])
    (passage,) = told["passages"]
    assert list(passage) == [each.name for each in fields(Lacking)]
    assert list(passage["places"][0]) == [each.name for each in fields(Place)]
    places = [(place["path"], place["line_start"]) for place in passage["places"]]
    assert (places, passage["languages"]) == ([("en/guide.md", 5), ("ru/guide.md", 5)], ["ja"])
    (drifted,) = told["drifted"]
    assert list(drifted) == [each.name for each in fields(Drifted)]
    assert (drifted["kind"], drifted["one"]["language"]) == ("number", "ru")
    assert "Пароль" in run("versions", "--json")[1], "people can read it too"


def test_link_and_unlink(run: Run, tmp_path: Path) -> None:
    made(tmp_path, guides("en ru"))
    held = "of each other, as long as both texts stay as they are\n"
    told = f"en/guide.md:5 and ru/guide.md:5 are no versions {held}"
    assert run("unlink", "en/guide.md:5", "ru/guide.md:5") == (0, told, "")
    assert run("versions")[0] == 1
    told = f"ru/guide.md:6 and en/guide.md:7 are versions {held}"
    assert run("link", "ru/guide.md:6", "en/guide.md:7") == (0, told, "")
    assert run("versions")[0] == 0
    for command in ("link", "unlink"):
        code, out, err = run(command, "en/guide.md:5", "ru/guide.md")
        assert (code, out) == (2, "")
        assert err == (
            "error: 'ru/guide.md' names no passage; write PATH:LINE, as a search shows it\n"
        )


def test_wrong_options_of_versions(run: Run, tmp_path: Path) -> None:
    made(tmp_path, guides("en"))
    code, out, err = run("versions", "--languages", "en,xx")
    assert (code, out) == (2, "")
    assert err.startswith("error: unknown language 'xx'; use an ISO 639-1 code such as ")
    assert (run("versions", "--show", "some")[0], run("versions", "--kb", "nowhere")[0]) == (2, 4)


def test_search_ungrouped(run: Run, tmp_path: Path) -> None:
    made(tmp_path, guides())
    question = ("search", "a backup of the server", "--language", "en", "-k")
    (hit,) = json.loads(run(*question, "1", "--json")[1])
    assert [hit["path"], *sorted(x["path"] for x in hit["versions"])] == [*guides()]
    out = run(*question, "1")[1]
    assert out.startswith("1  en/guide.md:13-15  en  ")
    assert sorted(line for line in out.splitlines() if line.startswith("   = ")) == [
        "   = ja  ja/guide.md:13-15",
        "   = ru  ru/guide.md:13-15",
    ]
    alone = json.loads(run(*question, "3", "--ungrouped", "--json")[1])
    assert sorted((x["path"], x["line_start"]) for x in alone) == [(x, 13) for x in guides()]
    assert [x["versions"] for x in alone] == [[], [], []]
    assert "   = " not in run(*question, "3", "--ungrouped")[1]


def test_index_without_sentences(run: Run, tmp_path: Path) -> None:
    write(tmp_path, guides("en"))
    ask = ("search", "the cat has 9 lives", "-k", "1", "--json")
    for flag, sentence in (("--no-sentences", None), ("--sentences", [8, 28])):
        kb = ("--kb", f"kb{flag}")
        assert run("index", "docs", flag, *kb)[0] == 0
        told = json.loads(run("status", "--json", *kb)[1])
        assert told["fingerprint"]["sentences"] is (sentence is not None)
        assert json.loads(run(*ask, *kb)[1])[0]["sentence"] == sentence
        assert run("index", "docs", *kb)[0] == 0, "without a wish it is used as it was made"
    code, _, err = run("index", "docs", "--sentences", "--kb", "kb--no-sentences")
    assert code == 4
    assert "sentences: False there, True here" in err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("versions", ["Exits with 1 if there is anything to report", "--languages", "--show"]),
        ("versions", ["all|missing|drifted", "one passage in twenty", "--json"]),
        ("link", ["are versions of each other, where polyseek does not see it", "PATH:LINE"]),
        ("link", ["holds as long as both texts stay as they are"]),
        ("unlink", ["holds as long as both texts stay as they are"]),
        ("unlink", ["are not versions of each other, though polyseek thinks so", "PATH:LINE"]),
        ("search", ["--ungrouped", "every language version of a passage as a hit by itself"]),
        ("index", ["--no-sentences", "vectors of their own"]),
    ],
)
def test_help(run: Run, command: str, told: list[str]) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert all(cell_len(line) <= 80 for line in out.splitlines())
    plain = " ".join(out.replace("│", " ").split())
    assert f"polyseek {command} [OPTIONS]" in plain
    assert [each for each in told if each not in plain] == []
    assert command in run("--help")[1]
