"""The catalog: documents, their chunks and vectors, in one SQLite file or one schema of a
PostgreSQL database. It is the truth; all else of a collection can be made from it again.

    with Catalog.open(path, write=True) as catalog, catalog.transaction():
        catalog.put(document, size, chunks, vectors)
        catalog.remove(["old.md"])
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from polyseek.errors import BadInput
from polyseek.store import links, sums, whole
from polyseek.store.arrays import HALF, Halves
from polyseek.store.opening import Place, open_database
from polyseek.store.reader import Reader
from polyseek.store.rows import CHUNK_COLUMNS, chunk_key, chunk_values, halves
from polyseek.store.sentences import put_sentences
from polyseek.types import Chunk, Document, Terms

__all__ = ["Catalog", "chunk_key"]


class Catalog(Reader):
    """Reads like a Reader, and writes. Written to by one thread of one process (`store.lock`)."""

    @classmethod
    def open(cls, place: Place | str, *, write: bool = False) -> Catalog:
        """Open it. For writing it is made if it is not there, and migrated."""
        place = Path(place) if isinstance(place, str) else place
        return cls(open_database(place, write=write), place)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is done inside, or nothing. The outermost one bumps the generation once.

        Inside another transaction this is a savepoint: if it fails and the error is caught, the
        outer one goes on as if it had not been begun.
        """
        outermost = not self._db.in_transaction
        undo, keep = _OUTER if outermost else _INNER
        with self._db.translated():
            if outermost:
                self._db.begin()
            else:
                self._db.execute("SAVEPOINT inside")
            try:
                yield
                if outermost:
                    self._bump()
                self._db.execute(keep)
            except BaseException:
                # A full disk can make SQLite roll everything back by itself.
                if self._db.in_transaction:
                    for statement in undo:
                        self._db.execute(statement)
                raise

    def _bump(self) -> None:
        self._db.execute(
            "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) "
            "WHERE key = 'generation'"
        )
        self._rename("commit")

    def _rename(self, key: str) -> None:
        name = json.dumps(token_hex(8))
        self._db.execute("UPDATE meta SET value = ? WHERE key = ?", (name, key))

    def set_fingerprint(self, fingerprint: Mapping[str, Any]) -> None:
        """Say what the collection is made with: a dict that JSON can hold."""
        self._set_meta("fingerprint", dict(fingerprint))

    def set_instruction(self, task: str) -> None:
        """Say what questions to the collection are for."""
        self._set_meta("instruction", task)

    def _set_meta(self, key: str, value: object) -> None:
        with self.transaction():
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
            self._db.execute(
                "INSERT INTO meta VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, text),
            )

    def put(
        self,
        document: Document,
        size: int,
        chunks: Sequence[Chunk],
        vectors: np.ndarray,
        origin: str = "",
        sentences: Sequence[np.ndarray] | None = None,
        terms: Sequence[Terms] | None = None,
    ) -> None:
        """Store a document; what was stored under its path is replaced.

        size: of the file, in bytes. vectors: (len(chunks), D) unit rows, float32 or fp16: the
        embeddings of the chunks' `embedded_text`, as passages. They are kept as fp16.
        origin: absolute path of the file. sentences: for each chunk the vectors (s, D) of its
        sentences, float32, or int8 as they were stored; None if no chunk has any. terms: of each
        chunk; None to make them whenever they are needed.
        """
        stored = halves(vectors, len(chunks), self.dimensions)
        with self.transaction():
            try:
                document_id = self._put(document, (size, origin), chunks, stored)
                self._put_sentences(document_id, chunks, sentences)
                self._put_terms(document_id, terms or ())
            except UnicodeEncodeError as error:
                raise BadInput(
                    f"{document.path!r} holds {error.object[error.start : error.end]!r}, half of a "
                    "surrogate pair, which is not text: decode it anew, or rename the file"
                ) from error

    def _put(
        self,
        document: Document,
        file: tuple[int, str],
        chunks: Sequence[Chunk],
        vectors: Halves,
    ) -> int:
        self._remove(document.path)
        self._rename("content")
        if len(chunks) and self.dimensions is None:
            self._set_meta("dimensions", vectors.shape[1])
        fields = (document.path, document.digest, document.format, document.title)
        (document_id,) = self._db.execute(
            "INSERT INTO documents (path, digest, format, title, language, encoding, size, origin) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (*fields, document.language, document.encoding, *file),
        ).fetchone()
        self._db.executemany(
            f"INSERT INTO chunks (document_id, ordinal, {CHUNK_COLUMNS}) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(document_id, at, *chunk_values(chunk)) for at, chunk in enumerate(chunks)],
        )
        rows = [vector.tobytes() for vector in vectors]
        self._db.executemany(
            "INSERT INTO vectors VALUES (?, ?)",
            list(zip(self._ids(document_id), rows, strict=True)),
        )
        sums.shift_sums(self._db, [chunk.language for chunk in chunks], vectors, +1)
        return int(document_id)

    def _ids(self, document_id: int) -> list[int]:
        rows = self._db.execute(
            "SELECT id FROM chunks WHERE document_id = ? ORDER BY ordinal", (document_id,)
        )
        return [id for (id,) in rows]

    def _put_sentences(
        self, document_id: int, chunks: Sequence[Chunk], sentences: Sequence[np.ndarray] | None
    ) -> None:
        none = np.empty((0, 0), np.int8)
        given = [none] * len(chunks) if sentences is None else sentences
        if len(given) != len(chunks):
            raise BadInput(f"sentences of {len(given)} chunks, wanted {len(chunks)}: one for each")
        dimensions = self.dimensions or 0
        for id, chunk, rows in zip(self._ids(document_id), chunks, given, strict=True):
            put_sentences(self._db, id, chunk, rows, dimensions)

    def _put_terms(self, document_id: int, terms: Sequence[Terms]) -> None:
        self._db.executemany(
            "UPDATE chunks SET words = ?, marks = ? WHERE document_id = ? AND ordinal = ?",
            [
                (" ".join(each.words), "\n".join(sorted(each.marks)), document_id, ordinal)
                for ordinal, each in enumerate(terms)
            ],
        )

    def link(self, found: Sequence[links.StoredLink], paths: Sequence[str]) -> None:
        """Store links that were found for the documents `paths`, whose links are then known."""
        with self.transaction():
            links.put_links(self._db, found)
            links.mark_linked(self._db, paths)
            links.apply_statements(self._db)

    def state(self, one: tuple[str, bytes], other: tuple[str, bytes], *, linked: bool) -> None:
        """What a person says of two passages, each a path and a chunk's key: versions, or not."""
        with self.transaction():
            links.state(self._db, one, other, linked)

    def move(self, origins: Mapping[str, str]) -> None:
        """Note that the files of these documents lie elsewhere now: path -> absolute path."""
        with self.transaction():
            self._db.executemany(
                "UPDATE documents SET origin = ? WHERE path = ?",
                [(origin, path) for path, origin in origins.items()],
            )

    def put_rows(
        self,
        linked: Sequence[whole.LinkRow] = (),
        said: Sequence[whole.StatementRow] = (),
    ) -> None:
        """Store links and statements of another collection, whose documents have been put."""
        with self.transaction():
            whole.put_link_rows(self._db, linked)
            whole.put_statement_rows(self._db, said)

    def clear(self) -> None:
        """Forget everything: documents, statements, and what the collection was made with."""
        with self.transaction():
            for table in ("documents", "statements", "language_sums"):
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute(
                "DELETE FROM meta WHERE key IN ('dimensions', 'fingerprint', 'instruction')"
            )
            self._rename("content")

    def remove(self, paths: Sequence[str]) -> int:
        """Forget these documents; returns how many of them were there."""
        with self.transaction():
            return sum(self._remove(path) for path in paths)

    def _remove(self, path: str) -> bool:
        gone = self._db.execute(
            "SELECT chunks.language, vector FROM documents "
            "JOIN chunks ON document_id = documents.id JOIN vectors ON chunk_id = chunks.id "
            "WHERE path = ?",
            (path,),
        ).fetchall()
        if gone:
            vectors = np.frombuffer(b"".join(blob for _, blob in gone), HALF)
            sums.shift_sums(
                self._db, [language for language, _ in gone], vectors.reshape(len(gone), -1), -1
            )
        deleted = self._db.execute("DELETE FROM documents WHERE path = ?", (path,))
        if deleted.rowcount:
            self._rename("content")
        return deleted.rowcount == 1


# How to undo and keep. Never through executescript: it commits first.
_OUTER = (("ROLLBACK",), "COMMIT")
_INNER = (("ROLLBACK TO inside", "RELEASE inside"), "RELEASE inside")
