"""Indexes that grow from those of an earlier state: what they find, what they share, when not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import chunks_of, derive, document, put, unit

from polyseek.store import build, derived
from polyseek.store.collection import Collection
from polyseek.store.members import SHARE_CHANGED, Members
from polyseek.store.view import Recipe, View

DOCUMENTS, PASSAGES = 60, 6


def texts(name: int) -> list[str]:
    return [f"passage {name} {place} word{place} 北京" for place in range(PASSAGES)]


@pytest.fixture(params=["flat", "quantised"])
def collection(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Collection:
    if request.param == "quantised":
        monkeypatch.setattr(build, "QUANTISED_FROM", 0)
    opened = Collection.open(tmp_path / "c", write=True)
    request.addfinalizer(opened.close)
    with opened.catalog.transaction():
        for number in range(DOCUMENTS):
            put(opened.catalog, f"{number}.md", texts(number), seed=number)
    opened.publish(derive)
    return opened


def directory(collection: Collection) -> Path:
    (found,) = (collection.path / "derived").iterdir()
    return found


def inode(collection: Collection, name: str) -> int:
    return (directory(collection) / name).stat().st_ino


def agree(view: View, members: Members) -> None:
    """The view finds what indexes made anew from the sums of `members` find."""
    anew = build.build(view.catalog, lambda _: derive(members.sums), None)
    assert np.array_equal(view.ids, anew.ids)
    assert np.array_equal(view.languages, anew.languages)
    assert np.array_equal(view.prepared(view.ids), anew.prepared(anew.ids))
    queries = unit(4, seed=99)
    k = min(20, len(view.ids))
    for one, other in zip(
        view.index.search(queries, k), anew.index.search(queries, k), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    for query in queries:
        spread, wanted = view.moments.spread(query), anew.moments.spread(query)
        assert list(spread) == list(wanted)
        for language, pair in wanted.items():
            assert spread[language] == pytest.approx(pair, abs=1e-5)
        scores = view.directions.scores(query, view.members.documents)
        wanted_scores = anew.directions.scores(query, view.members.documents)
        np.testing.assert_allclose(scores, wanted_scores, atol=1e-6)  # NaN where that is NaN
    for words in (["word3"], ["passage", "7"], ["gone"], ["new"]):
        ids = {id for id, _ in view.lexical.search(words, len(view.ids))}
        assert ids == {id for id, _ in anew.lexical.search(words, len(view.ids))}


def test_one_document_more(collection: Collection) -> None:
    with collection.view(derive) as view:
        before = view.members
    put(collection.catalog, "new.md", ["the new passage", "新"], seed=777)
    collection.publish(derive)
    assert collection.verify(derive) == []
    with collection.view(derive) as view:
        assert dict(view.members.changed) == {"en": 1, "zh": 1}
        assert {k: v[0] for k, v in view.members.sums.items()} == {"en": 180, "zh": 180}
        agree(view, before)
        new = view.ids[-2:]
        assert view.index.search(view.prepared(new), 1)[0].ravel().tolist() == new.tolist()
        assert [id for id, _ in view.lexical.search(["新"], 5)] == [new[1]]


Change = tuple[int, int]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=6))
def test_any_changes(tmp_path_factory: pytest.TempPathFactory, changes: Sequence[Change]) -> None:
    """Each puts a document of so many passages under a number, new or not; 0 removes it."""
    with Collection.open(tmp_path_factory.mktemp("any"), write=True) as collection:
        with collection.catalog.transaction():
            for number in range(100):
                put(collection.catalog, f"{number}.md", texts(number), seed=number)
        collection.publish(derive)
        for step, (number, size) in enumerate(changes):
            if size:
                put(collection.catalog, f"{number}.md", [f"new {step} {n}" for n in range(size)])
            else:
                collection.catalog.remove([f"{number}.md"])
            collection.publish(derive)
        assert collection.verify(derive) == []
        with collection.view(derive) as view:
            agree(view, view.members)


def test_what_never_changes_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "QUANTISED_FROM", 0)
    with Collection.open(tmp_path, write=True) as collection:
        with collection.catalog.transaction():
            for number in range(DOCUMENTS):
                put(collection.catalog, f"{number}.md", texts(number), seed=number)
        collection.publish(derive)
        segment = next(path.name for path in directory(collection).glob("lexical/*.store"))
        names = ("rows.npy", f"lexical/{segment}")
        before = [inode(collection, name) for name in names]
        old = inode(collection, "vectors.faiss")
        put(collection.catalog, "new.md", ["new"])
        collection.publish(derive)
        assert [inode(collection, name) for name in names] == before
        assert inode(collection, "vectors.faiss") != old


def test_where_names_cannot_be_shared_files_are_copied(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, target: Path) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    put(collection.catalog, "new.md", ["new"])
    collection.publish(derive)
    assert collection.verify(derive) == []
    with collection.view(derive) as view:
        assert dict(view.members.changed) == {"en": 1}


def digests(path: Path) -> dict[str, str]:
    return {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in path.rglob("*")
        if each.is_file() and not each.name.startswith(".")
    }


def test_what_it_grows_from_stays_as_it_is(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = directory(collection)
    before = digests(source)
    monkeypatch.setattr(derived, "sweep", lambda *_, **__: None)
    put(collection.catalog, "7.md", ["new"])
    collection.catalog.remove(["8.md"])
    collection.publish(derive)
    assert digests(source) == before
    assert derived.faults(source, source.name) == []


def test_an_open_view_stays_as_it_is(collection: Collection) -> None:
    with collection.view(derive) as view:
        queries, ids = unit(3, seed=5), view.ids.tolist()
        before = view.index.search(queries, 30)
        words = view.lexical.search(["word3"], 500)
        for number in range(3):
            collection.catalog.remove([f"{number}.md"])
            collection.publish(derive)
        after = view.index.search(queries, 30)
        assert np.array_equal(before[0], after[0])
        assert np.array_equal(before[1], after[1])
        assert view.lexical.search(["word3"], 500) == words
        assert view.ids.tolist() == ids


def test_many_small_changes_in_one_after_the_other(collection: Collection) -> None:
    """tantivy merges segments on the way, and then even frequencies are those made anew."""
    for number in range(12):
        put(collection.catalog, "one.md", [f"new {number}"], seed=number)
        collection.publish(derive)
    assert collection.verify(derive) == []
    with collection.view(derive) as view:
        assert len(view.ids) == DOCUMENTS * PASSAGES + 1
        assert [id for id, _ in view.lexical.search(["new"], 50)] == [view.ids[-1]]


@pytest.mark.parametrize("documents", [1, DOCUMENTS // 2])
def test_after_enough_changes_means_follow(collection: Collection, documents: int) -> None:
    for number in range(documents):
        put(collection.catalog, f"more-{number}.md", texts(number), seed=1000 + number)
    collection.publish(derive)
    assert collection.verify(derive) == []
    few = documents * PASSAGES / 2 <= SHARE_CHANGED * DOCUMENTS * PASSAGES / 2
    with collection.view(derive) as view:
        assert bool(view.members.changed) == few
        now = collection.catalog.language_sums()
        held = view.members.sums
        assert all(np.array_equal(held[name][1], now[name][1]) for name in now) != few


def test_a_language_that_is_new_is_not_grown(collection: Collection) -> None:
    with collection.catalog.transaction():
        chunks = chunks_of(["nouveau"], ["fr"])
        collection.catalog.put(document("fr.md"), 1, chunks, unit(1, seed=4))
        collection.catalog.link([], ["fr.md"])
    collection.publish(derive)
    assert collection.verify(derive) == []
    with collection.view(derive) as view:
        assert "fr" in view.members.sums
        assert view.present() == ["en", "fr", "zh"]


def test_documents_without_passages_come_to_an_empty_collection(tmp_path: Path) -> None:
    with Collection.open(tmp_path, write=True) as collection:
        put(collection.catalog, "old.md", ["old"])
        collection.publish(derive)
        collection.catalog.remove(["old.md"])
        collection.publish(derive)
        for name in ("empty.md", "another.md"):
            put(collection.catalog, name, [])
            collection.publish(derive)
            assert collection.verify(derive) == []
        put(collection.catalog, "new.md", ["new"])
        collection.publish(derive)
        with collection.view(derive) as view:
            assert [id for id, _ in view.lexical.search(["new"], 5)] == view.ids.tolist()


def test_another_recipe_is_made_anew(collection: Collection) -> None:
    put(collection.catalog, "new.md", ["new"])
    recipe = derive(collection.catalog.language_sums())

    def other(sums: object) -> Recipe:
        return Recipe(recipe.prepare, str.split, "another salt")

    collection.publish(other)
    with collection.view(other) as view:
        assert view.recipe.salt == "another salt"
        assert not view.members.changed
    assert any("another preparation" in each for each in collection.verify(derive))


def test_links_need_no_other_indexes(collection: Collection) -> None:
    before = inode(collection, "vectors.faiss")
    commit = collection.catalog.commit
    collection.catalog.link([], ["1.md"])
    assert collection.catalog.commit != commit
    collection.publish(derive)
    assert inode(collection, "vectors.faiss") == before
    assert collection.verify(derive) == []


def test_a_damaged_source_is_not_grown_from(collection: Collection) -> None:
    (directory(collection) / "vectors.faiss").write_bytes(b"nothing")
    put(collection.catalog, "new.md", ["new"])
    collection.publish(derive)
    assert collection.verify(derive) == []
    with collection.view(derive) as view:
        assert not view.members.changed
