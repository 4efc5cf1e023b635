"""The commands as a user meets them: output, errors, exit codes. The model is the toy."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from polyseek import Hit, KnowledgeBase, Settings, __version__, cli
from polyseek.engine import chosen
from polyseek.errors import ModelError, StoreError
from polyseek.settings import describe
from polyseek.snippets import snippet, wrapped
from polyseek.store.lock import WriterLock
from toy import toy_embedder

ZH = "# 访问控制\n\n堡垒机登录失败时，先看客户端最后一行输出的错误码，再对照下表处理。\n"
EN = "# Access\n\nWhen a login to the bastion host fails, look at the code first.\n"

# The commands in a process of their own, with the toy for a model. SLOW_S: seconds a batch.
DRIVER = f"""
import os, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from toy import toy_embedder
from polyseek import cli
from polyseek.engine import chosen
embedder, slow = toy_embedder(), float(os.environ.get("SLOW_S", 0))
forward = embedder.forward
class Slow:
    precision, batch_tokens = forward.precision, forward.batch_tokens
    def pooled(self, rows):
        time.sleep(slow)
        return forward.pooled(rows)
embedder.forward = Slow()
chosen.load = lambda *args, **options: embedder
cli.main()
"""


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process, in tmp_path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chosen, "load", lambda *_, **__: toy_embedder())
    monkeypatch.setenv("COLUMNS", "80")

    # Else its name is taken from how Python was started, such as python -m pytest.
    monkeypatch.setattr(cli, "app", partial(cli.app, prog_name="polyseek"))

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["polyseek", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return Done(int(end.value.code or 0), out, err)

    return run


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "zh.md").write_text(ZH, "utf-8")
    (folder / "en.md").write_text(EN)
    return folder


def drive(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DRIVER, *arguments],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


# Each command, for people and for machines.


def test_index(run: Run, docs: Path) -> None:
    done = run("index", "docs")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(
        r"polyseek-kb: 2 new; 2 of 2 passages embedded in \d+\.\d s \([\d,]+ tokens/s\)\n", done.out
    )
    assert "2 unchanged; 0 of 0 passages embedded" in run("index", "docs").out


def test_index_json(run: Run, docs: Path) -> None:
    (docs / "bad.txt").write_bytes(b"\0\1\2")
    done = run("index", "docs", "--json")
    told = json.loads(done.out)
    assert told["new"] == ["en.md", "zh.md"]
    assert list(told["failed"]) == ["bad.txt"]
    assert told["embedded"] == 2
    assert (done.code, done.err) == (1, "")


def test_index_names_what_failed(run: Run, docs: Path) -> None:
    (docs / "bad.txt").write_bytes(b"\0\1\2")
    done = run("index", "docs")
    assert done.code == 1
    assert done.out.splitlines()[0].startswith("failed bad.txt: it has a NUL byte at offset 0")
    assert "2 new, 1 failed" in done.out.splitlines()[1]


def test_index_tells_of_files_that_it_does_not_read(run: Run, docs: Path) -> None:
    for name in ("a.pdf", "b.pdf", "c.docx"):
        (docs / name).write_bytes(b"%PDF")
    done = run("index", str(docs))
    assert "not read: 2 .pdf, 1 .docx; Markdown, plain text and HTML are" in done.out
    assert done.code == 0


def test_index_warns_where_there_is_no_document(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("index", "empty")
    assert done.code == 0
    assert done.err == (
        "warning: there was no document to read; Markdown, plain text and HTML are documents\n"
    )
    assert run("versions").code == 1


def test_search(run: Run, docs: Path) -> None:
    run("index", "docs")
    done = run("search", "login to the bastion host", "-k", "1")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(
        r"1  en\.md:1-3  en  \d\.\d{3}\n   Access\n   When a login to .* code first\.\n\n", done.out
    )


def test_search_json(run: Run, docs: Path) -> None:
    run("index", "docs")
    (hit,) = json.loads(run("search", "堡垒机登录失败", "-k", "1", "--json").out)
    assert (hit["path"], hit["language"]) == ("zh.md", "zh")
    assert hit["text"] == ZH.strip()
    assert hit["headings"] == ["访问控制"]
    assert sum(hit["parts"].values()) == pytest.approx(hit["score"])
    assert {"line_start", "line_end", "start", "end", "context", "title"} <= set(hit)


def test_search_explain_and_full(run: Run, docs: Path) -> None:
    (docs / "long.md").write_text("# Long\n\n" + "The long story of a ship. " * 20 + "\n\nEnd.")
    run("index", "docs")
    brief = run("search", "a long story", "-k", "1").out
    assert "…" in brief
    assert "meaning +" not in brief
    assert re.search(r"   meaning [+-]0\.\d{3}  sentence", run("search", "ship", "--explain").out)
    full = run("search", "a long story", "-k", "1", "--full").out
    assert "…" not in full
    assert "   End.\n" in full


def test_search_finds_nothing(run: Run, docs: Path) -> None:
    run("index", "docs")
    done = run("search", "cat", "--policy", "only:ko")
    assert done.code == 1
    assert "Nothing found. `polyseek status`" in done.out
    assert json.loads(run("search", "cat", "--policy", "only:ko", "--json").out) == []


def test_a_question_that_is_too_long_is_named_as_such(run: Run, docs: Path) -> None:
    run("index", "docs")
    done = run("search", "cat " * 600)
    assert (done.code, done.out) == (2, "")
    told = r"error: the question has 60\d tokens with its prompt and toy takes 512; ask something "
    assert re.fullmatch(told + r"shorter\n", done.err)


def test_status(run: Run, docs: Path) -> None:
    run("index", "docs")
    done = run("status", "--documents")
    assert done.code == 0
    rows = dict(line.split(maxsplit=1) for line in done.out.splitlines()[1:] if " " in line)
    assert rows["documents"] == "2"
    assert rows["languages"] == "en 1, zh 1"
    assert rows["model"] == "toy"
    assert done.out.splitlines()[-2:] == ["en.md", "zh.md"]
    told = json.loads(run("status", "--documents", "--json").out)
    assert told["paths"] == ["en.md", "zh.md"]
    assert told["statistics"]["languages"] == {"en": 1, "zh": 1}


def test_verify(run: Run, docs: Path, tmp_path: Path) -> None:
    run("index", "docs")
    done = run("verify")
    assert (done.code, done.out) == (0, "whole: documents, vectors and indexes agree\n")
    assert json.loads(run("verify", "--json").out) == {"problems": []}
    next(tmp_path.glob("polyseek-kb/derived/*/vectors.faiss")).write_bytes(b"broken")
    done = run("verify")
    assert done.code == 1
    assert done.out.startswith("problem ")
    assert len(json.loads(run("verify", "--json").out)["problems"]) == 1


def test_remove(run: Run, docs: Path) -> None:
    run("index", "docs")
    assert run("remove", "zh.md") == Done(0, "removed zh.md\n", "")
    assert json.loads(run("remove", "en.md", "--json").out) == {"removed": ["en.md"]}


def test_models(run: Run) -> None:
    done = run("models")
    assert done.code == 0
    assert "multilingual-e5-small" in done.out
    titles = ["model", "weights", "parameters", "dimensions", "tokens", "licence"]
    assert done.out.splitlines()[0].split() == titles
    assert all(cell_len(line) <= 80 for line in done.out.splitlines())
    assert json.loads(run("models", "--json").out)[0]["dimensions"] == 384


# Exit codes and errors: one line, on stderr, with the next step.


def failing(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Prepare the case; the arguments that fail."""
    if case == "model":

        def refuse(*_: object, **__: object) -> None:
            raise ModelError("no weights for toy; run once with --download")

        monkeypatch.setattr(chosen, "load", refuse)
    if case == "full":

        def full(*_: object, **__: object) -> None:
            raise StoreError("catalog.sqlite: the disk is full; free space")

        monkeypatch.setattr(KnowledgeBase, "index", full)
    return {
        "path": ["index", "nowhere"],
        "suffix": ["index", "a.pdf"],
        "policy": ["search", "cat", "--policy", "best"],
        "k": ["search", "cat", "-k", "0"],
        "empty": ["search", " "],
        "precision": ["search", "cat", "--precision", "int4"],
        "name": ["remove", "nothing.md"],
        "model": ["index", "docs", "--kb", "other"],
        "kb": ["search", "cat", "--kb", "other"],
        "mismatch": ["index", "docs", "--chunk-tokens", "17"],
        "full": ["index", "docs"],
        "locked": ["index", "docs"],
    }[case]


