"""A folder of documents with a file of questions as a data set.

questions.jsonl   one object a line:
    question      as a user would type it
    answers       what answers it, in whatever languages: "path", "path#section", "path:12",
                  "path:12-20", or an object with path, and anchor, or lines, or start and end in
                  characters; and grade, if some answer better than others
    lang          of the question, as an ISO 639-1 code; without it, it is identified
    id            by default q1, q2 and so on

Paths are relative to the folder. A section is named by its anchor or its title.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from polyseek.documents import find, read
from polyseek.errors import BadInput
from polyseek.evaluate.dataset import Answer, Dataset, Query
from polyseek.evaluate.jsonl import rows_of, text_of
from polyseek.evaluate.sections import Places
from polyseek.languages.identify import document_language, query_language
from polyseek.types import Document

NAME = "questions.jsonl"
LINES = re.compile(r"(?P<path>.+):(?P<first>\d+)(?:-(?P<last>\d+))?$")


def read_questions(folder: Path, questions: Path | None = None) -> Dataset:
    """The documents below `folder` and the questions in its file, or in another.

    Raises:
        BadInput: no documents, no questions, or a line is not as it should be.
    """
    path = questions or folder / NAME
    documents = _Documents(folder)
    queries: dict[str, Query] = {}
    for at, row in rows_of(path):
        query = _query(row, f"q{len(queries) + 1}", at, documents)
        if query.id in queries:
            raise BadInput(f"{at}: the id {query.id!r} is taken by another question")
        queries[query.id] = query
    if not queries:
        raise BadInput(f"{path} holds no question; write one object a line, as {EXAMPLE}")
    digest = hashlib.sha256(path.read_bytes() + documents.digest.encode()).hexdigest()[:16]
    asked = tuple(queries.values())
    return Dataset(folder.resolve().name, (folder,), asked, documents.languages, digest)


EXAMPLE = '{"question": "…", "answers": ["en/network.md#firewall"]}'


class _Documents:
    """The documents of a folder by name."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BadInput(f"{folder}: no such directory")
        self._found = {each.name: each.path for each in find([folder])}
        if not self._found:
            raise BadInput(f"{folder} holds no document; Markdown, plain text and HTML are read")
        self._places: dict[str, Places] = {}
        self._folder = folder

    @cached_property
    def _read(self) -> dict[str, Document]:
        return dict(self._readable())

    def _readable(self) -> Iterator[tuple[str, Document]]:
        for name, path in self._found.items():
            try:
                yield name, read(path, name)
            except BadInput:  # indexing says what is wrong with it, and goes on
                continue

    @property
    def digest(self) -> str:
        return " ".join(f"{name} {each.digest}" for name, each in sorted(self._read.items()))

    @cached_property
    def languages(self) -> dict[str, str]:
        return {
            name: each.language or document_language(each.text) for name, each in self._read.items()
        }

    def places(self, name: str) -> Places:
        if name not in self._read:
            raise BadInput(f"{name!r} is no document of {self._folder}; paths are relative to it")
        if name not in self._places:
            self._places[name] = Places(self._read[name])
        return self._places[name]


def _query(row: Mapping[str, Any], id: str, at: str, documents: _Documents) -> Query:
    text, given = text_of(row, "question", at), row.get("answers")
    keys = ", ".join(map(repr, row))
    if not isinstance(given, list) or not given:
        told = f"'answers' is {given!r:.60}" if "answers" in row else f"no 'answers' among {keys}"
        raise BadInput(f"{at}: {told}; it takes a list, as in {EXAMPLE}")
    try:
        answers = {each.name: each for each in (_answer(answer, documents) for answer in given)}
    except BadInput as error:
        raise BadInput(f"{at}: {error}") from error
    spoken = row.get("lang") or query_language(text, set(documents.languages.values()))
    return Query(str(row.get("id") or id), text, str(spoken), tuple(answers.values()))


def _answer(given: object, documents: _Documents) -> Answer:
    told = _parsed(given) if isinstance(given, str) else given
    if not isinstance(told, dict) or not isinstance(told.get("path"), str):
        raise BadInput(f"the answer {given!r:.80} names no path; write as in {EXAMPLE}")
    path, grade = told["path"], told.get("grade", 1)
    if not isinstance(grade, int) or grade < 1:
        raise BadInput(f"the grade {grade!r} of an answer in {path} is no whole number from 1 on")
    start, end = _range(told, documents.places(path))
    return Answer(path, start, end, documents.languages[path], grade)


def _parsed(told: str) -> dict[str, Any]:
    path, _, section = told.partition("#")
    if section:
        return {"path": path, "anchor": section}
    found = LINES.match(told)
    if found:
        return {"path": found["path"], "lines": [found["first"], found["last"] or found["first"]]}
    return {"path": told}


def _range(told: Mapping[str, Any], places: Places) -> tuple[int, int | None]:
    if "anchor" in told:
        return places.section(str(told["anchor"]))
    if "lines" in told:
        try:
            first, last = (int(line) for line in told["lines"])
        except (TypeError, ValueError) as error:
            raise BadInput(f"lines are {told['lines']!r:.60}; write [12, 20]") from error
        return places.lines(first, last)
    if "start" in told or "end" in told:
        start, end = told.get("start"), told.get("end")
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end:
            raise BadInput(f"start is {start!r} and end {end!r}; they take offsets in characters")
        return start, end
    return 0, None
