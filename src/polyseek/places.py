"""Where a knowledge base lies: in a directory, or on servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from polyseek.errors import BadInput
from polyseek.settings import Settings
from polyseek.store.collection import Collection
from polyseek.store.database import Database
from polyseek.store.milvus import MilvusIndex
from polyseek.store.milvus_address import MilvusAddress, milvus_address
from polyseek.store.pg_words import PostgresWords
from polyseek.store.postgres import Schema
from polyseek.store.reader import Reader
from polyseek.store.shared import Place, SharedCollection

AnyCollection: TypeAlias = Collection | SharedCollection


def place_of(settings: Settings) -> Path | Place:
    """The directory or the servers that the settings name.

    Raises:
        BadInput: an address that is none, or a server without the other.
    """
    if isinstance(settings.kb, Path):
        if settings.catalog.get_secret_value():
            raise BadInput(
                f"a catalog is named, and {settings.kb} is a directory, which has its own; name "
                "--kb milvus://HOST:PORT/NAME, or leave out --catalog and POLYSEEK_CATALOG"
            )
        return settings.kb
    address, catalog = milvus_address(settings.kb), settings.catalog.get_secret_value()
    if not catalog:
        raise BadInput(
            f"{address} has the vectors, and its documents are in PostgreSQL; say where: polyseek "
            f"index DOCUMENTS --kb {address} --catalog postgresql://USER@HOST:5432/DATABASE (or "
            "POLYSEEK_CATALOG, which keeps a password out of the list of processes)"
        )
    servers = _Servers(address)
    return Place(Schema(catalog, address.name), servers.index, servers.words, str(address))


@dataclass(frozen=True, slots=True)
class _Servers:
    """Opens what lies on them."""

    address: MilvusAddress

    def index(self, name: str, dimensions: int) -> MilvusIndex:
        return MilvusIndex.open(self.address, name, dimensions)

    def words(self, db: Database) -> PostgresWords:
        with db.translated():
            return PostgresWords(_Translated(db))


@dataclass(frozen=True, slots=True)
class _Translated:
    """Statements whose errors are in our words; a statement's rows are there when it returns."""

    db: Database

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any:  # noqa: ANN401
        with self.db.translated():
            return self.db.execute(sql, parameters)


def open_collection(
    settings: Settings, *, write: bool = False, told: Callable[[str], None] = lambda _: None
) -> AnyCollection:
    """The collection that the settings name; `told` is told if a writer has to wait."""
    place = place_of(settings)
    if isinstance(place, Path):
        return Collection.open(place, write=write)
    return SharedCollection.open(place, write=write, told=told)


def open_catalog(settings: Settings) -> Reader:
    """What the collection knows, alone; to be opened by another process of this machine too."""
    return open_collection(settings).catalog


def is_there(settings: Settings) -> bool:
    """Whether something has been indexed there."""
    place = place_of(settings)
    if isinstance(place, Path):
        return (place / "catalog.sqlite").exists()
    return place.schema.is_there()
