"""Instructions: profiles and free text, per question and per knowledge base, and what they move.
The words of the toy's instruction count like those of the question, so answers can be known."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyseek import KnowledgeBase, cli
from polyseek.engine import chosen
from polyseek.errors import BadInput, FingerprintMismatch
from polyseek.instructing import SENTENCES, compare
from polyseek.languages import calibration
from polyseek.languages.means import measure, under
from polyseek.models.instructions import PROFILES, resolve
from toy import Told, toy_embedder, toy_vector

FISH = "Given a fish, retrieve fish"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "cats.md").write_text("The cat sleeps on the warm server.\n")
    (folder / "fish.md").write_text("A fish that is retrieved given fish.\n")
    return folder


def opened(tmp_path: Path, told: Told = "query", **settings: Any) -> KnowledgeBase:  # noqa: ANN401
    return KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder(told=told), **settings)


def first(kb: KnowledgeBase, **options: str) -> str:
    return kb.search("cat", k=1, **options)[0].path  # type: ignore[arg-type]


# Names and texts.


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_an_english_sentence(name: str) -> None:
    task = resolve(name)
    assert task == resolve(f" {name.upper()} ") == PROFILES[name]
    assert task.isascii()
    assert task.startswith("Given ")
    assert not task.endswith(".")
    assert task == " ".join(task.split())


def test_the_general_one_is_the_one_of_the_models_card() -> None:
    assert (
        resolve("general")
        == "Given a web search query, retrieve relevant passages that answer the query"
    )


def test_a_text_is_its_own_task() -> None:
    assert resolve(f"  {FISH}\n") == FISH
    assert resolve("") == resolve(" ") == ""
    assert resolve("規程を探す") == "規程を探す"


def test_a_mistyped_profile_is_named() -> None:
    with pytest.raises(BadInput, match="unknown instruction 'leagl'; did you mean 'legal'"):
        resolve("leagl")
    with pytest.raises(BadInput, match=r"Profiles are general, technical, .*; or write a sent"):
        resolve("zzz")
    with pytest.raises(BadInput, match="several lines"):
        resolve("Given this\nQuery: retrieve that")


# Per question and per knowledge base.


def test_an_instruction_goes_before_the_question(tmp_path: Path, docs: Path) -> None:
    with opened(tmp_path) as kb:
        kb.index([docs])
        assert first(kb) == "cats.md"
        assert first(kb, instruction=FISH) == "fish.md"
        assert first(kb) == "cats.md"
    assert first(opened(tmp_path, instruction=FISH)) == "fish.md"
    kb = opened(tmp_path, instruction="legal")
    assert first(kb, instruction=FISH) == "fish.md"  # the question's own wins


def test_a_knowledge_base_keeps_its_instruction(tmp_path: Path, docs: Path) -> None:
    opened(tmp_path, instruction=FISH).index([docs])
    assert first(opened(tmp_path)) == "fish.md"
    kb = opened(tmp_path, instruction="legal")
    assert kb.status().instruction == FISH
    assert kb.search("cat")  # no mismatch: no stored vector knows of it
    before = opened(tmp_path).status().fingerprint
    assert "instruction" not in before
    assert opened(tmp_path).index([docs]).unchanged == 2
    assert opened(tmp_path).status().instruction == FISH
    assert opened(tmp_path, instruction="technical").index([docs]).embedded == 0
    assert opened(tmp_path).status().instruction == PROFILES["technical"]
    assert opened(tmp_path).status().fingerprint == before
    assert opened(tmp_path).verify() == []


def test_a_model_that_takes_none_refuses(tmp_path: Path, docs: Path) -> None:
    opened(tmp_path, "").index([docs])
    for verb in (
        lambda: opened(tmp_path, "").search("cat", instruction="legal"),
        lambda: opened(tmp_path, "", instruction="legal").search("cat"),
        lambda: opened(tmp_path, "", instruction="legal").index([docs]),
    ):
        with pytest.raises(BadInput, match="toy takes no instruction for a query, and got 'Given"):
            verb()
    with pytest.raises(BadInput, match="unknown instruction 'lgal'"):
        opened(tmp_path, "").search("cat", instruction="lgal")


def test_where_passages_are_told_it_is_in_the_fingerprint(tmp_path: Path, docs: Path) -> None:
    opened(tmp_path, "both", instruction=FISH).index([docs])
    kb = opened(tmp_path, "both")
    assert kb.status().fingerprint["instruction"] == FISH
    assert kb.index([docs]).unchanged == 2  # as it was made
    view = kb._fresh_view()
    stored = np.asarray(view.catalog.vectors(view.ids), np.float32)
    texts = [row.chunk.embedded_text for row in view.rows(view.ids)]
    want = toy_embedder(told="both").embed(texts, "passage", instruction=FISH)
    assert np.allclose(stored, want, atol=1e-3)
    kb.close()
    with pytest.raises(FingerprintMismatch, match=f"instruction: '{FISH}' there, 'Given a legal"):
        opened(tmp_path, "both", instruction="legal").index([docs])


def test_the_means_of_questions_follow_an_instruction() -> None:
    """What is measured on one question a language is near what all of them give."""
    embedder = toy_embedder(told="query")

    def plain(texts: object, role: object) -> np.ndarray:
        return embedder.embed(texts, role)  # type: ignore[arg-type]

    def instructed(texts: object, role: object) -> np.ndarray:
        task = FISH if role == "query" else ""
        return embedder.embed(texts, role, instruction=task)  # type: ignore[arg-type]

    before, truth = measure(plain), measure(instructed)
    found = under(before, plain, instructed)
    for kind in ("question", "title"):
        wanted, off, left = (
            np.mean([getattr(means, kind)[name] for name in calibration.languages()], axis=0)
            for means in (truth, before, found)
        )
        assert np.linalg.norm(left - wanted) < 0.5 * np.linalg.norm(off - wanted)
    assert found.passage is before.passage


# `polyseek instruct`.


def test_what_moves_can_be_worked_out() -> None:
    own, told = compare(toy_embedder(told="query"), ["cat dog", "fish"], [FISH])
    assert (own.name, own.task, told.name, told.task) == ("own", "", FISH, FISH)
    question = toy_vector(*FISH.replace(",", "").split(), "cat", "dog")
    passages = np.stack([toy_vector("cat", "dog"), toy_vector("fish")])
    assert np.allclose(told.similarities[0], passages @ question, atol=1e-3)
    plain = passages @ toy_vector("cat", "dog")
    assert np.allclose(own.similarities[0], plain, atol=1e-3)
    assert np.allclose(told.moves[0], passages @ question - plain, atol=1e-3)
    assert told.moves[0][1] > 0.3 > own.moves[0][1] == 0
    assert told.furthest()[0][:2] == (0, 1)
    assert len(told.furthest()) == 2


def test_every_profile_by_default() -> None:
    found = compare(toy_embedder(told="query"), SENTENCES)
    assert [each.name for each in found] == ["own", *PROFILES]


def test_a_profile_that_says_what_the_model_is_told_anyway_is_shown_once() -> None:
    """Qwen3's own instruction is the profile `general`."""
    embedder = toy_embedder(told="query")
    embedder.spec = replace(embedder.spec, instruction=PROFILES["general"])
    found = compare(embedder, SENTENCES)
    others = [name for name in PROFILES if name != "general"]
    assert [each.name for each in found] == ["own, the same as general", *others]
    assert found[0].task == PROFILES["general"]
    (alone,) = compare(embedder, SENTENCES, ["general"])
    assert alone == found[0]


