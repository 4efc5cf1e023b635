"""The command as a user meets it: output, errors, exit codes, against a server on loopback.

No time is compared, other than that nothing is answered before it can be.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from loadtest.faulty import Faulty, Says, late, raw, reply, status, vectors, well
from polyseek import cli

QUICK = ("--duration", "0.3", "--warmup", "0.1", "--timeout", "5", "--tokens", "12")
ANSWER = vectors({"model": "toy", "input": ["one"]})
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Iterator[Faulty]:
    with Faulty() as server:
        yield server


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, output, errors of `polyseek loadtest` with these arguments."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["polyseek", "loadtest", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return (int(end.value.code or 0), *capsys.readouterr())

    return run


def says_so(pattern: str, text: str) -> bool:
    """Whether a message, its lines joined, has it."""
    return re.search(pattern, " ".join(text.split())) is not None


def steps(out: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(out)["steps"]
    return found


def test_callers_and_rates(run: Run, server: Faulty, tmp_path: Path) -> None:
    server.says = [late(0.02)]
    svg = tmp_path / "chart.svg"
    given = "--concurrency", "1,3", "--rate", "20", "--svg", str(svg), "--json"
    code, out, err = run(server.url, *QUICK, "--duration", "1", *given)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert [step["step"] for step in told["steps"]] == ["1 caller", "3 callers", "20/s"]
    for step in told["steps"]:
        assert step["errors"] == {}
        assert step["answers"] == step["requests"] > 0
        assert step["latency_ms"]["p50"] >= 19
        assert step["latency_ms"]["p50"] <= step["latency_ms"]["p95"] <= step["latency_ms"]["p99"]
        assert step["memory"] == {"rss_mb": 125.0}
    assert told["steps"][2]["requests"] == 20
    assert told["model"] == "toy"
    assert told["settings"]["texts_per_request"] == 1
    assert set(told["versions"]) == {"polyseek", "httptools", "numpy", "uvloop"}
    assert not told["interrupted"]
    assert len(set(server.texts)) == len(server.texts)
    assert server.connections < len(server.texts) / 2  # kept open from request to request
    ElementTree.parse(svg)


def test_the_table(run: Run, server: Faulty) -> None:
    given = "--warmup", "0", "--concurrency", "2", "--max-requests", "20"
    code, out, _ = run(server.url, *QUICK, *given)
    head, titles, row, *notes = out.splitlines()
    assert code == 0
    assert head.startswith(f"toy at {server.url}: 0.3 s a step after 0 s of warm-up; ")
    assert " ".join(titles.split()) == (
        "requests/s tokens/s P50 ms P95 ms P99 ms answers errors MB"
    )
    assert row.split()[:2] == ["2", "callers"]
    assert "2 callers: --max-requests ended it early" in notes


def test_tokens_and_texts_of_a_request(run: Run, server: Faulty, tmp_path: Path) -> None:
    """The server counts words: two of the first text, three of the second."""
    file = tmp_path / "texts.txt"
    file.write_text("ein Text\nun autre texte\n", "utf-8")
    given = "--texts", "2", "--file", str(file), "--rate", "20", "--model", "other", "--json"
    code, out, _ = run(server.url, *QUICK, *given)
    assert code == 0
    assert steps(out)[0]["tokens_per_request"] == 5
    assert set(server.texts) == {"ein Text", "un autre texte"}
    assert any("sent more than once" in note for note in steps(out)[0]["notes"])


def test_the_key_is_sent_and_not_shown(
    run: Run, server: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYSEEK_MODEL_KEY", "secret-1")
    code, out, err = run(server.url, *QUICK, "--rate", "20", "--json")
    assert code == 0
    assert server.keys == {"Bearer secret-1", ""}  # /metrics is for anyone
    assert "secret" not in out + err


ENDS = [
    ([status(429, "queue full")], "429", "queue full"),
    ([status(500, "boom")], "500", "boom"),
    ([raw(b"", hang_up=True)], "connection closed", ""),
    ([raw(reply(200, "cut off")[:-1], hang_up=True)], "connection closed", ""),
    ([raw(b"SSH-2.0-OpenSSH\r\n")], "not HTTP", ""),
    ([raw(reply(200, "<html>hello</html>"))], "no vectors", "<html>hello</html>"),
    ([late(60)], "timeout", ""),
]  # fmt: skip


@pytest.mark.parametrize(("says", "kind", "reason"), ENDS)
def test_errors_are_counted_by_kind_and_are_in_no_latency(
    run: Run, server: Faulty, says: list[Says], kind: str, reason: str
) -> None:
    server.says = [well] * 8 + says
    given = "--warmup", "0", "--rate", "20", "--timeout", "1.5" if kind == "timeout" else "20"
    code, out, _ = run(server.url, *QUICK, *given, "--json")
    step = steps(out)[0]
    assert code == 1
    assert step["errors"] == {kind: 6}
    assert step["reasons"] == {kind: reason}
    assert step["latency_ms"] == {}


def test_after_a_step_without_answers_there_is_no_other(run: Run, server: Faulty) -> None:
    server.says = [well] * 8 + [status(500, "boom")]
    code, out, _ = run(server.url, *QUICK, "--concurrency", "1,2,4")
    assert code == 1
    assert re.search(r"1 caller: \d+ times 500: boom", out)
    assert "2 callers" not in out


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (status(401, "no API key"), r"answers 401 \(no API key\).*POLYSEEK_MODEL_KEY"),
        (status(429, "queue full"), r"answers 429 \(queue full\).*even a single request"),
        (status(500, "boom"), r"answers 500 \(boom\), before the load"),
        (raw(reply(307, "")), "answers 307.*the address it leads to"),
        (raw(b"", hang_up=True), "connection closed.*hangs up"),
        (raw(b"SSH-2.0\r\n"), "not HTTP.*https://"),
        (raw(reply(200, "<html>")), r"no vectors \(<html>\).*with /v1 at its end"),
        (raw(reply(200, {"data": [{"embedding": []}]})), "no vectors"),
    ],
)
def test_what_is_wrong_from_the_start_is_told_before_the_load(
    run: Run, server: Faulty, says: Says, told: str
) -> None:
    server.says = [says]
    code, out, err = run(server.url, *QUICK)
    assert (code, out) == (3, "")
    assert says_so(told, err)
    assert len(server.texts) == 1


def test_a_server_that_stalls_from_the_start(run: Run, server: Faulty) -> None:
    server.says = [late(60)]
    code, _, err = run(server.url, *QUICK[:-4], "--timeout", "0.2")
    assert code == 3
    assert says_so("timeout, before the load.*--timeout allows it longer", err)


def test_a_server_that_is_not_there(run: Run, server: Faulty) -> None:
    code, _, err = run("http://127.0.0.1:1/v1", *QUICK)
    assert code == 3
    assert says_so("connection refused.*start the server", err)
    server.models = None
    code, _, err = run(server.url, *QUICK)
    assert code == 2
    assert says_so("does not list its models.*--model", err)
    code, _, err = run(server.url[:-3], *QUICK, "--model", "toy")
    assert code == 3
    assert says_so("answers 404.*ends with /v1", err)


def test_an_interrupted_run_tells_what_was_finished(server: Faulty) -> None:
    asking, stalled = 0, threading.Event()

    async def stall_for_two(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        """The first step has one caller."""
        nonlocal asking
        asking += 1
        if asking > 1:
            stalled.set()
            await asyncio.sleep(600)
        await asyncio.sleep(0.01)
        asking -= 1
        writer.write(reply(200, vectors(body)))

    server.says = [stall_for_two]
    program = "from polyseek.cli import main; main()"
    flags = "--concurrency", "1,2", "--duration", "0.5", "--warmup", "0", "--timeout", "600"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "loadtest", server.url, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert stalled.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "1 caller " in out
    assert "2 callers" not in out
    assert "interrupted: these steps were finished" in out


def test_a_name_with_several_addresses(run: Run, server: Faulty) -> None:
    """Often ::1 comes first, where nobody listens here."""
    code, _, err = run(server.url.replace("127.0.0.1", "localhost"), *QUICK, "--rate", "20")
    assert (code, err) == (0, "")


def test_no_address_and_no_other_machine(run: Run) -> None:
    assert run(*QUICK)[0] == 2
    code, _, err = run("http://example.com/v1", *QUICK)
    assert code == 2
    assert says_so("example.com is not this machine.*--remote", err)


def test_answers_whose_end_is_the_connection_s(run: Run, server: Faulty) -> None:
    """As of HTTP/1.0: no length is told, and each request has a connection of its own."""
    server.says = [raw(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(ANSWER).encode(), hang_up=True)]
    code, out, _ = run(server.url, *QUICK, "--rate", "20", "--json")
    assert code == 0
    assert steps(out)[0]["answers"] == 6
    assert server.connections > 6


def test_answers_in_chunks(run: Run, server: Faulty) -> None:
    body = json.dumps(ANSWER).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:], b""))
    server.says = [raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks)]
    code, out, _ = run(server.url, *QUICK, "--rate", "20", "--json")
    assert code == 0
    assert steps(out)[0]["tokens_per_request"] == 1
