"""A knowledge base of the toy model put to questions, in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from polyseek import KnowledgeBase, eval_commands
from polyseek.cli import app
from polyseek.errors import BadInput
from polyseek.eval_commands import _kept
from polyseek.evaluate import record
from polyseek.evaluate.compared import changed, differences
from polyseek.evaluate.evaluation import Evaluation, Options, evaluate
from polyseek.evaluate.names import told_difference
from polyseek.evaluate.page import page
from polyseek.evaluate.questions import read_questions
from polyseek.evaluate.read import read_dataset
from polyseek.settings import read_settings
from toy import GLOSSARY, toy_embedder

TEXTS = {
    "en/cats.md": "# Cats\n\nA cat sleeps all day.\n",
    "de/katzen.md": "# Katzen\n\nEine Katze schläft den ganzen Tag.\n",
    "en/dogs.md": "# Dogs\n\nA dog barks at night.\n",
}
CAT, DOG = "Cats A cat sleeps all day.", "Dogs A dog barks at night."
ROWS = [
    {"id": "cat", "lang": "en", "question": CAT, "answers": ["en/cats.md#cats"]},
    {"id": "dog", "lang": "en", "question": DOG, "answers": ["en/dogs.md"]},
    {"id": "wrong", "lang": "en", "question": DOG, "answers": ["en/cats.md:3"]},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in TEXTS.items():
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    rows = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "docs" / "questions.jsonl").write_text(rows, "utf-8")
    return tmp_path / "docs"


def opened(folder: Path, kb: str = "kb") -> KnowledgeBase:
    return KnowledgeBase.open(folder.parent / kb, embedder=toy_embedder(glossary=GLOSSARY))


def evaluated(folder: Path, **options: Any) -> Evaluation:  # noqa: ANN401
    with opened(folder) as base:
        return evaluate(base, read_questions(folder), Options(**options))


def test_figures(folder: Path) -> None:
    found = evaluated(folder, cuts=(1, 5), grouped=False)
    assert found.values["RR@1"] == {"cat": 1.0, "dog": 1.0, "wrong": 0.0}
    assert found.values["R@5"] == {"cat": 1.0, "dog": 1.0, "wrong": 1.0}
    assert found.figures["RR@1"].mean == pytest.approx(2 / 3)
    assert found.passages == 3
    assert found.speed.tokens_per_s > 0
    assert found.speed.memory_mb > 10


def test_a_record_is_read_again_as_it_was_written(folder: Path, tmp_path: Path) -> None:
    made = evaluated(folder).record
    record.write(tmp_path / "r.json", record.text_of(made))
    assert record.read(tmp_path / "r.json", "eval") == record.plain(made)
    assert made["dataset"]["documents"] == 3
    assert made["model"]["chunker"] == 2
    assert [each["values"]["RR@5"] for each in made["questions"]][:2] == [1.0, 1.0]


def test_a_figure_that_there_is_not_is_null(folder: Path) -> None:
    told = json.loads(record.text_of(evaluated(folder).record))
    assert told["bias"]["every_language"] is None  # no question has answers in two languages
    assert told["across"] is None


def test_differences_are_of_each_question(folder: Path) -> None:
    found = evaluated(folder, cuts=(5,), grouped=False).record
    before = json.loads(json.dumps(found))
    for each in before["questions"]:
        each["values"]["RR@5"] = 0.0
    row = next(row for row in differences(before, found) if row["measure"] == "RR@5")
    gained = [each["values"]["RR@5"] for each in found["questions"]]
    assert row["mean"] == pytest.approx(sum(gained) / 3)
    assert row["low"] <= row["mean"] <= row["high"]
    same = next(row for row in differences(found, found) if row["measure"] == "RR@5")
    assert (same["mean"], same["p"]) == (0.0, 1.0)


def test_other_data_is_not_compared(folder: Path) -> None:
    before = evaluated(folder).record
    (folder / "en" / "dogs.md").write_text("# Dogs\n\nA dog barks by day.\n")
    with pytest.raises(BadInput, match=r"documents, questions or answers have changed"):
        differences(before, evaluated(folder).record)


def test_the_page_names_nothing_outside_and_what_is_in_it_is_text(folder: Path) -> None:
    made = record.plain(evaluated(folder).record)
    made["questions"][2]["text"] = "<script>alert(1)</script>"
    shown = page(made)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "http" not in shown
    assert "<script" not in shown
    for name in ("MRR@5", "recall@10", "mAP", "toy"):
        assert name in shown


def test_a_knowledge_base_as_it_is_has_to_have_the_answers(folder: Path) -> None:
    data = read_questions(folder)
    with opened(folder, "other") as base:
        base.index([folder / "en"])  # names without their folder
        with pytest.raises(BadInput, match=r"has no document 'en/cats.md', which answers 'cat'"):
            evaluate(base, data, index=False)
    with opened(folder) as base:
        base.index([folder])
        documents = base.documents()
        evaluate(base, data, index=False)
        assert base.documents() == documents


def test_each_way_to_make_a_knowledge_base_is_kept_apart_however_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = read_questions(folder)
    kept = eval_commands._kept(data, read_settings(), "structure")
    assert eval_commands._kept(data, read_settings(port=1), "structure") == kept
    others = {
        eval_commands._kept(data, read_settings(), "window"),
        eval_commands._kept(data, read_settings(chunk_tokens=99), "structure"),
    }
    monkeypatch.setenv("POLYSEEK_MODEL", "bge-m3")
    others.add(eval_commands._kept(data, read_settings(), "structure"))
    assert len(others - {kept}) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["eval", "nowhere"], "nowhere: no such file or directory"),
        (["eval", "FOLDER", "--at", "5,x"], "--at is '5,x'"),
        (["eval", "FOLDER", "--against", "none.json"], "none.json: cannot be read"),
        (["eval", "FOLDER", "--out", "no/such/r.json"], "there is no directory no/such"),
        (["eval", "FOLDER", "--html", "."], "is a directory"),
        (["compare", "FOLDER", "--models", "a,b", "--html", "no/c.html"], "no directory no"),
        (["eval", "FOLDER", "--chunker", "magic"], "unknown chunker 'magic'; there are structure"),
        (["eval", "FOLDER", "--policy", "only:xx"], "xx"),
        (["compare", "FOLDER"], "there is nothing to compare"),
        (["compare", "FOLDER", "--policies", "any"], "there is nothing to compare: any is one way"),
        (["compare", "FOLDER", "--policies", "any,prefer"], "unknown policy 'prefer'"),
        (["compare", "nowhere", "--models", "a,b"], "nowhere: no such file"),
        (["similarity", "one"], "texts to compare: 1"),
        (["similarity", "one", " "], "text 2 is empty"),
        (["similarity", "one", "two", "--picture", "m.gif"], "a picture ends in .png or .svg"),
        (["similarity", "one", "two", "--file", "none.txt"], "none.txt: cannot be read"),
    ],
)
def test_bad_input_is_told(folder: Path, arguments: list[str], told: str) -> None:
    given = [str(folder) if each == "FOLDER" else each for each in arguments]
    done = CliRunner().invoke(app, given)
    assert isinstance(done.exception, BadInput)
    assert told in str(done.exception)


def test_a_difference_that_rounds_to_nothing_has_no_sign() -> None:
    told = [told_difference(value) for value in (-0.0004, 0.0004, -0.0006, 0.25)]
    assert told == ["0.000", "0.000", "-0.001", "+0.250"]


def test_what_two_results_were_made_with_differently() -> None:
    before = {"model": {"model": "m"}, "settings": {"grouped": True, "policy": "any"}}
    after = {"model": {"model": "m"}, "settings": {"grouped": False, "policy": "any"}}
    assert changed(before, after) == ["grouped was True and is False"]
    assert changed(before, before) == ["made with the same settings"]


def test_the_default_model_is_kept_in_one_place_named_or_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLYSEEK_MODEL", raising=False)
    data = read_dataset(folder, folder)
    place = _kept(data, read_settings(), "structure")
    assert _kept(data, read_settings(model="multilingual-e5-small"), "structure") == place
    assert _kept(data, read_settings(model="bge-m3"), "structure") != place
