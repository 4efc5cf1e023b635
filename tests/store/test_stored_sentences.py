"""Sentences in the catalog: what is put in comes out, nearly, and what is wrong is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import DIMENSIONS, chunks_of, derive, document, put, unit

from polyseek.errors import BadInput
from polyseek.store.arrays import Vectors
from polyseek.store.catalog import Catalog, chunk_key
from polyseek.store.collection import Collection
from polyseek.store.opening import Place
from polyseek.store.sentences import restored, rounded
from polyseek.types import Chunk

TEXTS = ["One is here. Two is here.", "只有一句。", "一。二。三。", "🎉 e\u0301. Ende."]
SAID: list[list[tuple[int, int]]] = [
    [(0, 12), (13, 25)],
    [],
    [(0, 2), (2, 4), (4, 6)],
    [(0, 5), (6, 11)],
]
"""The sentences of each text, by hand."""


def said_chunks(
    texts: Sequence[str] = TEXTS, said: Sequence[Sequence[tuple[int, int]]] = SAID
) -> list[Chunk]:
    """Chunks with sentences, whose offsets count from the start of the document."""
    return [
        replace(each, sentences=tuple((each.start + a, each.start + b) for a, b in borders))
        for each, borders in zip(chunks_of(texts), said, strict=True)
    ]


def rows_for(chunks: Sequence[Chunk], seed: int = 7) -> list[Vectors]:
    return [unit(len(each.sentences), seed=seed + at) for at, each in enumerate(chunks)]


def put_said(catalog: Catalog, path: str, seed: int = 7) -> list[Vectors]:
    """Put the four texts; returns the vectors of the sentences of each."""
    chunks = said_chunks()
    vectors = rows_for(chunks, seed)
    catalog.put(document(path), 1, chunks, unit(len(chunks), seed=seed), "", vectors)
    return vectors


@pytest.fixture
def catalog(place: Place) -> Iterator[Catalog]:
    with Catalog.open(place, write=True) as opened:
        yield opened


# Eight bits.


@pytest.mark.parametrize(
    ("dimensions", "off"), [(2, 0.01), (16, 0.01), (384, 0.002), (1024, 0.002)]
)
def test_eight_bits_are_enough(dimensions: int, off: float) -> None:
    vectors = unit(500, dimensions, seed=1)
    stored = rounded(vectors)
    assert stored.dtype == np.int8
    assert np.array_equal(np.abs(stored.astype(int)).max(axis=1), np.full(500, 127))
    back = restored(stored)
    assert back.dtype == np.float32
    assert np.allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
    assert ((vectors * back).sum(axis=1) > 1 - 1e-4).all()
    queries = unit(50, dimensions, seed=2)
    assert np.abs(queries @ back.T - queries @ vectors.T).max() < off


@given(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4), st.floats(1e-3, 1e3))
def test_a_vector_is_a_direction(numbers: list[float], scale: float) -> None:
    """Whatever its length, it comes back with length 1 and the direction that it had."""
    vector = np.array([numbers], np.float32)
    length = float(np.linalg.norm(vector))
    if length < 1e-3:
        return
    back = restored(rounded(vector * np.float32(scale)))
    assert np.linalg.norm(back) == pytest.approx(1, abs=1e-6)
    assert (back @ vector.T).item() / length > 1 - 1e-4
    assert np.array_equal(rounded(back), rounded(vector)), "rounding twice changes nothing"


def test_rounding_by_hand() -> None:
    stored = rounded(np.array([[0.5, -0.25, 0.0], [-0.1, 0.1, 0.05]], np.float32))
    assert stored.tolist() == [[127, -64, 0], [-127, 127, 64]]
    assert rounded(stored) is stored
    length = (127**2 + 64**2) ** 0.5
    assert restored(stored)[0] == pytest.approx([127 / length, -64 / length, 0])
    assert restored(np.zeros((1, 3), np.int8)).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_vector_without_direction_is_refused(catalog: Catalog, bad: float) -> None:
    chunks = said_chunks()
    vectors = rows_for(chunks)
    vectors[2][1] = bad
    with pytest.raises(BadInput, match="zero or not finite: embed it again"):
        catalog.put(document("a"), 1, chunks, unit(4), "", vectors)
    assert catalog.digests() == {}


# In and out.


def test_what_is_put_comes_out(catalog: Catalog) -> None:
    vectors = put_said(catalog, "a")
    ids = catalog.languages()[0].tolist()
    found = catalog.sentences(ids)
    assert found.owners.tolist() == [ids[0]] * 2 + [ids[2]] * 3 + [ids[3]] * 2
    assert found.borders.tolist() == [list(border) for borders in SAID for border in borders]
    texts = {row.id: row.chunk.text for row in catalog.rows(ids)}
    pairs = zip(found.owners.tolist(), found.borders.tolist(), strict=True)
    assert [texts[id][start:end] for id, (start, end) in pairs] == [
        *("One is here.", "Two is here."),
        *("一。", "二。", "三。"),
        *("🎉 e\u0301.", "Ende."),
    ]
    assert found.vectors.dtype == np.float32
    assert np.array_equal(found.vectors, restored(rounded(np.concatenate(vectors))))


def test_owners_ascend_however_they_are_asked_for(catalog: Catalog) -> None:
    for name in "abc":
        put_said(catalog, name, seed=ord(name))
    ids = catalog.languages()[0].tolist()
    every = catalog.sentences(ids)
    again = catalog.sentences([*reversed(ids), ids[0], 12345])
    assert again.owners.tolist() == every.owners.tolist() == sorted(every.owners.tolist())
    assert np.array_equal(again.vectors, every.vectors)
    some = catalog.sentences([ids[2]])
    assert np.array_equal(some.vectors, every.vectors[every.owners == ids[2]])


@pytest.mark.parametrize("ids", [[], [2], [99]])
def test_no_sentences(catalog: Catalog, ids: list[int]) -> None:
    put_said(catalog, "a")
    found = catalog.sentences(ids)
    assert (found.owners.shape, found.borders.shape) == ((0,), (0, 2))
    assert found.vectors.shape == (0, DIMENSIONS)


def test_more_than_one_statement_takes(catalog: Catalog) -> None:
    texts = [f"The first of {n}. The second of {n}." for n in range(1100)]
    chunks = said_chunks(texts, [[(0, 5), (6, 9)]] * 1100)
    vectors = rows_for(chunks)
    catalog.put(document("a"), 1, chunks, unit(1100), "", vectors)
    found = catalog.sentences(catalog.languages()[0][::-1])
    assert np.array_equal(found.vectors, restored(rounded(np.concatenate(vectors))))
    keys = [chunk_key(each.embedded_text) for each in chunks]
    known = catalog.sentences_by_key(keys)
    assert all(
        np.array_equal(known[key], rounded(each)) for key, each in zip(keys, vectors, strict=True)
    )


def test_known_sentences_by_key(catalog: Catalog) -> None:
    vectors = put_said(catalog, "a")
    keys = [chunk_key(each.embedded_text) for each in said_chunks()]
    known = catalog.sentences_by_key([*keys, chunk_key("unknown")])
    assert set(known) == {keys[0], keys[2], keys[3]}
    # As they lie: put again they are the same bytes.
    rows = [known.get(key, np.empty((0, DIMENSIONS), np.int8)) for key in keys]
    catalog.put(document("b"), 1, said_chunks(), unit(4), "", rows)
    again = catalog.sentences(catalog.languages()[0][4:])
    assert np.array_equal(again.vectors, restored(rounded(np.concatenate(vectors))))


def test_sentences_go_with_their_chunks(catalog: Catalog) -> None:
    put_said(catalog, "a", seed=1)
    put_said(catalog, "b", seed=2)
    old = catalog.languages()[0]
    vectors = put_said(catalog, "b", seed=3)
    ids = catalog.languages()[0]
    assert catalog.sentences(old[4:]).owners.size == 0
    assert np.array_equal(
        catalog.sentences(ids[4:]).vectors, restored(rounded(np.concatenate(vectors)))
    )
    catalog.remove(["a"])
    assert set(catalog.sentences(ids).owners.tolist()) == set(ids[[4, 6, 7]].tolist())
    put(catalog, "b", ["without any"])
    assert catalog._db.execute("SELECT count(*) FROM sentences").fetchone() == (0,)


# What is refused.


@pytest.mark.parametrize("counts", [(1, 0, 3, 2), (2, 1, 3, 2), (2, 0, 4, 2), (0, 0, 0, 0)])
def test_wrong_counts_are_refused(catalog: Catalog, counts: Sequence[int]) -> None:
    vectors = [unit(count) for count in counts]
    with pytest.raises(BadInput, match=r"\d vectors for \d sentences: one row a sentence"):
        catalog.put(document("a"), 1, said_chunks(), unit(4), "", vectors)
    assert catalog.digests() == {}
    assert catalog.damage() == []


def test_sentences_without_vectors_are_refused(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match="0 vectors for 2 sentences"):
        catalog.put(document("a"), 1, said_chunks(), unit(4))


@pytest.mark.parametrize("keep", [3, 1])
def test_vectors_for_fewer_chunks_are_refused(catalog: Catalog, keep: int) -> None:
    with pytest.raises(BadInput):
        catalog.put(document("a"), 1, said_chunks(), unit(4), "", rows_for(said_chunks())[:keep])


def test_vectors_of_another_model_are_refused(catalog: Catalog) -> None:
    vectors = [unit(len(each), 8) for each in SAID]
    with pytest.raises(BadInput):
        catalog.put(document("a"), 1, said_chunks(), unit(4), "", vectors)


# What is damaged.


def bordered(*numbers: int) -> bytes:
    return np.array(numbers, "<i4").tobytes()


ONE, TWO = bytes([1] * DIMENSIONS), bytes([1] * DIMENSIONS * 2)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("vectors", ONE),
        ("vectors", TWO + ONE),
        ("vectors", b""),
        ("borders", bordered(0, 12)),
        ("borders", bordered(0, 12, 13, 26)),
        ("borders", bordered(-1, 12, 13, 25)),
        ("borders", bordered(12, 0, 13, 25)),
        ("borders", bordered(0, 12, 13, 13)),
        ("borders", b""),
        pytest.param("borders", bordered(0, 12, 13)),
        pytest.param("borders", b"\x00\x01\x02"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, column: str, value: bytes) -> None:
    with Collection.open(tmp_path, write=True) as collection:
        put_said(collection.catalog, "a")
        collection.catalog.link([], ["a"])
        collection.publish(derive)
        assert collection.verify(derive) == []
    db = sqlite3.connect(tmp_path / "catalog.sqlite")
    db.execute(f"UPDATE sentences SET {column} = ? WHERE chunk_id = 1", (value,))
    db.commit()
    db.close()
    with Collection.open(tmp_path) as collection:
        assert collection.verify(derive) == ["the sentences of chunk 1 are not those of its text"]


def test_a_text_with_a_zero_in_it_is_whole(catalog: Catalog) -> None:
    chunks = said_chunks(["One\0 is here. Two is here."], [[(0, 13), (14, 26)]])
    catalog.put(document("a"), 1, chunks, unit(1), "", rows_for(chunks))
    catalog.link([], ["a"])
    assert catalog.damage() == []
