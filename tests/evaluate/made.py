"""Data sets and rankings made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polyseek.evaluate.dataset import Answer, Dataset, Query
from polyseek.evaluate.run import Place


def dataset(*queries: Query) -> Dataset:
    """Of these questions, without documents."""
    return Dataset("made", (), queries, {}, "0" * 16)


def query(id: str, language: str, *answers: str, grades: Mapping[str, int] | None = None) -> Query:
    """Answers are documents: "zh/a" is in Chinese."""
    made = (Answer(a, language=a[:2], grade=(grades or {}).get(a, 1)) for a in answers)
    return Query(id, f"question {id}", language, tuple(made))


def places(*hits: str | Sequence[str]) -> list[Place]:
    """Hits in order: a document, or the documents of its versions."""
    grouped = [[hit] if isinstance(hit, str) else hit for hit in hits]
    return [Place(doc, 0, 10, doc[:2], at) for at, hit in enumerate(grouped) for doc in hit]
