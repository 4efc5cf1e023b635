"""scripts/ask.py, which the demo shows: hits with their versions, few lines a hit."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from polyseek.engine import chosen
from test_review import guides, made
from toy import GLOSSARY, toy_embedder

SCRIPT = Path(__file__).parents[1] / "scripts" / "ask.py"


def test_every_hit_is_shown_with_its_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kb = made(tmp_path, guides())
    question = "a backup of the server"
    hits = kb.search(question, k=5)
    kb.close()
    monkeypatch.setattr(chosen, "load", lambda *_, **__: toy_embedder(glossary=GLOSSARY))
    monkeypatch.setattr(sys, "argv", ["ask.py", str(kb.path), question])
    monkeypatch.setenv("COLUMNS", "100")
    runpy.run_path(str(SCRIPT), run_name="__main__")
    _, asked, *lines = capsys.readouterr().out.splitlines()
    assert asked == f"? {question}"
    first, *others = hits
    assert len(lines) == 1 + len(first.versions) + 2 * len(others)
    names = [f"{each.language}  {each.headings[-1]}" for each in first.versions]
    assert all(
        line.startswith(f"     = {name}  ") for name, line in zip(names, lines[1:], strict=False)
    )
    for hit, line in zip(others, lines[2 + len(first.versions) :: 2], strict=True):
        names = [f"{each.language}  {each.headings[-1]}" for each in hit.versions]
        assert line == "     = " + "   ".join(names)
