"""A folder of documents with questions, and BEIR's format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from polyseek.errors import BadInput
from polyseek.evaluate.questions import read_questions
from polyseek.evaluate.read import read_dataset

NETWORK = """# Network { #network }

Rules for networks of all kinds.

## Firewall { #firewall }

Deny all that is not needed.

### Exceptions

Ask first.

## Exceptions

None at night.
"""
CHINESE = (
    "# 网络 { #network }\n\n所有网络的规则。\n\n## 防火墙 { #firewall }\n\n拒绝一切不需要的流量。\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("en/network.md", NETWORK), ("zh/network.md", CHINESE)):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")
    return tmp_path / "docs"


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def asked(folder: Path, *answers: object, **more: object) -> list[str]:
    """What the answers of one question are, as text; those of whole documents by name."""
    row = {"question": "What does the firewall do?", "answers": answers, **more}
    write(folder / "questions.jsonl", [row])
    texts = {"en/network.md": NETWORK, "zh/network.md": CHINESE}
    found = read_questions(folder).queries[0].answers
    return [a.path if a.end is None else texts[a.path][a.start : a.end] for a in found]


FIREWALL = NETWORK[NETWORK.index("## Firewall") : NETWORK.index("\n## Exceptions") + 1]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("en/network.md", "en/network.md"),
        ("en/network.md#firewall", FIREWALL),
        ("en/network.md#Firewall", FIREWALL),
        ({"path": "en/network.md", "anchor": "firewall"}, FIREWALL),
        ("en/network.md#network", NETWORK),
        ("en/network.md#exceptions", "### Exceptions\n\nAsk first.\n\n"),
        ("en/network.md#exceptions-1", "## Exceptions\n\nNone at night.\n"),
        ("zh/network.md#防火墙", CHINESE[CHINESE.index("## ") :]),
        ("en/network.md:7", "Deny all that is not needed.\n"),
        ("en/network.md:9-11", "### Exceptions\n\nAsk first.\n"),
        ({"path": "en/network.md", "lines": [9, 11]}, "### Exceptions\n\nAsk first.\n"),
        ({"path": "en/network.md", "start": 2, "end": 9}, "Network"),
    ],
)
def test_an_answer_is_what_it_names(folder: Path, answer: object, text: str) -> None:
    assert asked(folder, answer) == [text]


def test_languages_are_told_or_identified(folder: Path) -> None:
    rows: list[dict[str, object]] = [
        {"question": "防火墙有什么作用？", "answers": ["zh/network.md", "en/network.md"]},
        {"question": "¿Qué hace?", "lang": "es", "id": 7, "answers": ["zh/network.md"]},
    ]
    write(folder / "questions.jsonl", rows)
    data = read_questions(folder)
    assert [(q.id, q.language) for q in data.queries] == [("q1", "zh"), ("7", "es")]
    assert [a.language for a in data.queries[0].answers] == ["zh", "en"]
    assert data.languages == {"en/network.md": "en", "zh/network.md": "zh"}
    assert data.whole
    assert data.name == "docs"


def test_the_digest_knows_documents_questions_and_answers(folder: Path) -> None:
    def digest(answer: str) -> str:
        asked(folder, answer)
        return read_questions(folder).digest

    first = digest("en/network.md")
    assert digest("en/network.md") == first
    assert digest("zh/network.md") != first
    (folder / "zh" / "network.md").write_text(CHINESE + "新", "utf-8")
    assert digest("en/network.md") != first


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("en/netwrk.md", "'en/netwrk.md' is no document of .*paths are relative"),
        (
            "en/network.md#firewal",
            "en/network.md has no section 'firewal'; did you mean 'firewall'",
        ),
        ("en/network.md:70", "has lines 1 to 16, and not 70 to 70"),
        ({"anchor": "firewall"}, "names no path"),
        ({"path": "en/network.md", "lines": "all"}, "lines are 'all'; write"),
        ({"path": "en/network.md", "start": 9, "end": 2}, "start is 9 and end 2"),
        ({"path": "en/network.md", "grade": 0}, "the grade 0 of an answer"),
        (7, "the answer 7 names no path"),
    ],
)
def test_an_answer_that_is_none(folder: Path, answer: object, told: str) -> None:
    with pytest.raises(BadInput, match=rf"questions\.jsonl:1: .*{told}"):
        asked(folder, answer)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no question; write one object a line"),
        ("{", r":1: no JSON"),
        ("[1]", r":1: \[1\] is no object"),
        ('\n{"question": " ", "answers": ["en/network.md"]}', r":2: 'question' is ' '"),
        ('{"question": "Why?"}', ":1: no 'answers' among 'question'; it takes a list"),
        ('{"question": "Why?", "answers": []}', ":1: 'answers' is \\[\\]"),
        (
            '{"id": 1, "question": "W", "answers": ["en/network.md"]}\n' * 2,
            ":2: the id '1' is taken",
        ),
    ],
)
def test_questions_that_are_none(folder: Path, text: str, told: str) -> None:
    (folder / "questions.jsonl").write_text(text, "utf-8")
    with pytest.raises(BadInput, match=told):
        read_questions(folder)


def test_a_file_that_is_not_text(folder: Path) -> None:
    (folder / "questions.jsonl").write_bytes(b'{"question": "\xff"}')
    with pytest.raises(BadInput, match="byte 14 is not UTF-8"):
        read_questions(folder)


def test_a_folder_that_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is no data set: it takes .*questions\.jsonl.*BEIR"):
        read_dataset(tmp_path, tmp_path / "cache")
    (tmp_path / "questions.jsonl").write_text("{}")
    with pytest.raises(BadInput, match="holds no document"):
        read_dataset(tmp_path, tmp_path / "cache")


def test_a_file_of_questions_by_another_name(folder: Path) -> None:
    write(folder / "ten.jsonl", [{"question": "Why?", "answers": ["en/network.md"]}])
    data = read_dataset(folder / "ten.jsonl", folder / "cache")
    assert [query.text for query in data.queries] == ["Why?"]


# BEIR


def beir(
    folder: Path, qrels: str = "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t1\n2\tb\t0\n"
) -> Path:
    rows = [
        {"_id": "a", "title": "Cats", "text": "Cats sleep all day.", "metadata": {"lang": "en"}},
        {"_id": "b", "title": "", "text": "Katzen schlafen den ganzen Tag.", "metadata": {}},
    ]
    write(folder / "corpus.jsonl", rows)
    asked = [{"_id": "1", "text": "What do cats do?", "metadata": {"lang": "en"}}]
    write(folder / "queries.jsonl", [*asked, {"_id": "2", "text": "Hunde?"}])
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text(qrels, "utf-8")
    return folder


def test_beir(tmp_path: Path) -> None:
    data = read_dataset(beir(tmp_path / "cats"), tmp_path / "cache")
    assert data.name == "cats"
    assert data.whole
    (query,) = data.queries
    assert (query.id, query.text, query.language) == ("1", "What do cats do?", "en")
    assert [(a.language, a.grade) for a in query.answers] == [("en", 2), ("de", 1)]
    texts = [(data.documents[0] / a.path).read_text("utf-8") for a in query.answers]
    assert texts == ["Cats\n\nCats sleep all day.", "Katzen schlafen den ganzen Tag."]
    assert data.languages == {a.path: a.language for a in query.answers}
    assert data.left_out == {"2": "nothing answers it"}


def test_names_of_beir_texts_do_not_say_which_are_translations(tmp_path: Path) -> None:
    data = read_dataset(beir(tmp_path / "cats"), tmp_path / "cache")
    for name in data.languages:
        stem, _, suffix = name.partition(".")
        assert suffix == "txt"
        assert len(stem) == 20
        assert set(stem) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("qrels", "told"),
    [
        ("1\tc\t1\n", r"test\.tsv:1: the document 'c' is not in corpus\.jsonl"),
        ("9\ta\t1\n", r"test\.tsv:1: the question '9' is not in queries\.jsonl"),
        ("1 a 1\n", r"test\.tsv:1: 1 columns; it takes three, with tabs"),
        ("1\ta\tyes\n", r"test\.tsv:1: the score 'yes' is no whole number"),
        ("1\ta\t0\n", "names no answer to any question"),
    ],
)
def test_qrels_that_are_none(tmp_path: Path, qrels: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        read_dataset(beir(tmp_path / "cats", qrels), tmp_path / "cache")


def test_several_qrels_and_none_for_the_test(tmp_path: Path) -> None:
    folder = beir(tmp_path / "cats")
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv")
    assert len(read_dataset(folder, tmp_path / "cache").queries) == 1
    (folder / "qrels" / "train.tsv").write_text("1\ta\t1\n")
    with pytest.raises(BadInput, match=r"holds dev\.tsv, train\.tsv, and none is test\.tsv"):
        read_dataset(folder, tmp_path / "cache")
