"""A vector server in memory: what it holds outlives those who open it. It can be made to fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from polyseek.errors import StoreError
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.database import Database
from polyseek.store.index import ExactIndex
from polyseek.store.lexical import LexicalIndex
from polyseek.store.postgres import Schema
from polyseek.store.shared import Place
from polyseek.store.streams import Streams


@dataclass
class Held:
    exact: ExactIndex
    languages: dict[int, str] = field(default_factory=dict)
    stamp: str = ""
    settled: int = 0
    """How many there were when somebody last waited for them."""


@dataclass
class MemoryServer:
    """Its collections by name. `fails_at`: the number of the change that fails, counted from 1."""

    held: dict[str, Held] = field(default_factory=dict)
    fails_at: int = 0
    changes: int = 0

    def open(self, name: str, dimensions: int) -> MemoryIndex:
        self.held.setdefault(name, Held(ExactIndex(dimensions)))
        return MemoryIndex(self, name)

    def change(self) -> None:
        self.changes += 1
        if self.changes == self.fails_at:
            raise StoreError("the server was killed")


class MemoryIndex:
    """See RemoteIndex."""

    def __init__(self, server: MemoryServer, name: str) -> None:
        self._server, self._name = server, name

    @property
    def _held(self) -> Held:
        if self._name not in self._server.held:
            raise StoreError(f"there is no collection {self._name}: it was dropped")
        return self._server.held[self._name]

    @property
    def stamp(self) -> str:
        return self._held.stamp

    @stamp.setter
    def stamp(self, text: str) -> None:
        self._server.change()
        self._held.stamp = text

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self.add_rows(ids, vectors, [""] * len(ids))

    def add_rows(self, ids: Ids, vectors: Vectors, languages: Sequence[str]) -> None:
        self._server.change()
        self._held.exact.add(ids, vectors)
        self._held.languages.update(zip(ids.tolist(), languages, strict=True))

    def remove(self, ids: Ids) -> None:
        self._server.change()
        self._held.exact.remove(ids)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        return self._held.exact.search(queries, k, allowed)

    def search_in(self, queries: Vectors, k: int, languages: Sequence[str]) -> tuple[Ids, Vectors]:
        allowed = [id for id in self.ids().tolist() if self._held.languages[id] in languages]
        return self.search(queries, k, np.array(allowed, np.int64))

    def vectors(self, ids: Ids) -> Vectors:
        if not np.isin(ids, self.ids()).all():
            raise StoreError("an id is not there")
        return self._held.exact.vectors(ids)

    def settle(self) -> None:
        self._held.settled = len(self)

    def ids(self) -> Ids:
        return np.sort(self._held.exact._ids)

    def save(self, path: object) -> None:
        raise NotImplementedError

    def drop(self) -> None:
        self._server.change()
        del self._server.held[self._name]

    def close(self) -> None:
        pass

    def __len__(self) -> int:
        return len(self._held.exact)


def words_of(db: Database) -> LexicalIndex:
    """The words of a pinned catalog, split at spaces where none are stored."""
    index = LexicalIndex.create(None)
    for id, language, words, text in Streams(db, Schema("postgresql:///", "any")).lexical_rows():
        index.add(id, language, text.split() if words is None else words)
    index.commit()
    return index


def shared_place(schema: Schema, server: MemoryServer) -> Place:
    return Place(schema, server.open, words_of, f"memory {schema.name}")
