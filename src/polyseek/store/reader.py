"""Everything that is read from the catalog.

A Reader sees the newest committed state with every call. A snapshot is a Reader that is pinned:
it goes on seeing one state, whatever is committed meanwhile, until `refresh()` moves it on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from polyseek.errors import StoreError
from polyseek.store import links, sums
from polyseek.store.arrays import HALF, Bytes, Ids, Sum, Vectors
from polyseek.store.damage import damage_of
from polyseek.store.opening import Place, open_database
from polyseek.store.rows import CHUNK_COLUMNS, Row, Statistics, chunk_from
from polyseek.store.sentences import Sentences, read_sentences, sentences_of_keys
from polyseek.store.whole import Whole
from polyseek.types import Chunk

# SQLite allows 32,766 placeholders a statement, older builds 999.
KEYS_AT_ONCE = 500


class Reader(Whole):
    """The reading half of the catalog; may be used from several threads."""

    def close(self) -> None:
        """Let go of the database; closing twice is allowed."""
        self._db.close()

    def snapshot(self) -> Reader:
        """A second reader, pinned to the state that is committed now. Close it after use:
        while it is pinned, the write-ahead log cannot shrink."""
        snapshot = open_reader(self.path)
        snapshot.refresh()
        return snapshot

    def refresh(self) -> bool:
        """Pin this reader to the newest committed state; True if that differs from before."""
        with self._db.translated():
            before = self.commit if self._db.in_transaction else ""
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._db.pin()
            # That alone takes no snapshot: the first read does.
            return self.commit != before

    # What holds for the whole collection.

    def _meta(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 (JSON)
        with self._db.translated():
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else default

    @property
    def uid(self) -> str:
        """Random name of the collection, made with it."""
        return str(self._meta("uid"))

    @property
    def generation(self) -> int:
        """Number of transactions committed so far."""
        return int(self._meta("generation"))

    @property
    def commit(self) -> str:
        """Random name of the last transaction. Generations repeat when a backup is restored and
        written to again; this does not."""
        return str(self._meta("commit"))

    @property
    def content(self) -> str:
        """Random name of the last change of what indexes are made from: documents and chunks."""
        return str(self._meta("content"))

    @property
    def dimensions(self) -> int | None:
        """D of the stored vectors; None before the first one."""
        found = self._meta("dimensions")
        return None if found is None else int(found)

    @property
    def instruction(self) -> str:
        """What questions to the collection are for, as `set_instruction` got it; "" if not set."""
        return str(self._meta("instruction", ""))

    def fingerprint(self) -> dict[str, Any]:
        """What the collection was made with, as `set_fingerprint` got it; {} if not set."""
        return dict(self._meta("fingerprint", {}))

    def statistics(self) -> Statistics:
        """How much there is."""
        with self._db.translated():
            documents, source = self._db.execute(
                "SELECT count(*), coalesce(sum(size), 0) FROM documents"
            ).fetchone()
            stored = self._db.stored_bytes()
        languages = {language: count for language, (count, _) in self.language_sums().items()}
        return Statistics(documents, sum(languages.values()), languages, int(source), stored)

    # What is looked up.

    def digests(self) -> dict[str, str]:
        """Path of every document → SHA-256 of the file it was made from."""
        with self._db.translated():
            return dict(self._db.execute("SELECT path, digest FROM documents ORDER BY path"))

    def origins(self) -> dict[str, str]:
        """Path of every document → absolute path of the file it was made from."""
        with self._db.translated():
            return dict(self._db.execute("SELECT path, origin FROM documents ORDER BY path"))

    def language_sums(self) -> dict[str, tuple[int, Sum]]:
        """Language → (number of vectors, their exact sum (D,) float64)."""
        with self._db.translated():
            return sums.read_sums(self._db)

    def vectors_by_key(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Stored vectors (D,) fp16 of those keys that are known (see `chunk_key`).

        A text that has been embedded once need not be embedded again.
        """
        found: dict[bytes, np.ndarray] = {}
        for first in range(0, len(keys), KEYS_AT_ONCE):
            some = list(keys[first : first + KEYS_AT_ONCE])
            marks = ",".join("?" * len(some))
            query = (
                "SELECT key, vector FROM chunks JOIN vectors ON chunk_id = chunks.id "
                f"WHERE key IN ({marks})"
            )
            with self._db.translated():
                rows = self._db.execute(query, some)
                found.update((key, np.frombuffer(blob, HALF)) for key, blob in rows)
        return found

    def sentences_by_key(self, keys: Sequence[bytes]) -> dict[bytes, Bytes]:
        """Stored sentences' rows (s, D) int8 of those keys that have any (see `chunk_key`)."""
        with self._db.translated():
            return sentences_of_keys(self._db, keys, self.dimensions or 0)

    def sentences(self, ids: Sequence[int] | Ids) -> Sentences:
        """The sentences of these chunks, owners ascending; chunks of one sentence have none."""
        with self._db.translated():
            return read_sentences(self._db, ids, self.dimensions or 0)

    def links_of(self, ids: Sequence[int] | Ids) -> dict[int, list[int]]:
        """Chunk → those that are versions of it, ascending; only chunks that have any."""
        with self._db.translated():
            return links.links_of(self._db, ids)

    def links(self) -> list[links.StoredLink]:
        """Every link, in the order of ids."""
        with self._db.translated():
            return links.all_links(self._db)

    def pending(self) -> list[str]:
        """Documents whose versions have not been looked for."""
        with self._db.translated():
            return links.pending(self._db)

    def rows(self, ids: Sequence[int] | Ids) -> list[Row]:
        """The chunks with these ids, in this order."""
        wanted, found = [int(id) for id in ids], dict[int, Row]()
        for first in range(0, len(wanted), KEYS_AT_ONCE):
            some = wanted[first : first + KEYS_AT_ONCE]
            marks = ",".join("?" * len(some))
            query = (
                "SELECT chunks.id, path, title, "
                + ", ".join(f"chunks.{name.strip()}" for name in CHUNK_COLUMNS.split(","))
                + " FROM chunks JOIN documents ON documents.id = document_id "
                f"WHERE chunks.id IN ({marks})"
            )
            with self._db.translated():
                for id, path, title, *values in self._db.execute(query, some):
                    found[id] = Row(id, path, title, chunk_from(values))
        self._require(ids, [id in found for id in wanted])
        return [found[id] for id in wanted]

    def vectors(self, ids: Sequence[int] | Ids) -> Vectors:
        """Vectors (n, D) float32 of these chunks, in this order."""
        wanted, found = [int(id) for id in ids], dict[int, bytes]()
        for first in range(0, len(wanted), KEYS_AT_ONCE):
            some = wanted[first : first + KEYS_AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT chunk_id, vector FROM vectors WHERE chunk_id IN ({marks})"
            with self._db.translated():
                found.update(self._db.execute(query, some))
        self._require(ids, [id in found for id in wanted])
        stacked = np.frombuffer(b"".join(found[id] for id in wanted), HALF)
        return stacked.reshape(len(wanted), self.dimensions or 0).astype(np.float32)

    def _require(self, ids: Sequence[int] | Ids, there: list[bool]) -> None:
        if not all(there):
            missing = int(ids[there.index(False)])
            raise StoreError(
                f"chunk {missing} is not in {self.path} at generation {self.generation}: "
                "it belongs to an older or newer view; open a new view"
            )

    def document(self, path: str) -> list[tuple[bytes, Chunk]]:
        """The chunks of one document with their keys, in order; none if it is not there."""
        with self._db.translated():
            found = self._db.execute(
                "SELECT key, "
                + ", ".join(f"chunks.{name.strip()}" for name in CHUNK_COLUMNS.split(","))
                + " FROM chunks JOIN documents ON documents.id = document_id WHERE path = ? "
                "ORDER BY ordinal",
                (path,),
            ).fetchall()
        return [(key, chunk_from(values)) for key, *values in found]

    def damage(self) -> list[str]:
        """What the database finds wrong with itself, and rows that do not fit together."""
        with self._db.translated():
            return damage_of(self._db, self.dimensions or 0)


def open_reader(place: Place) -> Reader:
    """A reader of the catalog there, which must be there and be of the current schema."""
    return Reader(open_database(place, write=False), place)
