"""A knowledge base whose model is behind an endpoint, from indexing to a killed run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_endpoint import FakeEndpoint, slow, status
from polyseek import KnowledgeBase, cli
from polyseek.engine import connect as connecting
from polyseek.engine.endpoint import Endpoint, Patience
from polyseek.errors import BadInput, FingerprintMismatch, ModelError, StoreError
from polyseek.ingest import FLUSH_CHUNKS
from toy import GLOSSARY, toy_embedder

PROMPTS = {"query_prompt": "query: ", "passage_prompt": "passage: "}


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as fake:
        yield fake


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Short waits, and a cache of its own for what is calibrated."""
    patience = Patience(wait_s=0.001, answer_s=10)
    monkeypatch.setattr(connecting, "Endpoint", lambda url, key, _: Endpoint(url, key, patience))
    monkeypatch.setenv("POLYSEEK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "cats.md").write_text("# Cats\n\nA cat sleeps on the server.\n")
    (folder / "dogs.md").write_text("# Dogs\n\nA dog walks through the rain. It is happy.\n")
    (folder / "zh.md").write_text("# 猫\n\n猫在服务器上睡觉。\n", "utf-8")
    return folder


def opened(tmp_path: Path, fake: FakeEndpoint, **settings: str) -> KnowledgeBase:
    given: dict[str, Any] = {"model_url": fake.url, **settings}
    return KnowledgeBase.open(tmp_path / "kb", **given)


def test_it_finds_what_the_model_here_finds(tmp_path: Path, docs: Path, fake: FakeEndpoint) -> None:
    with opened(tmp_path, fake, **PROMPTS) as kb:
        assert kb.index([docs]).embedded == 3
        fake.bodies.clear()
        hits = kb.search("the rain", k=3)
        assert fake.texts[-1] == "query: the rain"
        assert kb.verify() == []
        assert kb.versions().documents is not None
    with KnowledgeBase.open(tmp_path / "local", embedder=toy_embedder()) as local:
        local.index([docs])
        wanted = local.search("the rain", k=3)
    assert [hit.path for hit in hits] == [hit.path for hit in wanted]
    assert hits[0].score == pytest.approx(wanted[0].score, abs=1e-3)


def test_it_is_used_as_it_was_made(tmp_path: Path, docs: Path, fake: FakeEndpoint) -> None:
    """The prompts are the knowledge base's, and so is the model, if the endpoint has several."""
    with opened(tmp_path, fake, **PROMPTS) as kb:
        kb.index([docs])
        made_with = kb.status().fingerprint
    assert made_with["precision"] == "remote"
    assert fake.url not in json.dumps(dict(made_with))
    fake.entries = [{"id": "another"}, {"id": "toy"}]
    with opened(tmp_path, fake) as kb:
        assert kb.index([docs]).unchanged == 3
        fake.bodies.clear()
        assert kb.search("cat")
        assert {body["model"] for body in fake.bodies} == {"toy"}
        assert fake.texts[-1] == "query: cat"
    with FakeEndpoint() as moved, opened(tmp_path, moved) as kb:
        assert kb.search("cat")


def test_without_its_endpoint_it_says_so(tmp_path: Path, docs: Path, fake: FakeEndpoint) -> None:
    with opened(tmp_path, fake) as kb:
        kb.index([docs])
    with pytest.raises(
        ModelError, match=r"made with toy behind an endpoint; give .*--model-url or"
    ):
        KnowledgeBase.open(tmp_path / "kb").search("cat")
    assert KnowledgeBase.open(tmp_path / "kb").status().statistics.documents == 3


@pytest.mark.parametrize("given", [*PROMPTS, "model_tokens"])
def test_what_only_an_endpoint_heeds_is_refused_without_one(
    tmp_path: Path, docs: Path, given: str
) -> None:
    settings: dict[str, Any] = {given: "100"}
    kb = KnowledgeBase.open(tmp_path / "kb", **settings)
    with pytest.raises(BadInput, match=rf"^{given} is '?100'?, which only a model behind an endp"):
        kb.index([docs])


def test_another_model_behind_the_same_name(tmp_path: Path, docs: Path, fake: FakeEndpoint) -> None:
    with opened(tmp_path, fake) as kb:
        kb.index([docs])
    fake.embedder = toy_embedder(glossary=GLOSSARY)
    with (
        opened(tmp_path, fake) as kb,
        pytest.raises(FingerprintMismatch, match=r"weights: 'sketch:.* there, 'sketch:.* here"),
    ):
        kb.search("cat")
    fake.embedder = toy_embedder()
    for other in ({"model": "tox"}, {"passage_prompt": "passage: "}):
        with opened(tmp_path, fake, **other) as kb, pytest.raises(FingerprintMismatch):
            kb.index([docs])
    local = KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder())
    with pytest.raises(FingerprintMismatch, match="precision: 'remote' there, 'toy' here"):
        local.search("cat")


