"""What is read of every passage, in the order of ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from polyseek.closing import Closing
from polyseek.store.arrays import HALF, Halves, Ids, Names
from polyseek.store.database import Database
from polyseek.store.opening import Place
from polyseek.store.rows import CHUNK_COLUMNS, chunk_from
from polyseek.types import Chunk


class Streams(Closing):
    """The part of a Reader that goes through everything.

    Each page is a query of its own, so that no cursor stays open while the caller works; only a
    snapshot sees one state from page to page. `after`: only passages with greater ids, which are
    those that came later, since no id is given twice.
    """

    def __init__(self, db: Database, path: Place) -> None:
        self._db = db
        self.path = path

    @property
    def db(self) -> Database:
        """For what is kept beside the catalog."""
        return self._db

    def members(self) -> tuple[Ids, Ids, Names]:
        """All ids (n,) int64, ascending, the ids of their documents (n,) int64, and their
        languages (n,) str."""
        with self._db.translated():
            rows = self._db.execute(
                "SELECT id, document_id, language FROM chunks ORDER BY id"
            ).fetchall()
        ids, documents, languages = zip(*rows, strict=True) if rows else ((), (), ())
        # The dtypes are said for the sake of an empty list.
        return (
            np.array(ids, np.int64),
            np.array(documents, np.int64),
            np.array(languages, np.str_),
        )

    def languages(self) -> tuple[Ids, Names]:
        """All ids (n,) int64, ascending, and their languages (n,) str."""
        ids, _, languages = self.members()
        return ids, languages

    def blocks(self, size: int = 8192, after: int = -1) -> Iterator[tuple[Ids, list[str], Halves]]:
        """All vectors, `size` at a time: ids (n,) int64, languages (n), vectors (n, D) fp16."""
        for page in self._pages(
            "SELECT id, language, vector FROM chunks JOIN vectors ON chunk_id = id",
            "id",
            size,
            after,
        ):
            ids = np.array([row[0] for row in page], dtype=np.int64)
            vectors = np.frombuffer(b"".join(row[2] for row in page), HALF)
            yield ids, [row[1] for row in page], vectors.reshape(len(page), -1)

    def lexical_rows(self, after: int = -1) -> Iterator[tuple[int, str, list[str] | None, str]]:
        """Every chunk's id and language; its words, or None and what they are to be made from."""
        query = (
            "SELECT id, language, words, CASE WHEN words IS NULL THEN headings ELSE '[]' END, "
            "CASE WHEN words IS NULL THEN context || '\n' || text ELSE '' END FROM chunks"
        )
        for page in self._pages(query, "id", 1024, after):
            for id, language, words, headings, text in page:
                known = None if words is None else words.split(" ") if words else []
                yield id, language, known, "\n".join((*json.loads(headings), text))

    def chunks(self) -> Iterator[tuple[int, bytes, Chunk]]:
        """Every chunk: its id, its stored key, the chunk itself."""
        for page in self._pages(f"SELECT id, key, {CHUNK_COLUMNS} FROM chunks", "id", 1024):
            for id, key, *values in page:
                yield id, key, chunk_from(values)

    def places(self) -> list[tuple[int, str, int, str, int, str | None, str]]:
        """Every chunk, by language, path and ordinal: id, path, ordinal, language, length of the
        heading path; its marks, one a line, or None and the text that they are to be found in."""
        with self._db.translated():
            return self._db.execute(
                "SELECT chunks.id, path, ordinal, chunks.language, json_array_length(headings), "
                "marks, CASE WHEN marks IS NULL THEN text ELSE '' END FROM chunks "
                "JOIN documents ON documents.id = document_id "
                "ORDER BY chunks.language, path, ordinal"
            ).fetchall()

    def _pages(
        self, query: str, key: str, size: int, last: int = -1
    ) -> Iterator[list[tuple[Any, ...]]]:
        while True:
            with self._db.translated():
                page = self._db.execute(
                    f"{query} WHERE {key} > ? ORDER BY {key} LIMIT ?", (last, size)
                ).fetchall()
            if not page:
                return
            yield page
            last = page[-1][0]
