"""Everything a collection holds, named by path and ordinal instead of ids: what copies are made of.

Ids are a collection's own. What is read here is the same for a collection and its copy, whichever
database either lies in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from polyseek.store.arrays import DOUBLE
from polyseek.store.database import Database
from polyseek.store.sentences import BORDER
from polyseek.store.streams import Streams
from polyseek.store.sums import read_sums

PAGE = 512


class DocumentRow(NamedTuple):
    """A document, as it is stored."""

    path: str
    title: str
    language: str
    format: str
    encoding: str
    digest: str
    size: int
    origin: str
    linked: bool
    """Whether its links have been looked for."""


class ChunkRow(NamedTuple):
    """A chunk: the `ordinal`-th of the document `path`, from 0."""

    path: str
    ordinal: int
    language: str
    start: int
    end: int
    line_start: int
    line_end: int
    tokens: int
    headings: tuple[str, ...]
    context: str
    text: str
    words: str | None
    marks: str | None
    key: bytes
    vector: bytes
    """D numbers of fp16, little-endian."""


class SentenceRow(NamedTuple):
    """The `number`-th sentence of a chunk, from 0; offsets as those of the chunk."""

    path: str
    ordinal: int
    number: int
    start: int
    end: int
    vector: bytes
    """D numbers of int8."""


class LinkRow(NamedTuple):
    """Two chunks that are versions of each other, the lesser (path, ordinal) first."""

    path: str
    ordinal: int
    other_path: str
    other_ordinal: int
    cosine: float
    margin: float
    evidence: str


class StatementRow(NamedTuple):
    """What a person said of two passages."""

    path: str
    key: bytes
    other_path: str
    other_key: bytes
    linked: bool


class SumRow(NamedTuple):
    """The exact sum of the vectors of a language."""

    language: str
    chunks: int
    sum: bytes
    """D numbers of float64, little-endian."""


class Whole(Streams):
    """The part of a Reader that copies are made of; documents, chunks and sentences come in the
    same order, a page at a time."""

    def document_rows(self) -> Iterator[DocumentRow]:
        """Every document."""
        query = (
            "SELECT id, path, title, language, format, encoding, digest, size, origin, linked "
            "FROM documents"
        )
        for page in self._pages(query, "id", PAGE):
            for _, *values, linked in page:
                yield DocumentRow._make([*values, bool(linked)])

    def chunk_rows(self) -> Iterator[tuple[ChunkRow, list[SentenceRow]]]:
        """Every chunk, with its sentences."""
        query = (
            "SELECT chunks.id, headings, key, vector, borders, sentences.vectors, path, ordinal, "
            'chunks.language, start, "end", line_start, line_end, tokens, context, text, words, '
            "marks FROM chunks JOIN documents ON documents.id = document_id "
            "JOIN vectors ON vectors.chunk_id = chunks.id "
            "LEFT JOIN sentences ON sentences.chunk_id = chunks.id"
        )
        for page in self._pages(query, "chunks.id", PAGE):
            for _, headings, key, vector, borders, said, *values in page:
                told = tuple(json.loads(headings))
                row = ChunkRow._make([*values[:8], told, *values[8:], bytes(key), bytes(vector)])
                yield row, _sentences(row, bytes(borders or b""), bytes(said or b""))

    def link_rows(self) -> Iterator[LinkRow]:
        """Every link."""
        query = (
            "SELECT one, other, d.path, a.ordinal, e.path, b.ordinal, cosine, margin, evidence "
            "FROM links JOIN chunks AS a ON a.id = one JOIN documents AS d ON d.id = a.document_id "
            "JOIN chunks AS b ON b.id = other JOIN documents AS e ON e.id = b.document_id"
        )
        for page in self._pages_after(query, "one, other", (-1, -1)):
            for _, _, *sides, cosine, margin, evidence in page:
                one, other = sorted([sides[:2], sides[2:]])
                yield LinkRow._make([*one, *other, cosine, margin, evidence])

    def statement_rows(self) -> Iterator[StatementRow]:
        """Everything that a person said."""
        names = "path, key, other_path, other_key"
        query = f"SELECT {names}, linked FROM statements"
        for page in self._pages_after(query, names, ("", b"", "", b"")):
            for path, key, other_path, other_key, linked in page:
                yield StatementRow(path, bytes(key), other_path, bytes(other_key), bool(linked))

    def sum_rows(self) -> Iterator[SumRow]:
        """The sums of all languages."""
        with self._db.translated():
            found = read_sums(self._db)
        for language, (count, total) in found.items():
            yield SumRow(language, count, total.astype(DOUBLE).tobytes())

    def _pages_after(
        self, query: str, keys: str, last: Sequence[Any]
    ) -> Iterator[list[tuple[Any, ...]]]:
        """As `_pages`, of a table with several columns for a key, which `query` begins with."""
        marks = ", ".join("?" * len(last))
        while True:
            with self._db.translated():
                page = self._db.execute(
                    f"{query} WHERE ({keys}) > ({marks}) ORDER BY {keys} LIMIT ?", (*last, PAGE)
                ).fetchall()
            if not page:
                return
            yield page
            last = page[-1][: len(last)]


def _sentences(row: ChunkRow, borders: bytes, said: bytes) -> list[SentenceRow]:
    places = (np.frombuffer(borders, BORDER).reshape(-1, 2) + row.start).tolist()
    size = len(said) // max(len(places), 1)
    return [
        SentenceRow(row.path, row.ordinal, at, start, end, said[at * size : (at + 1) * size])
        for at, (start, end) in enumerate(places)
    ]


def put_link_rows(db: Database, rows: Sequence[LinkRow]) -> None:
    """Store links between chunks that are there; the others are left out."""
    db.executemany(
        "INSERT INTO links (one, other, cosine, margin, evidence) "
        "SELECT CASE WHEN a.id < b.id THEN a.id ELSE b.id END, "
        "CASE WHEN a.id < b.id THEN b.id ELSE a.id END, ?, ?, ? "
        "FROM documents AS d JOIN chunks AS a ON a.document_id = d.id "
        "JOIN documents AS e ON e.path = ? JOIN chunks AS b ON b.document_id = e.id "
        "WHERE d.path = ? AND a.ordinal = ? AND b.ordinal = ?",
        [
            (row.cosine, row.margin, row.evidence, row.other_path, row.path, row.ordinal,
             row.other_ordinal)
            for row in rows
        ],
    )  # fmt: skip


def put_statement_rows(db: Database, rows: Sequence[StatementRow]) -> None:
    """Keep what was said, without making it so: the links say that already."""
    db.executemany(
        "INSERT INTO statements (path, key, other_path, other_key, linked) VALUES (?, ?, ?, ?, ?)",
        [(*row[:4], int(row.linked)) for row in rows],
    )
