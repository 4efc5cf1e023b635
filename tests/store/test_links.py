"""Links in the catalog: found, stated and denied, and what becomes of them with their documents."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import chunks_of, derive, document, unit

from polyseek.errors import StoreError
from polyseek.store import schema
from polyseek.store.catalog import Catalog, chunk_key
from polyseek.store.collection import Collection
from polyseek.store.links import STATED, StoredLink, put_links
from polyseek.store.links import links_of as stored_links_of
from polyseek.store.opening import Place

TEXTS = ["first", "second", "third"]


def put_in(catalog: Catalog, path: str, language: str, texts: Sequence[str] = TEXTS) -> list[int]:
    """Put a document, a chunk a text, all in one language; returns the ids of its chunks."""
    named = [f"{language} {text}" for text in texts]
    vectors = unit(len(named), seed=len(path))
    catalog.put(document(path, "".join(named)), 1, chunks_of(named, [language]), vectors)
    ids: list[int] = catalog.languages()[0].tolist()
    return ids[-len(texts) :]


def found(one: int, other: int, *evidence: str) -> StoredLink:
    return StoredLink(one, other, 0.75, 1.25, evidence or ("mutual", "marks"))


def passage(path: str, text: str) -> tuple[str, bytes]:
    """How statements name the passage of a document that has this text."""
    return path, chunk_key(chunks_of([text])[0].embedded_text)


def stated(one: int, other: int) -> StoredLink:
    return StoredLink(one, other, 1.0, 0.0, (STATED,))


ENGLISH, RUSSIAN = passage("en.md", "en first"), passage("ru.md", "ru first")


@contextmanager
def three_languages(place: Place) -> Iterator[Catalog]:
    """Documents in three languages: chunks 1 to 3, 4 to 6 and 7 to 9."""
    with Catalog.open(place, write=True) as opened:
        assert put_in(opened, "en.md", "en") == [1, 2, 3]
        assert put_in(opened, "ru.md", "ru") == [4, 5, 6]
        assert put_in(opened, "ja.md", "ja") == [7, 8, 9]
        yield opened


@pytest.fixture
def catalog(place: Place) -> Iterator[Catalog]:
    with three_languages(place) as opened:
        yield opened


# Found links.


def test_links_lead_both_ways(catalog: Catalog) -> None:
    given = [found(1, 4), found(1, 7, "mutual"), found(3, 9), found(4, 7, "names", "order")]
    catalog.link(given[::-1], [])
    assert catalog.links() == given
    assert catalog.links_of([1, 4, 7, 9, 2, 99]) == {1: [4, 7], 4: [1, 7], 7: [1, 4], 9: [3]}
    assert catalog.links_of(np.array([3])) == {3: [9]}
    assert catalog.links_of([]) == {}


pairs = st.sets(
    st.tuples(st.integers(1, 30), st.integers(1, 30)).filter(lambda pair: pair[0] < pair[1])
)


@given(pairs, st.lists(st.integers(0, 31), unique=True))
def test_links_of_is_what_the_pairs_say(linked: set[tuple[int, int]], asked: list[int]) -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(schema.MIGRATIONS[0] + schema.MIGRATIONS[1])
    put_links(db, [found(*pair) for pair in sorted(linked)])
    wanted = {
        id: sorted([b for a, b in linked if a == id] + [a for a, b in linked if b == id])
        for id in asked
    }
    assert stored_links_of(db, asked) == {id: others for id, others in wanted.items() if others}
    db.close()


def test_more_than_one_statement_takes(catalog: Catalog) -> None:
    many = put_in(catalog, "many.en.md", "en", [str(n) for n in range(1200)])
    also = put_in(catalog, "many.ru.md", "ru", [str(n) for n in range(1200)])
    catalog.link([found(*pair) for pair in zip(many, also, strict=True)], [])
    assert catalog.links_of([*many, *also]) == {
        **{a: [b] for a, b in zip(many, also, strict=True)},
        **{b: [a] for a, b in zip(many, also, strict=True)},
    }


def test_a_link_that_is_found_again_has_the_new_evidence(catalog: Catalog) -> None:
    catalog.link([found(1, 4)], [])
    again = StoredLink(1, 4, 0.5, 1.0, ("document",))
    catalog.link([again], [])
    assert catalog.links() == [again]


@pytest.mark.parametrize("pair", [(4, 1), (4, 4)])
def test_the_ends_are_in_order(catalog: Catalog, pair: tuple[int, int]) -> None:
    with pytest.raises(StoreError, match="one < other"):
        catalog.link([found(1, 7), found(*pair)], ["en.md"])
    assert catalog.links() == []
    assert "en.md" in catalog.pending()


def test_links_go_with_their_chunks(catalog: Catalog) -> None:
    catalog.link([found(1, 4), found(1, 7), found(4, 7), found(2, 5)], [])
    catalog.remove(["ru.md"])
    assert catalog.links() == [found(1, 7)]
    assert catalog.links_of([1, 2, 4]) == {1: [7]}
    put_in(catalog, "en.md", "en")
    assert catalog.links() == []
    catalog.link([], catalog.pending())
    assert catalog.damage() == []


# Pending documents.


def test_what_is_put_is_pending_until_it_is_linked(catalog: Catalog) -> None:
    assert catalog.pending() == ["en.md", "ja.md", "ru.md"]
    catalog.link([found(1, 4)], ["ru.md", "en.md"])
    assert catalog.pending() == ["ja.md"]
    catalog.link([], ["ja.md", "unknown.md"])
    assert catalog.pending() == []
    put_in(catalog, "ru.md", "ru")
    assert catalog.pending() == ["ru.md"]
    catalog.move({"en.md": "/elsewhere/en.md"})
    assert catalog.pending() == ["ru.md"]
    catalog.remove(["ru.md"])
    assert catalog.pending() == []


def test_links_and_marks_are_stored_together_or_not_at_all(catalog: Catalog) -> None:
    before = catalog.commit
    with pytest.raises(StoreError, match=r"(?i)foreign key"):
        catalog.link([found(1, 4), found(1, 77)], ["en.md"])
    assert (catalog.links(), catalog.commit) == ([], before)
    assert catalog.pending() == ["en.md", "ja.md", "ru.md"]
    catalog.link([found(1, 4)], ["en.md"])
    assert catalog.commit != before, "a view of the old state has no such link"


# What people say.


def test_a_person_links_two_passages(catalog: Catalog) -> None:
    catalog.state(RUSSIAN, ENGLISH, linked=True)
    assert catalog.links() == [stated(1, 4)]
    assert catalog.links_of([4]) == {4: [1]}
    catalog.link([found(1, 4), found(2, 5)], [])
    assert catalog.links() == [stated(1, 4), found(2, 5)], "what is found does not win"
    catalog.state(ENGLISH, RUSSIAN, linked=True)
    assert catalog.links() == [stated(1, 4), found(2, 5)]


def test_a_person_wins_over_what_was_found(catalog: Catalog) -> None:
    catalog.link([found(1, 4)], [])
    catalog.state(ENGLISH, RUSSIAN, linked=True)
    assert catalog.links() == [stated(1, 4)]


@pytest.mark.parametrize("first", [ENGLISH, RUSSIAN])
def test_what_is_unlinked_stays_unlinked(catalog: Catalog, first: tuple[str, bytes]) -> None:
    second = RUSSIAN if first == ENGLISH else ENGLISH
    catalog.link([found(1, 4), found(2, 5)], [])
    catalog.state(first, second, linked=False)
    assert catalog.links() == [found(2, 5)]
    for _ in range(2):
        catalog.link([found(1, 4), found(2, 5)], ["en.md"])
        assert catalog.links() == [found(2, 5)]
    assert catalog.pending() == ["ja.md", "ru.md"]
    catalog.state(second, first, linked=True)
    assert catalog.links() == [stated(1, 4), found(2, 5)], "the last word counts, said either way"
    catalog.state(first, second, linked=False)
    assert catalog.links() == [found(2, 5)]


@pytest.mark.parametrize("linked", [True, False])
def test_statements_outlive_ids(catalog: Catalog, linked: bool) -> None:
    """Both documents are indexed again, one with another passage before the same text."""
    catalog.state(ENGLISH, RUSSIAN, linked=linked)
    ids = put_in(catalog, "en.md", "en", ["new", *TEXTS])
    again = put_in(catalog, "ru.md", "ru")
    pair = ids[1], again[0]
    catalog.link([found(*pair)], ["en.md", "ru.md"])
    assert catalog.links() == ([stated(*pair)] if linked else [])


def test_statements_outlive_documents_and_await_them(catalog: Catalog) -> None:
    catalog.state(ENGLISH, RUSSIAN, linked=True)
    catalog.state(ENGLISH, passage("zh.md", "zh first"), linked=True)
    assert catalog.links() == [stated(1, 4)]
    catalog.remove(["ru.md", "en.md"])
    catalog.link([], [])
    assert catalog.links() == []
    chinese = put_in(catalog, "zh.md", "zh")[0]
    english = put_in(catalog, "en.md", "en")[0]
    catalog.link([], ["en.md", "zh.md"])
    assert catalog.links() == [stated(chinese, english)]


def test_a_statement_does_not_hold_for_another_text(catalog: Catalog) -> None:
    catalog.state(ENGLISH, RUSSIAN, linked=True)
    put_in(catalog, "en.md", "en", ["changed", *TEXTS[1:]])
    catalog.link([], ["en.md"])
    assert catalog.links() == []
    put_in(catalog, "en.copy.md", "en")
    catalog.link([], ["en.copy.md"])
    assert catalog.links() == [], "nor for the same text in another document"


def test_a_statement_holds_for_every_passage_of_that_text(catalog: Catalog) -> None:
    ids = put_in(catalog, "en.md", "en", ["first", "other", "first"])
    catalog.state(ENGLISH, RUSSIAN, linked=True)
    assert catalog.links() == [stated(4, ids[0]), stated(4, ids[2])]


def test_a_passage_is_no_version_of_itself(catalog: Catalog) -> None:
    """Of two passages of one text in one document nothing can be said; no link comes of it."""
    catalog.state(ENGLISH, ENGLISH, linked=True)
    assert catalog.links() == []


# What verify finds.


def test_verify_names_what_is_pending_and_what_cannot_be(tmp_path: Path) -> None:
    with Collection.open(tmp_path, write=True) as collection:
        catalog = collection.catalog
        put_in(catalog, "en.md", "en")
        put_in(catalog, "ru.md", "ru")
        waiting = "the versions of {} documents have not been looked for, {!r} among them"
        assert collection.verify(derive) == [
            waiting.format(2, "en.md") + ": run `polyseek index` again"
        ]
        catalog.link([found(1, 4), found(1, 2)], ["en.md"])
        one_language, pending = collection.verify(derive)
        assert one_language == "chunks 1 and 2 are linked, and both are in language 'en'"
        assert pending.startswith(waiting.format(1, "ru.md"))
        # Who states a link may know better than whoever told the language.
        catalog.state(ENGLISH, passage("en.md", "en second"), linked=True)
        catalog.link([], ["ru.md"])
        collection.publish(derive)
        assert collection.verify(derive) == []
        assert catalog.links() == [stated(1, 2), found(1, 4)]


# From version 1 of the schema.


def first_version(new: Path, old: Path) -> None:
    """The database `new` as it would be without anything that came later than version 1."""
    db = sqlite3.connect(old)
    db.executescript(schema.MIGRATIONS[0] + "DELETE FROM meta; PRAGMA user_version = 1;")
    db.execute("ATTACH ? AS new", (str(new),))
    for table in ("meta", "documents", "chunks", "vectors", "language_sums"):
        names = [f'"{name}"' for _, name, *_ in db.execute(f"PRAGMA main.table_info({table})")]
        columns = ", ".join(names)
        db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    db.execute("DELETE FROM meta WHERE key = 'content'")
    db.commit()
    db.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Catalog]:
    with three_languages(tmp_path / "catalog.sqlite") as opened:
        yield opened


def test_a_database_without_links_is_brought_up_to_date(local: Catalog, tmp_path: Path) -> None:
    catalog, ids = local, range(1, 10)
    first_version(tmp_path / "catalog.sqlite", path := tmp_path / "old.sqlite")
    with pytest.raises(StoreError, match=r"version 1, .* version \d: index into the collection"):
        Catalog.open(path)
    for _ in range(2):
        with Catalog.open(path, write=True) as new:
            assert (new.digests(), new.uid) == (catalog.digests(), catalog.uid)
            assert (new.commit, new.generation) == (catalog.commit, catalog.generation)
            assert new.rows(ids) == catalog.rows(ids)
            assert np.array_equal(new.vectors(ids), catalog.vectors(ids))
            assert new.sentences(ids).owners.size == 0
            assert new.pending() == ["en.md", "ja.md", "ru.md"]
    with Catalog.open(path, write=True) as new:
        new.link([found(1, 4), found(1, 7)], new.pending())
        assert new.damage() == []
        new.remove(["ru.md"])
        assert new.links() == [found(1, 7)]
