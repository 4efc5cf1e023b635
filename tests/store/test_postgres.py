"""What is PostgreSQL's own about a catalog there: names, errors, addresses, writers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from store_samples import chunks_of, document, put, unit

from polyseek.addresses import without_secrets
from polyseek.errors import BadInput, StoreError
from polyseek.store import postgres, postgres_schema
from polyseek.store.catalog import Catalog
from polyseek.store.postgres import Schema
from servers import running_postgres

SECRET = "hunter2"


@pytest.fixture
def schema(postgres: str, request: pytest.FixtureRequest) -> Iterator[Schema]:
    psycopg = pytest.importorskip("psycopg")
    place = Schema(postgres, f"own_{abs(hash(request.node.name)) % 10**12}")
    yield place
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute(f"DROP SCHEMA IF EXISTS {place.name} CASCADE")


@pytest.mark.parametrize(
    "name", ["", "Upper", "1st", "a-b", 'a"; DROP SCHEMA public', "pg_own", "ünder", "a" * 64]
)
def test_a_name_that_needs_quoting_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"cannot name a knowledge base.*lower-case letters"):
        Schema("postgresql://h/d", name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://h/d", "postgresql://h/d"),
        (f"postgresql://u:{SECRET}@h:5432/d", "postgresql://h:5432/d"),
        (f"postgresql:///d?host=/tmp/x&password={SECRET}", "postgresql:///d"),
        (f"postgresql://u:a/{SECRET}@h/d", "postgresql://…"),
        (f"postgresql://u:a@{SECRET}@h/d", "postgresql://…"),
        (f"postgresql://u:a?{SECRET}@h/d", "postgresql://…"),
        (f"postgresql://u:a#{SECRET}@h/d", "postgresql://…"),
    ],
)
def test_no_secret_is_shown(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
    assert str(Schema(url, "kb")) == f"schema kb of {shown}"
    assert SECRET not in repr(Schema(url, "kb"))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@127.0.0.1:1/d",
        f"postgresql://u:a/{SECRET}@127.0.0.1:1/d",
        f"postgresql://u:{SECRET}@127.0.0.1:port/d",
        f"postgresql://u:%zz{SECRET}@127.0.0.1:1/d",
        f"host=127.0.0.1 password={SECRET}",
        f"https://u:{SECRET}@127.0.0.1/d",
        "",
    ],
)
def test_no_error_of_connecting_shows_a_secret(url: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises((StoreError, BadInput), match=r"start it|postgresql://USER") as found:
        Catalog.open(Schema(url, "kb"))
    assert SECRET not in str(found.value)


def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadInput, match=r"pip install 'polyseek\[milvus\]'"):
        Catalog.open(Schema("postgresql://h/d", "kb"))


def test_what_is_not_there_cannot_be_read(schema: Schema) -> None:
    with pytest.raises(StoreError, match=rf"schema {schema.name} .*is not there: index"):
        Catalog.open(schema)
    Catalog.open(schema, write=True).close()
    Catalog.open(schema).close()


def test_a_database_that_is_not_there_is_named(schema: Schema) -> None:
    url = schema.url.replace("/postgres?", "/nowhere?")
    with pytest.raises(StoreError, match=r"nowhere.*(createdb|start it)"):
        Catalog.open(Schema(url, "kb"))


def test_a_newer_catalog_is_refused_and_an_older_one_migrated(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog.open(schema, write=True) as catalog:
        put(catalog, "a", ["one"])
    later = (*postgres_schema.MIGRATIONS, "ALTER TABLE documents ADD COLUMN extra TEXT")
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "MIGRATIONS", later)
        patch.setattr(postgres, "LATEST", len(later))
        with pytest.raises(StoreError, match="index into the collection once"):
            Catalog.open(schema)
        for _ in range(2):
            with Catalog.open(schema, write=True) as catalog:
                assert list(catalog.digests()) == ["a"]
                assert catalog._db.execute("SELECT extra FROM documents").fetchall() == [(None,)]
    for write in (False, True):
        with pytest.raises(StoreError, match=r"version 2.*up to 1: upgrade"):
            Catalog.open(schema, write=write)


def test_text_that_postgresql_does_not_take_comes_back(schema: Schema) -> None:
    odd = ["\0", "a\0b", "\ufdd0", "\ufdd00", "\ufdd01\0", "\0\ufdd0\0", "%s", "?", "\\x00", "猫"]
    with Catalog.open(schema, write=True) as catalog:
        for text in odd:
            catalog.put(document(text), 1, chunks_of([text]), unit(1))
        assert list(catalog.digests()) == sorted(odd, key=stored)
        assert [each.chunk.text for each in catalog.rows(catalog.languages()[0])] == odd
        assert [chunk.text for _, chunk in catalog.document("a\0b")] == ["a\0b"]
        assert catalog.remove(odd) == len(odd)


def stored(text: str) -> bytes:
    return text.replace("\ufdd0", "\ufdd01").replace("\0", "\ufdd00").encode()


def test_a_second_writer_waits_for_the_first(schema: Schema) -> None:
    with Catalog.open(schema, write=True) as one, Catalog.open(schema, write=True) as other:
        with one.transaction():
            put(one, "a", ["one"])
            second = Thread(target=put, args=(other, "b", ["two"]))
            second.start()
            second.join(0.3)
            assert second.is_alive()
            with Catalog.open(schema) as reader:
                assert reader.generation == 0, "nobody who reads waits"
        second.join()
        assert one.statistics().languages == {"en": 2}
        assert one.generation == 2
        assert one.damage() == []


def test_a_writer_that_waits_too_long_is_told(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "BUSY_TIMEOUT_MS", 100)
    with (
        Catalog.open(schema, write=True) as one,
        Catalog.open(schema, write=True) as other,
        one.transaction(),
        pytest.raises(StoreError, match="let it finish and run again"),
    ):
        put(other, "b", ["two"])
    put_and_check(schema)


def put_and_check(schema: Schema) -> None:
    with Catalog.open(schema, write=True) as catalog:
        put(catalog, "c", ["three"])
        assert list(catalog.digests()) == ["c"]


def test_a_server_that_goes_away_loses_nothing_committed(tmp_path: Path) -> None:
    with running_postgres() as address:
        place = Schema(address, "kb")
        with Catalog.open(place, write=True) as catalog:
            put(catalog, "a", ["one"])
            with (
                pytest.raises(StoreError, match=r"start it and run again; what was committed"),
                catalog.transaction(),
            ):
                put(catalog, "b", ["two"])
                end_all_connections(address)
                catalog.remove(["a"])
        with Catalog.open(place, write=True) as catalog:
            assert list(catalog.digests()) == ["a"]
            assert catalog.generation == 1
            assert catalog.damage() == []
    with pytest.raises(StoreError, match="start it and run again"):
        Catalog.open(place)


def end_all_connections(address: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE pid != pg_backend_pid() AND backend_type = 'client backend'"
        )
