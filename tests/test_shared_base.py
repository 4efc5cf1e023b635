"""A knowledge base on servers is used as one in a directory, and finds the same."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import pytest

from polyseek import KnowledgeBase
from polyseek.cli import main
from polyseek.errors import BadInput
from polyseek.store.milvus import MilvusIndex
from remote_double import MemoryIndex, MemoryServer
from toy import toy_embedder

_numbers = count()
DOCUMENTS = {
    "en/cats.md": "# Cats\n\nA cat sleeps in the sun.\n\n# Rain\n\nThe cat hates rain. E4711.\n",
    "en/dogs.md": "# Dogs\n\nA dog barks at the moon.\n",
    "zh/cats.md": "# 猫\n\n猫在太阳下睡觉。\n\n# 雨\n\n猫讨厌雨。E4711。\n",
    "ja/cats.md": "# 猫\n\n猫は日向で眠ります。\n",
}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    for name, text in DOCUMENTS.items():
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path / "docs"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch, postgres: str) -> str:
    server = MemoryServer()

    def opened(_: object, name: str, dimensions: int) -> MemoryIndex:
        return server.open(name, dimensions)

    monkeypatch.setattr(MilvusIndex, "open", opened)
    monkeypatch.setenv("POLYSEEK_CATALOG", postgres)
    return f"milvus://root:hunter2@127.0.0.1:19530/base_{next(_numbers)}"


QUESTIONS = ("Where does the cat sleep?", "猫讨厌什么？", "E4711", "dog moon")


def found(base: KnowledgeBase, policy: str) -> list[list[tuple[str, int, float]]]:
    return [
        [(h.path, h.line_start, round(h.score, 4)) for h in base.search(each, 5, policy)]
        for each in QUESTIONS
    ]


@pytest.mark.parametrize("policy", ["any", "only:zh,ja", "prefer:ja", "balanced"])
def test_it_finds_what_one_in_a_directory_finds(
    docs: Path, tmp_path: Path, address: str, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KnowledgeBase.open(address, embedder=toy_embedder()) as shared:
        report = shared.index([docs])
        assert sorted(report.new) == sorted(DOCUMENTS)
        there = found(shared, policy)
    monkeypatch.delenv("POLYSEEK_CATALOG")
    with KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder()) as local:
        local.index([docs])
        assert found(local, policy) == there


def test_what_changes_is_seen_by_who_has_it_open(docs: Path, address: str) -> None:
    with (
        KnowledgeBase.open(address, embedder=toy_embedder()) as one,
        KnowledgeBase.open(address, embedder=toy_embedder()) as other,
    ):
        one.index([docs])
        assert other.search("dog moon")[0].path == "en/dogs.md"
        assert one.remove(["en"]) == ["en/cats.md", "en/dogs.md"]
        assert {hit.path for hit in other.search("dog moon")} <= {"zh/cats.md", "ja/cats.md"}
        assert one.documents() == ["ja/cats.md", "zh/cats.md"]
        assert one.verify() == []
        assert one.index([docs]).new == ["en/cats.md", "en/dogs.md"]
        assert other.search("dog moon")[0].path == "en/dogs.md"
        status = other.status()
        assert status.path == address.replace("root:hunter2@", "")
        assert status.statistics.documents == 4
        assert status.statistics.stored_bytes > 0


def test_the_command_shows_no_secret(
    address: str, docs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with KnowledgeBase.open(address, embedder=toy_embedder()) as base:
        base.index([docs])
    monkeypatch.setattr(sys, "argv", ["polyseek", "status", "--kb", address])
    main_exits(0)
    told = capsys.readouterr().out
    assert "milvus://127.0.0.1:19530/base_" in told
    assert "hunter2" not in told


def main_exits(code: int) -> None:
    try:
        main()
    except SystemExit as ended:
        assert (ended.code or 0) == code


def test_a_catalog_that_is_not_named_is_asked_for(
    address: str, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLYSEEK_CATALOG")
    wanted = (
        r"polyseek index DOCUMENTS --kb milvus://127.0.0.1:19530/base_\d+ "
        r"--catalog postgresql://USER@HOST:5432/DATABASE"
    )
    with (
        KnowledgeBase.open(address, embedder=toy_embedder()) as base,
        pytest.raises(BadInput, match=wanted) as error,
    ):
        base.index([docs])
    assert "hunter2" not in str(error.value)


def test_a_catalog_beside_a_directory_is_refused(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYSEEK_CATALOG", "postgresql://u:hunter2@h/d")
    with (
        KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder()) as base,
        pytest.raises(BadInput, match="is a directory, which has its own") as error,
    ):
        base.index([docs])
    assert "hunter2" not in str(error.value)
