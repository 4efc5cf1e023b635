"""Versions of the database, and files that are none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from store_samples import put

from polyseek.errors import StoreError
from polyseek.store import schema
from polyseek.store.catalog import Catalog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.sqlite"
    with Catalog.open(path, write=True) as catalog:
        put(catalog, "a", ["one"])
    return path


def set_version(path: Path, version: int) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()


@pytest.mark.parametrize("write", [False, True])
def test_a_newer_database_is_refused_with_both_versions(path: Path, write: bool) -> None:
    set_version(path, schema.LATEST + 7)
    with pytest.raises(StoreError, match=rf"version {schema.LATEST + 7}.*up to {schema.LATEST}"):
        Catalog.open(path, write=write)


def test_a_migration_runs_once_and_keeps_what_is_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = (*schema.MIGRATIONS, "ALTER TABLE documents ADD COLUMN extra TEXT DEFAULT 'new'")
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    monkeypatch.setattr(schema, "LATEST", len(later))
    with pytest.raises(StoreError, match="index into the collection once"):
        Catalog.open(path)
    for _ in range(2):
        with Catalog.open(path, write=True) as catalog:
            assert list(catalog.digests()) == ["a"]
    db = sqlite3.connect(path)
    assert db.execute("SELECT path, extra FROM documents").fetchall() == [("a", "new")]
    assert db.execute("PRAGMA user_version").fetchone() == (len(later),)
    db.close()


def test_a_migration_that_fails_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (*schema.MIGRATIONS, "CREATE TABLE half (id); CREATE TABLE nonsense (")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", broken)
        patch.setattr(schema, "LATEST", len(broken))
        with pytest.raises(StoreError, match=r"nonsense|syntax|incomplete"):
            Catalog.open(path, write=True)
    with Catalog.open(path, write=True) as catalog:
        assert list(catalog.digests()) == ["a"]
    db = sqlite3.connect(path)
    assert not db.execute("SELECT * FROM sqlite_master WHERE name = 'half'").fetchall()
    db.close()


@pytest.mark.parametrize("write", [False, True])
def test_a_file_that_is_no_database(tmp_path: Path, write: bool) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"this is text, not a database" * 100)
    with pytest.raises(StoreError, match="damaged or not a polyseek collection"):
        Catalog.open(path, write=write)


def test_a_missing_database_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="index some documents first"):
        Catalog.open(tmp_path / "catalog.sqlite")
    assert list(tmp_path.iterdir()) == []
