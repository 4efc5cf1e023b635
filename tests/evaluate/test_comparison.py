"""What is compared, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polyseek.errors import BadInput, ModelError
from polyseek.eval_report import compared
from polyseek.evaluate.compare_page import page
from polyseek.evaluate.comparison import (
    Result,
    Way,
    check,
    run,
    split_instructions,
    split_policies,
    summary,
    ways,
)
from polyseek.evaluate.questions import read_questions


def test_every_combination() -> None:
    made = ways({"model": ["a", "b"], "chunker": ["structure"], "policy": ["any", "balanced"]})
    assert [way.name for way in made] == ["a, any", "a, balanced", "b, any", "b, balanced"]
    assert made[2].options == {"model": "b", "chunker": "structure", "policy": "any"}
    assert [way.name for way in ways({"model": ["a"], "policy": []})] == ["a"]


@pytest.mark.parametrize(
    ("given", "policies"),
    [
        ("any", ["any"]),
        ("any, balanced", ["any", "balanced"]),
        ("only:en,zh,any", ["only:en,zh", "any"]),
        ("prefer:en,only:zh,ja,balanced", ["prefer:en", "only:zh,ja", "balanced"]),
        ("", []),
    ],
)
def test_policies_have_commas_of_their_own(given: str, policies: list[str]) -> None:
    assert split_policies(given) == policies


def test_a_sentence_keeps_its_commas() -> None:
    given = ["legal, technical", "Given a rule, find who it binds"]
    assert split_instructions(given) == ["legal", "technical", "Given a rule, find who it binds"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    (folder / "cats.md").write_text("# Cats\n\nCats sleep all day.\n\n# Dogs\n\nDogs bark.\n")
    row = {"question": "What do cats do?", "answers": ["cats.md#cats"]}
    (folder / "questions.jsonl").write_text(json.dumps(row))
    return folder


def test_what_cannot_run_is_listed_and_the_others_run(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("POLYSEEK_CACHE", str(tmp_path))
    asked = ways({"model": ["multilingual-e5-small", "no-such-model"]})
    results = [run(folder, way, ["--precision=int8"]) for way in asked]
    assert results[0].record is not None
    assert results[0].record["kind"] == "eval"
    assert results[1].record is None
    assert "no-such-model" in results[1].failed
    told = summary(results)
    assert [each["name"] for each in told["runs"]] == ["multilingual-e5-small", "no-such-model"]
    assert told["runs"][0]["record"]["figures"]["RR@5"]["mean"] == 1.0
    assert told["runs"][0]["against_first"] is None
    compared(told)
    shown = capsys.readouterr().out
    assert "not run no-such-model: " in shown
    _, _, matrix = shown.partition(
        "multilingual-e5-small: MRR@5 by language of question (rows) and passage\n"
    )
    assert [line.split() for line in matrix.splitlines()[:2]] == [["en"], ["en", "1.000"]]
    made = page(summary([results[0], Result(Way("again", {}), {**results[0].record}), results[1]]))
    _, _, against = made.partition("<h2>Against multilingual-e5-small</h2>")
    assert "again" in against
    assert "0.000" in against.partition("<h2>")[0]
    assert "no-such-model" in against
    with pytest.raises(BadInput, match="none of them ran: no-such-model: "):
        summary(results[1:])


def test_an_endpoint_is_named_by_its_address(folder: Path) -> None:
    """Nothing listens there: what is told is about the address, and not about a model's name."""
    result = run(folder, Way("x", {"model": "e5@http://127.0.0.1:9/v1"}), [])
    assert result.record is None
    assert "127.0.0.1:9" in result.failed


def test_what_is_asked_is_checked_before_anything_runs(folder: Path) -> None:
    data = read_questions(folder)
    check(ways({"model": ["multilingual-e5-small", str(folder), "x@http://h/v1"]}), data)
    check(ways({"chunker": ["structure", "window"], "policy": ["any", "only:en,de"]}), data)
    with pytest.raises(ModelError, match="unknown model 'e5-smal'; did you mean"):
        check(ways({"model": ["multilingual-e5-small", "e5-smal"]}), data)
    with pytest.raises(BadInput, match="unknown chunker 'structur'; there are structure, "):
        check(ways({"chunker": ["structur"]}), data)
    with pytest.raises(BadInput, match=r"policy only:de: no document of .* in de; they are in en"):
        check(ways({"policy": ["any", "only:de"]}), data)
    with pytest.raises(BadInput, match="nothing to compare: window is one way; name two or more"):
        check(ways({"chunker": ["window"]}), data)
    with pytest.raises(BadInput, match="nothing to compare: nothing is named"):
        check(ways({}), data)
