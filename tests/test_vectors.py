"""Vectors of passages and sentences, and the meter that tells how far they are. The toy model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek import vectors
from polyseek.chunking import passage_sentences
from polyseek.engine.embedder import Embedder
from polyseek.meter import Meter, Progress
from polyseek.models.spec import Role
from polyseek.store.catalog import Catalog
from polyseek.store.sentences import rounded
from polyseek.types import Chunk, Document
from polyseek.vectors import Vectors
from toy import DIMENSIONS, toy_embedder, toy_vector

CATS = "The cat is asleep. The server is warm."
DOGS = "A dog runs outside. A fish cannot run."
SHORT = "The backup is done"


class Recorder(Embedder):
    """The toy, remembering the texts that it was given, a list a call."""

    def __init__(self) -> None:
        toy = toy_embedder()
        super().__init__(toy.spec, toy.weights, toy.tokenizer, toy.forward)
        self.calls: list[list[str]] = []

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        **options: Any,  # noqa: ANN401 - as they are
    ) -> npt.NDArray[np.float32]:
        assert role == "passage"
        self.calls.append([*texts])
        return super().embed(texts, role, **options)


def made(
    text: str, *, at: int = 0, sentences: bool = True, headings: tuple[str, ...] = ()
) -> Chunk:
    """A chunk that starts at `at`, as indexing makes it."""
    chunk = Chunk(at, at + len(text), text, 1, 1, headings, language="en")
    borders = passage_sentences(text) if sentences else []
    return replace(
        chunk,
        sentences=tuple((at + start, at + end) for start, end in borders) if borders[1:] else (),
        tokens=toy_embedder().count([chunk.embedded_text])[0],
    )


def silent(more: int, texts: int, passages: int) -> None:
    pass


def store(catalog: Catalog, path: str, chunks: Sequence[Chunk], embedder: Embedder) -> Vectors:
    """Embed what is missing and put the document, as a run does."""
    found = Vectors(catalog, chunks)
    found.embed(embedder, silent)
    rows, sentences = found.of(chunks, DIMENSIONS)
    catalog.put(Document(path, ""), 1, chunks, rows, "", sentences)
    return found


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite", write=True) as opened:
        yield opened


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_passages_and_their_sentences(catalog: Catalog, recorder: Recorder) -> None:
    chunks = [made(CATS, headings=("Pets",)), made(SHORT, at=50), made(DOGS, at=100)]
    found = Vectors(catalog, chunks)
    assert [each.text for each in found.missing.values()] == [CATS, SHORT, DOGS]
    found.embed(recorder, silent)
    assert recorder.calls == [
        [
            *("Pets\n" + CATS, SHORT, DOGS),
            *("The cat is asleep.", "The server is warm."),
            *("A dog runs outside.", "A fish cannot run."),
        ]
    ]
    rows, sentences = found.of(chunks, DIMENSIONS)
    assert rows.dtype == np.float32
    words = [each.embedded_text.replace(".", "").split() for each in chunks]
    assert np.allclose(rows, [toy_vector(*each) for each in words], atol=1e-6)
    assert [each.shape for each in sentences] == [(2, DIMENSIONS), (0, DIMENSIONS), (2, DIMENSIONS)]
    assert np.allclose(sentences[0][1], toy_vector("the", "server", "is", "warm"), atol=1e-6)
    assert np.allclose(sentences[2][0], toy_vector("a", "dog", "runs", "outside"), atol=1e-6)
    # 9, 4 and 8 words, and the sentences once more: 4 + 4 and 4 + 4.
    assert found.tokens == 9 + 4 + 8 + 16


def test_what_is_known_is_not_embedded_again(catalog: Catalog, recorder: Recorder) -> None:
    first = store(catalog, "a", [made(CATS), made(SHORT, at=50)], recorder)
    again = [made(SHORT, at=7), made(CATS, at=70), made(DOGS, at=200)]
    second = Vectors(catalog, again)
    assert [each.text for each in second.missing.values()] == [DOGS]
    recorder.calls.clear()
    second.embed(recorder, silent)
    assert recorder.calls == [[DOGS, "A dog runs outside.", "A fish cannot run."]]
    assert second.tokens == 16
    rows, sentences = second.of(again, DIMENSIONS)
    kept, kept_sentences = first.of([made(SHORT), made(CATS)], DIMENSIONS)
    assert np.array_equal(rows[:2], kept.astype(np.float16))
    assert sentences[1].dtype == np.int8
    assert np.array_equal(sentences[1], rounded(kept_sentences[1]))


def test_with_nothing_missing_the_model_rests(catalog: Catalog, recorder: Recorder) -> None:
    store(catalog, "a", [made(CATS), made(DOGS, at=60)], recorder)
    recorder.calls.clear()
    told: list[tuple[int, int, int]] = []
    found = Vectors(catalog, [made(DOGS), made(CATS)])
    found.embed(recorder, lambda *figures: told.append(figures))
    assert (found.missing, recorder.calls, told, found.tokens) == ({}, [], [], 0)


def test_equal_texts_are_embedded_once(catalog: Catalog, recorder: Recorder) -> None:
    chunks = [made(CATS), made(DOGS, at=50), made(CATS, at=100), made(CATS, at=200)]
    found = Vectors(catalog, chunks)
    found.embed(recorder, silent)
    assert sum(text == CATS for text in recorder.calls[0]) == 1
    assert len(recorder.calls[0]) == 2 + 4
    rows, sentences = found.of(chunks, DIMENSIONS)
    assert np.array_equal(rows[0], rows[2])
    assert np.array_equal(rows[0], rows[3])
    assert not np.array_equal(rows[0], rows[1])
    assert np.array_equal(sentences[0], sentences[2])
    catalog.put(Document("a", ""), 1, chunks, rows, "", sentences)
    assert catalog.sentences(catalog.languages()[0]).owners.tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


def test_sentences_that_are_new_to_a_text_are_embedded(
    catalog: Catalog, recorder: Recorder
) -> None:
    """A collection may have kept none of them before."""
    store(catalog, "a", [made(CATS, sentences=False)], recorder)
    assert Vectors(catalog, [made(CATS, sentences=False)]).missing == {}
    found = store(catalog, "b", [made(CATS)], recorder)
    assert recorder.calls[1] == [CATS, "The cat is asleep.", "The server is warm."]
    assert len(found.missing) == 1
    # The other way round nothing is missing, and none are given.
    without = Vectors(catalog, [made(CATS, sentences=False)])
    assert without.missing == {}
    rows, sentences = without.of([made(CATS, sentences=False)], DIMENSIONS)
    assert (rows.shape, sentences[0].shape) == ((1, DIMENSIONS), (0, DIMENSIONS))


def test_one_text_with_and_without_sentences(catalog: Catalog, recorder: Recorder) -> None:
    chunks = [made(CATS, sentences=False), made(CATS, at=60)]
    store(catalog, "a", chunks, recorder)
    assert catalog.sentences(catalog.languages()[0]).owners.tolist() == [2, 2]


@pytest.mark.parametrize("slice_", [1, 2, 3, 100])
def test_slices_do_not_matter(
    catalog: Catalog, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, slice_: int
) -> None:
    monkeypatch.setattr(vectors, "SLICE", slice_)
    texts = [f"The cat {n} is here. The dog {n} is here." for n in range(5)]
    chunks = [made(text, at=100 * at) for at, text in enumerate([*texts, SHORT])]
    told: list[tuple[int, int, int]] = []
    found = Vectors(catalog, chunks)
    found.embed(recorder, lambda *figures: told.append(figures))
    assert len(recorder.calls) == -(-6 // slice_)
    assert sum(more for more, _, _ in told) == 6 + 10
    assert {figures[1:] for figures in told} == {(16, 6)}
    rows, sentences = found.of(chunks, DIMENSIONS)
    for n in range(5):
        assert np.allclose(
            sentences[n],
            [toy_vector("the", each, str(n), "is", "here") for each in ("cat", "dog")],
            atol=1e-6,
        )
        whole = toy_vector(*texts[n].replace(".", "").split())
        assert np.allclose(rows[n], whole, atol=1e-6)


def test_of_nothing(catalog: Catalog, recorder: Recorder) -> None:
    found = Vectors(catalog, [])
    found.embed(recorder, silent)
    rows, sentences = found.of([], DIMENSIONS)
    assert (rows.shape, sentences, recorder.calls) == ((0, DIMENSIONS), [], [])


# The meter.


def test_the_meter_by_hand() -> None:
    told: list[Progress] = []
    meter = Meter(told.append, {"a": 100, "b": 200, "c": 100})
    meter.read("a", waits=True)
    meter.read("b", waits=False)
    meter.embedding(3, 4, 2)  # three of four texts, which are two passages and two sentences
    meter.embedding(1, 4, 2)
    meter.stored(2)
    meter.read("c", waits=True)
    meter.stored(0)  # all of it was known
    assert told == [
        Progress(1, 3, 0, 0.0),
        Progress(2, 3, 0, 0.5),
        Progress(2, 3, 1, 0.5 + 0.25 * 3 / 4),
        Progress(2, 3, 2, 0.75),
        Progress(2, 3, 2, 0.75),
        Progress(3, 3, 2, 0.75),
        Progress(3, 3, 2, 1.0),
    ]


files = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 5)), min_size=1, max_size=12)


@given(files, st.integers(1, 7))
def test_the_meter_never_goes_back(sizes: list[tuple[int, int]], at_once: int) -> None:
    """Files of some bytes and some passages of two sentences each; the end is the whole."""
    told: list[Progress] = []
    meter = Meter(told.append, {str(at): size for at, (size, _) in enumerate(sizes)})
    waiting = 0
    for at, (_, passages) in enumerate(sizes):
        meter.read(str(at), waits=passages > 0)
        waiting += passages
        if waiting >= at_once or at == len(sizes) - 1:
            for _ in range(3 * waiting):
                meter.embedding(1, 3 * waiting, waiting)
            meter.stored(waiting)
            waiting = 0
    assert [each.share for each in told] == sorted(each.share for each in told)
    assert [each.embedded for each in told] == sorted(each.embedded for each in told)
    whole = float(any(size for size, _ in sizes))
    assert told[-1] == Progress(len(sizes), len(sizes), sum(n for _, n in sizes), whole)
