"""The truth: what is put in comes out, and what fails leaves no trace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from store_samples import DIMENSIONS, chunks_of, document, put, unit

from polyseek.errors import BadInput, StoreError
from polyseek.store import schema
from polyseek.store.arrays import HALF
from polyseek.store.catalog import Catalog, chunk_key
from polyseek.store.opening import Place
from polyseek.types import Chunk, Document, Terms

TEXTS = ["Guten Tag", "你好，世界", "สวัสดี", "مرحبا\x00", "🎉 e\u0301", "'; DROP TABLE chunks; --"]


@pytest.fixture
def path(place: Place) -> Place:
    return place


def test_rows_give_back_what_was_put(path: Place) -> None:
    chunks = [
        Chunk(0, 9, text, 3, 4, ("A", 'b "c"', "顶"), "| head |", language, 17)
        for text, language in zip(TEXTS, ["de", "zh", "th", "ar", "", "en"], strict=True)
    ]
    with Catalog.open(path, write=True) as catalog:
        catalog.put(document("dir/ü.md"), 123, chunks, unit(6))
        ids, languages = catalog.languages()
        rows = catalog.rows(ids[::-1])
        assert languages.tolist() == ["de", "zh", "th", "ar", "", "en"]
        assert [row.chunk for row in rows] == chunks[::-1]
        assert {(row.path, row.title) for row in rows} == {("dir/ü.md", "About dir/ü.md")}
        assert list(catalog.lexical_rows()) == [
            (id, chunk.language, None, "\n".join((*chunk.headings, chunk.context, chunk.text)))
            for id, chunk in zip(ids.tolist(), chunks, strict=True)
        ]


def test_terms_are_kept_with_their_chunk(path: Place) -> None:
    terms = [Terms(("猫", "cat"), frozenset({"`a b`", "42"})), Terms((), frozenset())]
    with Catalog.open(path, write=True) as catalog:
        catalog.put(document("a"), 1, chunks_of(["x", "y"]), unit(2), terms=terms)
        ids = catalog.languages()[0].tolist()
        kept = [(id, words) for id, _, words, _ in catalog.lexical_rows()]
        assert kept == [(ids[0], ["猫", "cat"]), (ids[1], [])]
        assert [place[5] for place in catalog.places()] == ["42\n`a b`", ""]
        assert [place[6] for place in catalog.places()] == ["", ""]


def test_vectors_come_back_as_fp16_in_the_order_asked_for(path: Place) -> None:
    vectors = unit(7)
    with Catalog.open(path, write=True) as catalog:
        catalog.put(document("a"), 1, chunks_of(["x"] * 7), vectors)
        ids, _ = catalog.languages()
        kept = vectors.astype(HALF).astype(np.float32)
        order = np.array([5, 0, 5, 2])
        assert np.array_equal(catalog.vectors(ids[order]), kept[order])
        assert catalog.vectors([]).shape == (0, DIMENSIONS)
        blocks = list(catalog.blocks(size=3))
        assert [len(block[0]) for block in blocks] == [3, 3, 1]
        assert np.array_equal(np.concatenate([block[2] for block in blocks]), kept)
        assert np.array_equal(np.concatenate([block[0] for block in blocks]), ids)
        languages = [language for block in blocks for language in block[1]]
        assert languages == ["en", "zh", "en", "zh", "en", "zh", "en"]


def test_putting_again_replaces(path: Place) -> None:
    with Catalog.open(path, write=True) as catalog:
        put(catalog, "a", ["one", "two", "three"], seed=1)
        put(catalog, "b", ["four"], seed=2)
        old, _ = catalog.languages()
        vectors = put(catalog, "a", ["five", "six"], seed=3)
        ids, _ = catalog.languages()
        assert [row.chunk.text for row in catalog.rows(ids)] == ["four", "five", "six"]
        assert not set(ids[1:].tolist()) & set(old.tolist()), "an id is never given twice"
        assert catalog.statistics().languages == {"en": 2, "zh": 1}
        assert np.array_equal(catalog.language_sums()["zh"][1], vectors[1].astype(HALF))
        assert catalog.damage() == []


def test_digests_and_removing(path: Place) -> None:
    with Catalog.open(path, write=True) as catalog:
        put(catalog, "a", ["one"])
        put(catalog, "b", [])
        assert catalog.digests() == {"a": document("a", "one").digest, "b": document("b").digest}
        assert catalog.remove(["a", "nothing"]) == 1
        assert list(catalog.digests()) == ["b"]
        assert catalog.language_sums() == {}
        assert catalog.statistics().chunks == 0
        assert catalog.statistics().source_bytes == 100


def test_known_texts_need_no_embedding(path: Place) -> None:
    with Catalog.open(path, write=True) as catalog:
        texts = [str(number) for number in range(1200)]
        chunks = chunks_of(texts)
        vectors = unit(1200).astype(HALF)
        catalog.put(document("a"), 1, chunks, vectors)
        keys = [chunk_key(chunk.embedded_text) for chunk in chunks]
        found = catalog.vectors_by_key([*keys, chunk_key("unknown")])
        assert set(found) == set(keys)
        assert np.array_equal(np.stack([found[key] for key in keys]), vectors)


def test_a_transaction_is_one_generation_or_nothing(path: Place) -> None:
    with Catalog.open(path, write=True) as catalog:
        with catalog.transaction():
            put(catalog, "a", ["one"])
            put(catalog, "b", ["two"])
        state = (catalog.generation, catalog.commit)
        assert state[0] == 1
        with pytest.raises(KeyError), catalog.transaction():
            put(catalog, "c", ["three"])
            catalog.remove(["a"])
            raise KeyError
        assert (catalog.generation, catalog.commit) == state
        assert list(catalog.digests()) == ["a", "b"]
        assert catalog.damage() == []


def test_a_put_that_fails_leaves_the_rest_of_the_transaction(path: Place) -> None:
    with Catalog.open(path, write=True) as catalog:
        with catalog.transaction():
            put(catalog, "a", ["one"])
            with pytest.raises(BadInput, match="surrogate"):
                catalog.put(document("bad"), 1, chunks_of(["x", "\ud800"]), unit(2))
            put(catalog, "b", ["two"])
        assert list(catalog.digests()) == ["a", "b"]
        assert catalog.statistics().languages == {"en": 2}


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (unit(2), r"shape \(2, 16\), wanted \(3, 16\)"),
        (unit(3, 8), r"shape \(3, 8\), wanted \(3, 16\)"),
        (unit(3)[0], r"shape \(16,\)"),
        (unit(3) * 1.02, "norm 1.0"),
        (unit(3) * np.nan, "norm nan"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(
    path: Place, vectors: np.ndarray, message: str
) -> None:
    with Catalog.open(path, write=True) as catalog:
        put(catalog, "a", ["one"])
        with pytest.raises(BadInput, match=message):
            catalog.put(document("b"), 1, chunks_of(["x", "y", "z"]), vectors)
        assert list(catalog.digests()) == ["a"]


def test_a_snapshot_sees_one_state_until_it_is_refreshed(path: Place) -> None:
    with Catalog.open(path, write=True) as catalog:
        put(catalog, "a", ["one"])
        with catalog.snapshot() as snapshot, Catalog.open(path) as reader:
            put(catalog, "b", ["two"])
            assert list(snapshot.digests()) == ["a"]
            assert list(reader.digests()) == ["a", "b"]
            assert snapshot.generation == 1
            assert snapshot.refresh()
            assert list(snapshot.digests()) == ["a", "b"]
            assert not snapshot.refresh()


def test_a_chunk_of_another_view_is_named(path: Place) -> None:
    with Catalog.open(path, write=True) as catalog:
        put(catalog, "a", ["one"])
        for ask in (catalog.rows, catalog.vectors):
            with pytest.raises(StoreError, match=r"chunk 77 is not in .* generation 1"):
                ask([1, 77])


def test_the_fingerprint_is_kept(path: Place) -> None:
    fingerprint = {"model": "e5", "prompts": ["query: ", "passage: "], "dimensions": 384}
    with Catalog.open(path, write=True) as catalog:
        assert catalog.fingerprint() == {}
        catalog.set_fingerprint(fingerprint)
    with Catalog.open(path) as catalog:
        assert catalog.fingerprint() == fingerprint


def test_a_document_without_chunks(path: Place) -> None:
    with Catalog.open(path, write=True) as catalog:
        catalog.put(Document("empty.md", ""), 0, [], np.empty((0, DIMENSIONS), np.float32))
        assert catalog.dimensions is None
        assert catalog.statistics().documents == 1
        assert list(catalog.blocks()) == []
        assert catalog.languages()[0].shape == (0,)


def test_a_reader_cannot_write(path: Place) -> None:
    Catalog.open(path, write=True).close()
    with Catalog.open(path) as catalog, pytest.raises(StoreError, match="permissions"):
        put(catalog, "a", ["one"])


def test_keys_differ_where_texts_do() -> None:
    assert chunk_key("a") == chunk_key("a") != chunk_key("b")
    assert len(chunk_key("\ud800")) == 16


def test_importing_the_catalog_needs_no_index_and_no_server() -> None:
    """An empty package stands for polyseek's own __init__, which imports everything."""
    code = (
        "import sys, types\n"
        "package = types.ModuleType('polyseek')\n"
        "package.__path__ = [sys.argv[1]]\n"
        "sys.modules['polyseek'] = package\n"
        "import polyseek.store.catalog\n"
        "sys.exit(bool({'faiss', 'tantivy', 'filelock', 'psycopg'} & set(sys.modules)))"
    )
    package = str(Path(schema.__file__).parents[1])
    assert subprocess.run([sys.executable, "-c", code, package], check=False).returncode == 0
