"""`polyseek export` and `polyseek import`, as a user meets them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from polyseek.cli import app
from polyseek.engine import chosen
from polyseek.transfer import export
from test_review import guides, made, opened

pytest.importorskip("pyarrow", reason="there is no pyarrow: pip install 'polyseek[parquet]'")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return re.sub(r"\s+", " ", done.output)


def test_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with made(tmp_path, guides()) as kb:
        toy = kb.embedder
        monkeypatch.setattr(chosen, "load", lambda *_, **__: toy)
        monkeypatch.chdir(tmp_path)
        wanted = [hit.path for hit in kb.search("cat and password")]
    told = run("export", "copy", "--kb", "kb")
    found = re.fullmatch(
        r"copy: 3 documents, (\d+) passages, (\d+) pairs of versions; 6 files, [\d.]+ MB "
        r"digest ([0-9a-f]{64}) ",
        told,
    )
    assert found, told
    made_json = json.loads(run("import", "copy", "--kb", "other", "--json"))
    assert made_json["digest"] == found[3]
    assert made_json["already"] is False
    assert made_json["counts"]["chunks"] == int(found[1])
    assert "all of it was there before" in run("import", "copy", "--kb", "other")
    assert "the copy is the same" in run("import", "copy", "--kb", "third")
    with opened(tmp_path) as again:
        again.path = tmp_path / "other"
        assert [hit.path for hit in again.search("cat and password")] == wanted
        assert again.verify() == []
        assert export(again, tmp_path / "copy-2").digest == found[3]
    as_json = json.loads(run("export", "copy-3", "--kb", "kb", "--json"))
    assert as_json["digest"] == found[3]
    assert as_json["directory"] == "copy-3"


@pytest.mark.parametrize("command", ["export", "import"])
def test_help_says_what_to_do(command: str) -> None:
    assert f"polyseek {command} backup --kb" in run(command, "--help")
