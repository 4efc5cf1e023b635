"""What is shown of a passage, on a terminal and in a pipe: the snippet of a hit, the sentence that
answers, its versions; two versions side by side."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.cells import cell_len

from polyseek import Hit, report
from polyseek.review import Drifted, Lacking, Place, VersionsReport
from polyseek.snippets import SNIPPET, answering, snippet
from polyseek.versions_report import Shown, versions
from test_review import made

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
EVIL = "\x1b[31m \x1b]0;owned\x07 \x9b2J \x08\x00"
ZH = "堡垒机登录失败时，先看客户端最后一行输出的错误码，再对照下表处理。"
JA = "踏み台サーバーにログインできないときは、まずクライアントの表示を確認してください。"
EN = "When a login to the bastion host fails, look at the code on the last line."


def hit(text: str, sentence: str | None = None, *, start: int = 0) -> Hit:
    """A hit at offset `start` of its document; `sentence` is the one that answers."""
    at = None
    if sentence is not None:
        first = start + text.index(sentence)
        at = first, first + len(sentence)
    return Hit("a.md", text, 0.5, "en", 1, 1, start, start + len(text), sentence=at)


def place(text: str, path: str = "a.md", headings: tuple[str, ...] = ()) -> Place:
    return Place(path, "zh", 3, 12, headings, text)


def drifted(one: str, other: str, detail: str = "only here: 7") -> VersionsReport:
    both = Drifted(place(one, "en/a.md"), place(other, "zh/a.md"), "number", 0.7, detail)
    return VersionsReport(("en", "zh"), {"en zh": 1}, {}, [], [both])


def answered(text: str, sentence: str) -> str:
    """The part of the snippet that is marked as the answer."""
    told = snippet(hit(text, sentence))
    return told[slice(*answering(hit(text, sentence), told))]


@pytest.fixture(autouse=True)
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output goes into a pipe, whatever the one who runs the tests has asked for."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output goes to a terminal of 60 columns, as far as anybody can see."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)


def plain(told: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", told)


# Where a snippet begins.


@pytest.mark.parametrize("start", [0, 1000])
@pytest.mark.parametrize(
    ("text", "sentence", "shown"),
    [
        ("One. Two. Three.", "One.", "One. Two. Three."),
        ("One. Two. Three.", "Two.", "… Two. Three."),
        ("One. Two. Three.", "Three.", "… Three."),
        ("# Head\n\nOne. Two.", "One.", "One. Two."),
        ("# Head\n\nOne. Two.", "Two.", "… Two."),
        ("## Head\nOne.\nTwo.", "One.", "One. Two."),
        ("第一句。第二句。", "第二句。", "… 第二句。"),
        ("Один. Два\nи три.", "Два\nи три.", "… Два и три."),
        ("```bash\nls. cd.\n```", "ls.", "ls. cd."),
        ("---\n\n| --- |\nOne. Two.", "One.", "One. Two."),
        ("One.\n\n```bash\nls\n```", "ls", "… ls"),
        ("One. Two.\n\n| a |\n| - |\n| 1 |", "Two.", "… Two. | a | | 1 |"),
        pytest.param(
            "# Title\n\n## Head\n\nOne. Two.",
            "One.",
            "One. Two.",
        ),
    ],
)
def test_a_snippet_begins_with_the_answer(text: str, sentence: str, shown: str, start: int) -> None:
    """With an ellipsis, if more than headings stands before it."""
    assert snippet(hit(text, sentence, start=start)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# Head\n\nOne. Two.", "One. Two."),
        ("One. Two.", "One. Two."),
        ("One.\n\n## Inside\n\nTwo.", "One. ## Inside Two."),
        pytest.param(
            "# Title\n\n## Head\n\nOne.",
            "One.",
        ),
    ],
)
def test_without_an_answer_a_snippet_begins_with_the_passage(text: str, shown: str) -> None:
    assert snippet(hit(text)) == shown
    assert answering(hit(text), shown) == (0, 0)


def test_the_answer_that_search_marks(tmp_path: Path) -> None:
    text = "# Pets\n\nThe dog runs in the park. The cat eats\nthe fish. A server needs a backup."
    (found,) = made(tmp_path, {"a.md": text}, chunk_tokens=60).search("cat fish", k=1)
    told = snippet(found)
    assert told == "… The cat eats the fish. A server needs a backup."
    assert told[slice(*answering(found, told))] == "The cat eats the fish."


# Where the answer is in it.

WORD = st.text(st.sampled_from("abXйЖ猫犬のアกข한글éß🐈9"), min_size=1, max_size=6)
SPACE = st.sampled_from([" ", "  ", "\n", "\t", " \n ", "\u00a0"])
END = st.sampled_from([".", "。", "?", "！", "؟", " …"])


@st.composite
def sentence_of(draw: st.DrawFn, least: int = 1, most: int = 6) -> str:
    """A sentence of words of any scripts, with any white space between them."""
    words = draw(st.lists(WORD, min_size=least, max_size=most))
    return words[0] + "".join(draw(SPACE) + word for word in words[1:]) + draw(END)


@given(st.data(), st.booleans())
def test_the_answer_is_marked_exactly(data: st.DataObject, headed: bool) -> None:
    said = data.draw(st.lists(sentence_of(), min_size=1, max_size=4))
    at = data.draw(st.integers(0, len(said) - 1))
    gaps = data.draw(
        st.lists(st.sampled_from(["", " ", "\n", "\n\n"]), min_size=len(said), max_size=len(said))
    )
    text, edges = "# Head\n\n" if headed else "", []
    for each, gap in zip(said, gaps, strict=True):
        edges.append((len(text), len(text) + len(each)))
        text += each + gap
    assume(cell_len(text) < SNIPPET)
    found = Hit("a.md", text, 0.5, "en", 1, 1, 0, len(text), sentence=edges[at])
    told = snippet(found)
    first, last = answering(found, told)
    assert told[first:last] == " ".join(said[at].split())
    assert told[:first] == ("… " if at else "")


@given(sentence_of(least=160, most=200))
def test_the_beginning_of_a_long_answer_is_marked(sentence: str) -> None:
    for before in ("", "Before. "):
        marked = answered(before + sentence, sentence).removesuffix(" …")
        assert " ".join(sentence.split()).startswith(marked)
        assert cell_len(marked) > SNIPPET - 20


@pytest.mark.parametrize(
    ("text", "sentence", "marked"),
    [
        ("… and so on. More of it.", "… and so on.", "… and so on."),
        ("One. " + "x" * 400, "x" * 400, "x" * (SNIPPET - 2)),
        ("word " * 100, "word " * 100, "word " * 59 + "word"),
    ],
    ids=["an ellipsis of its own", "no place to break", "longer than the snippet"],
)
def test_only_the_answer_is_marked(text: str, sentence: str, marked: str) -> None:
    assert answered(text, sentence) == marked


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("before", ["", "# Head\n\n", "Something else. "])
@pytest.mark.parametrize("sentence", [ZH, JA, EN, "Пароль и вход на сервер. " * 4, "x" * 90])
def test_the_answer_stands_out_on_a_terminal(
    capsys: pytest.CaptureFixture[str], sentence: str, before: str
) -> None:
    """All of it, over line breaks, and nothing else."""
    sentence = sentence.strip()
    found = hit(f"{before}{sentence} The rest.", sentence)
    report.found([found], explain=False, full=False, as_json=False)
    told = capsys.readouterr().out
    strong = "".join(re.findall(r"\x1b\[1;32m(.*?)\x1b\[0m", told))
    assert "".join(strong.split()) == "".join(sentence.split())
    assert all(cell_len(line) <= 60 for line in plain(told).splitlines())


# Versions side by side.


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("one", [EN, ZH, "x" * 200, f"```\n{'a = b; ' * 20}\n```"])
@pytest.mark.parametrize("other", [ZH, JA * 3, "字" * 100, "| 甲 | 乙 |\n| - | - |\n| 1 | 2 |"])
def test_versions_side_by_side_fit(
    capsys: pytest.CaptureFixture[str], one: str, other: str
) -> None:
    assert versions(drifted(one, other), Shown.all, as_json=False)
    told = plain(capsys.readouterr().out)
    assert all(cell_len(line) <= 60 for line in told.splitlines())
    assert re.search(r"^en/a\.md:3-12 \(here\) +zh/a\.md:3-12 \(there\) *$", told, re.MULTILINE)
    rows = told.split("zh/a.md:3-12 (there)")[1]
    for text in (one, other):
        assert set(text) - {" ", "\n"} <= set(rows)
    letters = re.sub(r"\s", "", rows)
    assert len(letters) == len(re.sub(r"\s", "", one + other)), "nothing is lost"


def test_a_pipe_gets_the_lines_of_versions_whole(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = f"{EN}\n\n{EN * 3}\n", JA * 5
    versions(drifted(one, other, "only here: a link"), Shown.all, as_json=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "",
        "number 0.70  only here: a link",
        "en/a.md:3-12 (here)",
        f"   {EN}",
        "",
        f"   {EN * 3}",
        "zh/a.md:3-12 (there)",
        f"   {JA * 5}",
    ]


@pytest.mark.parametrize(
    ("one", "other", "detail", "told"),
    [
        ("Port 8443.", "端口 443。", "only here: 8443", "8443 here, 443 there"),
        ("Port 8443.", "端口 443。", "missing here: 443", "8443 here, 443 there"),
        ("Port 8443.", "端口 443。", "8443 <-> 443", "8443 here, 443 there"),
        ("Port 8443 of 2.", "端口 443 / 2。", "only here: 8443", "8443 here, 443 there"),
        ("Port 8443.", "端口。", "only here: 8443", "only here: 8443"),
        ("Port 8443, 9.", "端口 443。", "only here: 8443, 9", "only here: 8443, 9"),
        ("Port 8443.", "端口 443。", "only here: 8443, 443", "only here: 8443, 443"),
    ],
)
def test_of_two_numbers_in_each_others_place_both_are_told(
    capsys: pytest.CaptureFixture[str], one: str, other: str, detail: str, told: str
) -> None:
    versions(drifted(one, other, detail), Shown.all, as_json=False)
    assert capsys.readouterr().out.splitlines()[2] == f"number 0.70  {told}"


@pytest.mark.usefixtures("terminal")
def test_lines_of_a_report_fit(capsys: pytest.CaptureFixture[str]) -> None:
    found = drifted("One.", "一。", f"only here: {ZH}")
    versions(found, Shown.all, as_json=False)
    assert all(cell_len(line) <= 60 for line in plain(capsys.readouterr().out).splitlines())


def test_orders_to_the_terminal_in_a_text_are_not_passed_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    versions(drifted(f"One{EVIL}.", f"一{EVIL}。"), Shown.all, as_json=False)
    text = f"Before.{EVIL} The cat{EVIL} sleeps."
    for full in (True, False):
        found = hit(text, f"The cat{EVIL} sleeps.")
        report.found([found], explain=True, full=full, as_json=False)
    told = capsys.readouterr().out
    assert "�" in told
    assert not CONTROL.search(told)


@pytest.mark.parametrize("where", ["detail", "headings", "path", "document", "hit"])
def test_orders_to_the_terminal_elsewhere(capsys: pytest.CaptureFixture[str], where: str) -> None:
    if where == "hit":
        found = Hit(f"{EVIL}.md", "One.", 0.5, "en", 1, 1, 0, 4)
        report.found([found], explain=False, full=False, as_json=False)
    else:
        gone = place("One.", EVIL if where == "path" else "a.md", (EVIL,))
        told = {
            "detail": drifted("One.", "一。", f"only here: ls {EVIL}"),
            "document": VersionsReport(("en",), {}, {EVIL: ("en",)}, [], []),
        }.get(where, VersionsReport(("en",), {}, {}, [Lacking((gone,), ("en",))], []))
        versions(told, Shown.all, as_json=False)
    assert not CONTROL.search(capsys.readouterr().out)


def test_line_ends_of_windows(capsys: pytest.CaptureFixture[str]) -> None:
    versions(drifted("One.\r\nTwo.\r\n", "一。\r\n"), Shown.all, as_json=False)
    assert "�" not in capsys.readouterr().out


def test_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    versions(drifted("A [red]x[/red] :cat:", "[/]", "only here: [b]"), Shown.all, False)
    told = capsys.readouterr().out
    for each in ("A [red]x[/red] :cat:", "[/]", "only here: [b]"):
        assert each in told
