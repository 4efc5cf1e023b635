"""A path to a data set, in whichever form it is."""

from __future__ import annotations

from pathlib import Path

from polyseek.errors import BadInput
from polyseek.evaluate.beir import is_beir, read_beir
from polyseek.evaluate.dataset import Dataset
from polyseek.evaluate.questions import NAME, read_questions


def read_dataset(path: Path, cache: Path) -> Dataset:
    """A folder in BEIR's format; or one of documents with a questions.jsonl; or such a file, whose
    documents lie beside it. `cache`: a directory for what has to be written.

    Raises:
        BadInput: it is none of these, or something in it is not as it should be.
    """
    if not path.exists():
        raise BadInput(f"{path}: no such file or directory")
    if path.is_file():
        return read_questions(path.parent, path)
    if is_beir(path):
        return read_beir(path, cache)
    if (path / NAME).is_file():
        return read_questions(path)
    others = sorted(each.name for each in path.glob("*.jsonl"))
    beside = f"; there is {others[0]} in it: if that holds the questions, name it" if others else ""
    raise BadInput(
        f"{path} is no data set: it takes a folder of documents with a {NAME}, or one with "
        f"corpus.jsonl, queries.jsonl and qrels/ (BEIR's format){beside}"
    )