@pytest.mark.parametrize(
    ("case", "code", "told"),
    [
        ("path", 2, "nowhere: no such file or directory"),
        ("suffix", 2, r"these can: \.md"),
        ("policy", 2, "unknown policy 'best'; use one of: any"),
        ("k", 2, "k is 0; ask for at least 1 hit"),
        ("empty", 2, "the question is empty; ask something"),
        ("precision", 2, "precision cannot be 'int4' .*; set it with --precision or POLYSEEK"),
        ("name", 2, "polyseek status --documents"),
        ("model", 3, "run once with --download"),
        ("kb", 4, "other/catalog.sqlite is not there: index some documents first"),
        ("mismatch", 4, "chunk_tokens: .* there, 17 here"),
        ("full", 4, "free space"),
        ("locked", 5, rf"being written to by process {os.getpid()}: wait until it has finished"),
    ],
)
def test_errors(
    run: Run,
    docs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    code: int,
    told: str,
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    run("index", "docs")
    lock = WriterLock(tmp_path / "polyseek-kb")
    if case == "locked":
        lock.acquire()
    done = run(*failing(case, tmp_path, monkeypatch))
    lock.release()
    assert (done.code, done.out) == (code, "")
    assert re.search(told, done.err)
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["index"], ["search"], ["nonsense"], ["search", "a", "--nonsense"], ["-k"]]
)
def test_usage_errors(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: polyseek" in done.err


def test_the_documented_exit_codes_are_these() -> None:
    told = str(cli.app.info.epilog)
    assert sorted({0, 1, *cli.EXIT.values()}) == [0, 1, 2, 3, 4, 5]
    assert all(f"{code} " in told for code in range(6))


# Help.


@pytest.mark.parametrize(
    "command", ["index", "search", "status", "verify", "remove", "models", "serve"]
)
def test_help_teaches(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert f"Usage: polyseek {command}" in done.out
    assert command in run("--help").out
    assert all(cell_len(line) <= 80 for line in done.out.splitlines())
    undescribed = [
        line for line in done.out.splitlines() if re.fullmatch(r"│ +--[\w-]+ +<\w+> +│", line)
    ]
    assert not undescribed


def test_help_shows_brackets_as_they_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting's help, word for word, though [gpu] could be taken for markup."""
    monkeypatch.setenv("COLUMNS", "2000")
    told = " ".join(run(command, "--help").out for command in ("index", "search", "serve"))
    told = " ".join(told.replace("│", " ").split())
    assert "(pip install 'polyseek[gpu]')" in told
    helps = [describe(name) for name in Settings.model_fields if name != "model_key"]
    assert [each for each in helps if each not in told] == []


def test_version(run: Run) -> None:
    assert run("--version") == Done(0, f"polyseek {__version__}\n", "")


def test_help_of_policies_and_exit_codes(run: Run) -> None:
    told = " ".join(run("search", "--help").out.replace("│", " ").split())
    for policy in ("any", "prefer:LANG", "balanced", "only:LANG,LANG"):
        assert policy in told
    assert "Exit codes: 0 done" in run("--help").out


def test_without_a_command_help_is_shown(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "Usage: polyseek" in done.out + done.err


# Environment.


def test_the_environment_is_heeded_and_flags_win(
    run: Run, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYSEEK_KB", "from-environment")
    monkeypatch.setenv("POLYSEEK_CHUNK_TOKENS", "90")
    assert run("index", "docs").out.startswith("from-environment: 2 new")
    assert json.loads(run("status", "--json").out)["fingerprint"]["chunk_tokens"] == 90
    run("index", "docs", "--kb", "from-flag", "--chunk-tokens", "91")
    told = json.loads(run("status", "--json", "--kb", "from-flag").out)
    # status says what was made, whatever is wished for now.
    assert (told["path"], told["fingerprint"]["chunk_tokens"]) == ("from-flag", 91)


def test_a_bad_variable_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYSEEK_PRECISION", "int3")
    done = run("status")
    assert done.code == 2
    assert "POLYSEEK_PRECISION" in done.err


# What a terminal and a pipe get.


def test_a_pipe_gets_whole_lines_and_no_colour(tmp_path: Path, docs: Path) -> None:
    (docs / "long.md").write_text("# Long\n\n" + "堡垒机登录失败时先看错误码。" * 60, "utf-8")
    done = drive(tmp_path, "index", "docs", "--kb", "a-directory-" + "with-a-long-name-" * 6)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""  # no progress
    kb = next(tmp_path.glob("a-directory-*"))
    done = drive(tmp_path, "search", "堡垒机登录失败", "--kb", str(kb), FORCE_COLOR="")
    assert "\x1b" not in done.stdout
    assert max(cell_len(line) for line in done.stdout.splitlines()) > 200  # one line a snippet
    assert not [line for line in done.stdout.splitlines() if line.endswith(" ")]


def on_a_terminal(tmp_path: Path, columns: int, *arguments: str, **environment: str) -> str:
    """What a terminal of this width gets to show."""
    ours, theirs = pty.openpty()
    os.set_inheritable(theirs, True)
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    told = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not more:
            break
        told += more
    os.close(ours)
    process.wait(timeout=60)
    return told.decode()


def test_a_terminal_gets_colour_progress_and_lines_that_fit(tmp_path: Path, docs: Path) -> None:
    for n in range(40):
        (docs / f"{n}.md").write_text(f"# Note {n}\n\n" + f"Sentence {n} of it. " * 200)
    told = on_a_terminal(tmp_path, 80, "index", "docs", SLOW_S="0.01")
    assert re.search(r"\d+ of 42 files, \d+ passages, \d+ passages/s, \d\d:\d\d left", plain(told))
    assert plain(told).split("\n")[-3].startswith("polyseek-kb: 42 new;")

    told = on_a_terminal(tmp_path, 80, "search", "堡垒机登录失败", "-k", "2")
    assert "\x1b[" in told
    lines = plain(told).splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert not any("�" in line for line in lines)


def plain(told: str) -> str:
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", told).replace("\r", "\n")


def test_orders_to_the_terminal_are_not_passed_on(run: Run, docs: Path) -> None:
    evil = "# Cat \x1b[31m\n\nThe cat \x1b]0;owned\x07 sleeps \x9b2J here, says nobody at all.\n"
    (docs / "evil.md").write_text(evil, "utf-8")
    run("index", "docs")
    for arguments in (["-k", "3"], ["--full"], ["--explain"]):
        told = run("search", "the cat sleeps", *arguments).out
        assert "evil.md" in told
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", told)


def test_markup_and_emoji_codes_are_shown_as_they_are(run: Run, docs: Path) -> None:
    (docs / "[bold]x.md").write_text("# A [red]title[/red] :cat:\n\nThe [/] sign and :dog: code.\n")
    run("index", "docs")
    told = run("search", "title cat sign dog", "-k", "1").out
    assert "[bold]x.md:1-3" in told
    assert "A [red]title[/red] :cat:" in told
    assert "The [/] sign and :dog: code." in told


@pytest.mark.parametrize("width", [20, 37, 77])
@pytest.mark.parametrize(
    "text",
    [
        "堡垒机登录失败时，先看客户端最后一行输出的 `BST-1001` 错误码，再对照下表处理。",
        "When a login to the bastion host fails, look at the code on the last line.",
        "踏み台サーバーにログインできないときは、まずクライアントの表示を確認してください。",
        "x" * 300,
        "การเข้าสู่ระบบล้มเหลวเพราะรหัสผ่านไม่ถูกต้อง",
        "",
        "one",
        "👩‍👩‍👧‍👦 " * 30,
    ],
)
def test_wrapping(text: str, width: int) -> None:
    """Lines fit, are full where the script allows a break, and together they are the text."""
    lines = wrapped(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    if re.search("[\u4e00-\u9fff]", text):
        assert not any(line.startswith(("，", "。", "、")) for line in lines)
        assert all(cell_len(line) > width - 14 for line in lines[:-1])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# Title\n\nThe text.", "The text."),
        ("# Title", "# Title"),
        ("| a | b |\n| --- | :-: |\n| 1 | 2 |", "| a | b | | 1 | 2 |"),
        ("```bash\nls  -l\n```", "ls -l"),
        ("one\n\ntwo\tthree", "one two three"),
        ("", ""),
        ("---", ""),
    ],
)
def test_a_snippet_is_one_line(text: str, shown: str) -> None:
    assert snippet(hit(text)) == shown


def test_a_long_snippet_ends_with_an_ellipsis() -> None:
    for text in ("word " * 200, "字" * 400):
        told = snippet(hit(text))
        assert told.endswith(" …")
        assert 290 <= cell_len(told) <= 302


def hit(text: str) -> Hit:
    return Hit("a.md", text, 0.5, "en", 1, 1, 0, len(text))


# Interrupted.


def test_ctrl_c_leaves_a_whole_collection(tmp_path: Path, docs: Path) -> None:
    for n in range(600):
        (docs / f"{n:03}.md").write_text(f"# Note {n}\n\nThe note number {n}.\n")
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, "index", "docs"],
        cwd=tmp_path,
        env={**os.environ, "SLOW_S": "0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: documents_in(tmp_path) > 0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert "run it again" in err
    kept = documents_in(tmp_path)
    assert 0 < kept < 602

    with KnowledgeBase.open(tmp_path / "polyseek-kb", embedder=toy_embedder()) as kb:
        assert kb.search("note")
        (pending,) = kb.verify()
        assert f"the versions of {kept} documents have not been looked for" in pending
        assert kb.index([docs]).unchanged == kept
        assert len(kb.documents()) == 602
        assert kb.verify() == []


def documents_in(tmp_path: Path) -> int:
    try:
        status: Any = KnowledgeBase.open(tmp_path / "polyseek-kb").status()
    except StoreError:
        return 0
    return int(status.statistics.documents)


def wait_until(true: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