def test_an_endpoint_for_a_knowledge_base_of_this_machine(
    tmp_path: Path, docs: Path, fake: FakeEndpoint
) -> None:
    """POLYSEEK_MODEL_URL that was set for another one."""
    with KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder()) as local:
        local.index([docs])
    with opened(tmp_path, fake) as kb, pytest.raises(FingerprintMismatch) as refused:
        kb.search("cat")
    assert "was made with toy on this machine, and --model-url or POLYSEEK_MODEL_URL" in str(
        refused.value
    )


def many(docs: Path) -> None:
    for n in range(2 * FLUSH_CHUNKS):
        (docs / f"{n:04}.txt").write_text(f"note {n}")


def test_a_run_whose_endpoint_goes_away_goes_on(
    tmp_path: Path, docs: Path, fake: FakeEndpoint
) -> None:
    many(docs)
    with opened(tmp_path, fake) as kb:
        kb.embedder.fingerprint  # noqa: B018 - the sketch is asked for before the trouble begins
        fake.faults = [None] * (FLUSH_CHUNKS // 32 + 2)
        fake.always = status(500, "out of memory on the card")
        with pytest.raises(ModelError, match="out of memory on the card"):
            kb.index([docs])
        kept = len(kb.documents())
        assert 0 < kept < 2 * FLUSH_CHUNKS
        fake.always = None
        fake.bodies.clear()
        report = kb.index([docs])
        assert report.unchanged == kept
        assert report.embedded == 2 * FLUSH_CHUNKS + 3 - kept
        assert kb.verify() == []


def test_a_killed_run_goes_on(tmp_path: Path, docs: Path, fake: FakeEndpoint) -> None:
    many(docs)
    fake.always = slow(0.05)
    arguments = ["index", "docs", "--kb", "kb", "--model-url", fake.url]
    program = f"import sys; sys.argv[1:] = {arguments}; from polyseek.cli import main; main()"
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path) as process:
        end = time.monotonic() + 60
        while documents(tmp_path) == 0:
            assert time.monotonic() < end, "waited in vain"
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    fake.always = None
    with opened(tmp_path, fake) as kb:
        kept = len(kb.documents())
        assert kb.index([docs]).unchanged == kept
        assert len(kb.documents()) == 2 * FLUSH_CHUNKS + 3
        assert kb.verify() == []


def documents(tmp_path: Path) -> int:
    try:
        return len(KnowledgeBase.open(tmp_path / "kb").documents())
    except StoreError:  # not there yet
        return 0


def test_the_commands(
    tmp_path: Path,
    docs: Path,
    fake: FakeEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYSEEK_MODEL_KEY", "sesame")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["polyseek", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    at = ("--model-url", fake.url)
    assert run("index", "docs", *at, "--query-prompt", "query: ", "--model", "toy")[0] == 0
    assert set(fake.keys) == {"Bearer sesame"}
    code, out, _ = run("search", "the rain", *at, "-k", "1", "--json")
    assert (code, json.loads(out)[0]["path"]) == (0, "dogs.md")
    assert run("verify", *at)[0] == 0
    assert run("remove", "zh.md", *at)[0] == 0
    code, out, err = run("search", "the rain")
    assert (code, out) == (3, "")
    assert "give its address with --model-url" in err
    assert "sesame" not in run("status")[1]
    code, _, err = run("search", "cat", *at, "--instruction", "legal")
    assert (code, "toy takes no instruction" in err) == (2, True)