def test_what_cannot_be_compared() -> None:
    for nothing in ("", "  "):
        with pytest.raises(BadInput, match="an instruction is empty; name a profile or write a se"):
            compare(toy_embedder(told="query"), SENTENCES, ["legal", nothing])
    with pytest.raises(BadInput, match="toy takes no instruction, so nothing can move; name a mod"):
        compare(toy_embedder(), SENTENCES)
    with pytest.raises(BadInput, match="sentences to compare: 1; give at least two"):
        compare(toy_embedder(told="query"), ["one"])


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> object:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chosen, "load", lambda *_, **__: toy_embedder(told="query"))

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["polyseek", *arguments])
        capsys.readouterr()
        try:
            cli.main()
        except SystemExit as end:
            assert not end.code, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def test_the_command(run: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(run)
    told = run("instruct", "--instruction", FISH, "--instruction", "legal", "cat dog", "fish")
    assert told.splitlines()[:2] == ["  1  cat dog", "  2  fish"]
    assert f"\nlegal  {PROFILES['legal']}\n" in told
    assert told.count(FISH) == 1, "a title does not say it twice"
    assert "moved furthest: 1 to 2 +0." in told
    monkeypatch.setattr(sys, "stdin", io.StringIO("cat dog\n\nfish\n"))
    found = json.loads(run("instruct", "-", "--json"))
    assert found["sentences"] == ["cat dog", "fish"]
    assert [each["name"] for each in found["instructions"]] == ["own", *PROFILES]
    assert len(json.loads(run("instruct", "--json"))["sentences"]) == len(SENTENCES)


def test_index_and_search_take_one(run: object, docs: Path) -> None:
    assert callable(run)
    run("index", "docs", "--instruction", FISH)
    assert json.loads(run("search", "cat", "--json"))[0]["path"] == "fish.md"
    assert FISH in run("status")
    found = run("search", "cat", "--json", "--instruction", "The cat sleeps on the warm server")
    assert json.loads(found)[0]["path"] == "cats.md"
