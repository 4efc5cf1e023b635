"""A folder in BEIR's format (Thakur et al. 2021) as a data set.

corpus.jsonl    {"_id": …, "title": …, "text": …, "metadata": {"lang": …}}
queries.jsonl   {"_id": …, "text": …, "metadata": {"lang": …}}
qrels/*.tsv     query-id, corpus-id, score; with a line of names. test.tsv if there are several

Every text of the corpus becomes a file, under a name that says nothing: names such as zh/12.txt and
en/12.txt would tell a search which texts are translations of each other.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polyseek.errors import BadInput
from polyseek.evaluate.dataset import Answer, Dataset, Query
from polyseek.evaluate.jsonl import rows_of, text_of
from polyseek.languages.identify import document_language

SPLIT = "test"


def is_beir(folder: Path) -> bool:
    """Whether a folder is in BEIR's format."""
    return (folder / "corpus.jsonl").is_file()


def read_beir(folder: Path, cache: Path) -> Dataset:
    """The data set in `folder`; its texts become files below `cache`.

    Raises:
        BadInput: a file is missing or a line is not as it should be.
    """
    corpus = {text_of(row, "_id", at): row for at, row in rows_of(folder / "corpus.jsonl")}
    asked = {text_of(row, "_id", at): (row, at) for at, row in rows_of(folder / "queries.jsonl")}
    told = _qrels(folder, corpus, asked)
    digest = _digest(folder)
    names = {
        id: f"{hashlib.sha256(f'{digest} {id}'.encode()).hexdigest()[:20]}.txt" for id in corpus
    }
    spoken = {id: _language(row) for id, row in corpus.items()}
    queries = []
    for id, grades in told.items():
        row, at = asked[id]
        answers = tuple(
            Answer(names[doc], language=spoken[doc], grade=grade) for doc, grade in grades.items()
        )
        queries.append(Query(id, text_of(row, "text", at), _language(row), answers))
    return Dataset(
        folder.resolve().name,
        (
            _written(
                cache / "beir" / digest, {names[id]: _whole(row) for id, row in corpus.items()}
            ),
        ),
        tuple(queries),
        {names[id]: language for id, language in spoken.items()},
        digest,
        {id: "nothing answers it" for id in asked if id not in told},
    )


def _qrels(
    folder: Path, corpus: Mapping[str, Any], asked: Mapping[str, Any]
) -> dict[str, dict[str, int]]:
    """Question -> document -> grade, of those above 0."""
    told: dict[str, dict[str, int]] = {}
    path = _qrels_file(folder)
    for at, (query, document, score) in _judgements(path):
        if query not in asked or document not in corpus:
            kind, id = ("question", query) if query not in asked else ("document", document)
            file = "queries.jsonl" if kind == "question" else "corpus.jsonl"
            raise BadInput(f"{path}:{at}: the {kind} {id!r} is not in {file}")
        if not score.lstrip("-").isdecimal():
            raise BadInput(f"{path}:{at}: the score {score!r} is no whole number")
        if int(score) > 0:
            told.setdefault(query, {})[document] = int(score)
    if not told:
        raise BadInput(f"{path} names no answer to any question")
    return told


def _qrels_file(folder: Path) -> Path:
    found = sorted((folder / "qrels").glob("*.tsv"))
    wanted = [path for path in found if path.stem == SPLIT] or found
    if not wanted:
        raise BadInput(f"{folder / 'qrels'} holds no .tsv file; it says which documents answer")
    if len(wanted) > 1:
        told = ", ".join(path.name for path in wanted)
        raise BadInput(f"{folder / 'qrels'} holds {told}, and none is {SPLIT}.tsv; leave one")
    return wanted[0]


def _judgements(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        for at, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
            if at == 1 and row and row[-1] == "score":
                continue
            if len(row) != 3:
                raise BadInput(f"{path}:{at}: {len(row)} columns; it takes three, with tabs")
            yield at, row


def _language(row: Mapping[str, Any]) -> str:
    """As stated, or else as it reads."""
    stated = (row.get("metadata") or {}).get("lang") or row.get("lang")
    return str(stated) if stated else document_language(_whole(row))


def _whole(row: Mapping[str, Any]) -> str:
    title, text = str(row.get("title") or ""), str(row.get("text") or "")
    return f"{title}\n\n{text}" if title else text


def _digest(folder: Path) -> str:
    """Of all three files."""
    made = hashlib.sha256()
    for path in (folder / "corpus.jsonl", folder / "queries.jsonl", _qrels_file(folder)):
        made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()[:16]


def _written(directory: Path, texts: Mapping[str, str]) -> Path:
    """The directory with these files, made whole or not at all."""
    if not directory.exists():
        made = directory.with_name(f"{directory.name}.part")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8", newline="")
        made.rename(directory)
    return directory
