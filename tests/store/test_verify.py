"""Each thing that can be wrong with the truth is found, and named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from store_samples import derive, put

from polyseek.store.arrays import HALF
from polyseek.store.collection import Collection

NAN = np.full(16, np.nan, HALF).tobytes()
LONG = np.full(16, 0.5, HALF).tobytes()
OTHER = np.eye(16, dtype=HALF)[3].tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Collection.open(tmp_path, write=True) as collection:
        put(collection.catalog, "a", ["one", "two", "three"])
        collection.publish(derive)
        assert collection.verify(derive) == []
    return tmp_path


@pytest.mark.parametrize(
    ("statement", "values", "problem"),
    [
        ("DELETE FROM vectors WHERE chunk_id = 2", (), "chunk 2 has no vector of 32 bytes"),
        ("UPDATE vectors SET vector = x'00' WHERE chunk_id = 2", (), "chunk 2 has no vector"),
        ("UPDATE vectors SET vector = ? WHERE chunk_id = 2", (NAN,), "chunk 2 has norm nan"),
        ("UPDATE vectors SET vector = ? WHERE chunk_id = 2", (LONG,), "chunk 2 has norm 2"),
        ("UPDATE vectors SET vector = ? WHERE chunk_id = 2", (OTHER,), "sum of language 'zh'"),
        ("UPDATE language_sums SET count = 7 WHERE language = 'en'", (), "sum of language 'en'"),
        ("DELETE FROM language_sums WHERE language = 'en'", (), "sum of language 'en'"),
        ("INSERT INTO language_sums VALUES ('xx', 1, ?)", (OTHER,), "sum of language 'xx'"),
        ("UPDATE chunks SET text = 'changed' WHERE id = 3", (), "key of chunk 3"),
        ("DELETE FROM documents", (), "row 1 of chunks refers to a missing row"),
        (
            "UPDATE meta SET value = '\"9\"' WHERE key = 'content'",
            (),
            "indexes are not made",
        ),
    ],
)
def test_what_is_wrong_is_named(
    path: Path, statement: str, values: tuple[bytes, ...], problem: str
) -> None:
    db = sqlite3.connect(path / "catalog.sqlite")
    db.execute(statement, values)
    db.commit()
    db.close()
    with Collection.open(path) as collection:
        try:
            problems = collection.verify(derive)
        finally:
            collection.close()
    assert any(problem in found for found in problems), problems


def test_a_malformed_database_is_named(path: Path) -> None:
    file = path / "catalog.sqlite"
    content = bytearray(file.read_bytes())
    content[16_384 * 2 :] = b"\xaa" * (len(content) - 16_384 * 2)
    file.write_bytes(content)
    with Collection.open(path) as collection:
        assert collection.verify(derive) != []
