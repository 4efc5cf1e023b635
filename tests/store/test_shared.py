"""A collection on servers: a view answers as a local one does, whatever happens on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from store_samples import derive, put, unit

from polyseek.errors import Locked, StoreError
from polyseek.store import advisory, members, publishing
from polyseek.store.build import build
from polyseek.store.members import Sums
from polyseek.store.postgres import Schema
from polyseek.store.published import read_published
from polyseek.store.shared import Place, SharedCollection
from polyseek.store.view import Recipe, View
from remote_double import MemoryServer, shared_place

_numbers = count()
MANY = [f"w{n % 7} w{n}" for n in range(60)]


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def place(postgres: str, server: MemoryServer) -> Place:
    return shared_place(Schema(postgres, f"shared_{next(_numbers)}"), server)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Means hold longer, so that few passages are enough to grow by."""
    monkeypatch.setattr(members, "SHARE_CHANGED", 0.5)


def filled(place: Place) -> None:
    with SharedCollection.open(place, write=True) as collection:
        put(collection.catalog, "many", MANY, seed=1)
        put(collection.catalog, "few", ["w1 x", "w2 y", "w3 z"], seed=2)
        collection.publish(derive)


def change(collection: SharedCollection) -> None:
    """A document more, one less, one changed."""
    put(collection.catalog, "new", ["w1 new", "w2 new"], seed=3)
    put(collection.catalog, "few", ["w1 x", "w4 y"], seed=4)


def test_many_new_rows_are_waited_for(
    place: Place, server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server finds them less well until they are in its graph."""
    filled(place)
    assert [held.settled for held in server.held.values()] == [0]
    monkeypatch.setattr(publishing, "MANY", 20)
    with SharedCollection.open(place, write=True) as collection:
        put(collection.catalog, "few", ["w1 x", "w4 y"], seed=4)
        collection.publish(derive)
        assert [held.settled for held in server.held.values()] == [0]
        put(collection.catalog, "more", [f"w{n} more" for n in range(20)], seed=5)
        collection.publish(derive)
    (held,) = server.held.values()
    assert held.settled >= 80


def assert_alike(view: View, place: Place) -> None:
    """The view finds what one does that is made anew from the truth with the same means."""
    with SharedCollection.open(place) as collection:
        held = read_published(collection.catalog.db)
        assert held is not None
        with build(collection.catalog.snapshot(), lambda _: derive(held.sums), None) as anew:
            query = unit(5, seed=9)
            for languages in (None, ["en"], ["en", "zh"], ["xx"]):
                mine, theirs = (each.nearest(query, 12, languages) for each in (view, anew))
                assert np.array_equal(mine[0], theirs[0])
                assert np.array_equal(mine[1], theirs[1])
            assert view.present() == anew.present()
            assert np.array_equal(view.ids, anew.ids)
            assert view.lexical.search(["w1"], 5) == anew.lexical.search(["w1"], 5)
            some = view.ids[::3]
            assert np.array_equal(view.prepared(some), anew.prepared(some))
            documents = view.members.documents
            assert np.allclose(
                view.directions.scores(query[0], documents),
                anew.directions.scores(query[0], documents),
                atol=1e-6,
                equal_nan=True,
            )
            spread, wanted = view.moments.spread(query[0]), anew.moments.spread(query[0])
            assert spread.keys() == wanted.keys()
            for language, values in spread.items():
                assert np.allclose(values, wanted[language], atol=1e-6)


def test_a_view_answers_as_a_local_one(place: Place) -> None:
    filled(place)
    with SharedCollection.open(place) as collection, collection.view(derive) as view:
        assert_alike(view, place)
        assert collection.verify(derive) == []


def test_what_changed_is_told_and_not_all(place: Place, server: MemoryServer) -> None:
    filled(place)
    (name,) = server.held
    with SharedCollection.open(place, write=True) as collection:
        change(collection)
        collection.publish(derive)
        assert list(server.held) == [name], "the means hold, so the rows stay"
        with collection.view(derive) as view:
            assert len(view.ids) == len(MANY) + 4
            assert_alike(view, place)
        assert collection.verify(derive) == []
        changes = server.changes
        collection.publish(derive)
        assert server.changes == changes, "nothing to do"


def test_when_means_no_longer_hold_the_rows_are_made_anew(
    place: Place, server: MemoryServer
) -> None:
    filled(place)
    before = list(server.held)
    with SharedCollection.open(place) as reading, reading.view(derive) as old:
        with SharedCollection.open(place, write=True) as collection:
            put(collection.catalog, "more", MANY, seed=5)
            collection.publish(derive)
            assert len(server.held) == 1 and list(server.held) != before
            assert collection.verify(derive) == []
            with collection.view(derive) as view:
                assert_alike(view, place)
        with pytest.raises(StoreError, match="dropped"):
            old.nearest(unit(1), 3)


def test_another_preparation_is_refused_until_it_is_published(place: Place) -> None:
    filled(place)

    def other(sums: Sums) -> Recipe:
        made = derive(sums)
        return Recipe(made.prepare, made.segment, "other")

    with SharedCollection.open(place, write=True) as collection:
        with pytest.raises(StoreError, match="another preparation of rows: run `polyseek index`"):
            collection.view(other)
        collection.publish(other)
        collection.view(other).close()


def test_readers_go_on_with_what_is_published_while_documents_come_in(place: Place) -> None:
    filled(place)
    with (
        SharedCollection.open(place) as reading,
        reading.view(derive) as old,
        SharedCollection.open(place, write=True) as writing,
    ):
        change(writing)
        assert not reading.outdated(old)
        new = writing.catalog.languages()[0][-4:]
        with reading.view(derive) as view:
            assert len(view.ids) == len(MANY), "what is gone is gone, what is new not yet there"
            found, scores = view.nearest(unit(1, seed=8), len(MANY) + 5)
            assert set(found[0].tolist()) == {*view.ids.tolist(), -1}
            assert np.isneginf(scores[0, len(MANY) :]).all()
            assert not set(new.tolist()) & {id for id, _ in view.lexical.search(["w1"], 100)}
        writing.catalog.link([], ["new"])
        assert {row.path for row in old.rows(old.ids)} == {"many", "few"}
        assert len(old.nearest(unit(1), 100)[0][0]) == 100
        writing.publish(derive)
        assert reading.outdated(old)
        with reading.view(derive) as view:
            assert not reading.outdated(view)
            writing.catalog.link([], ["few"])
            assert reading.outdated(view), "links show at once"


def steps(place: Place, server: MemoryServer) -> int:
    """How many changes the server sees when `change` is published."""
    filled(place)
    began = server.changes
    with SharedCollection.open(place, write=True) as collection:
        change(collection)
        collection.publish(derive)
    return server.changes - began


STEPS = 4


def test_a_publishing_has_as_many_steps_as_are_tried_below(
    place: Place, server: MemoryServer
) -> None:
    assert steps(place, server) == STEPS


@pytest.mark.parametrize("step", range(1, STEPS + 1))
@pytest.mark.parametrize("further", [False, True], ids=["the same again", "more in between"])
def test_a_publishing_that_was_killed_is_told_and_healed(
    place: Place, server: MemoryServer, step: int, further: bool
) -> None:
    filled(place)
    (name,) = server.held
    with SharedCollection.open(place, write=True) as collection:
        change(collection)
        server.fails_at = server.changes + step
        with pytest.raises(StoreError, match="killed"):
            collection.publish(derive)
    with SharedCollection.open(place, write=True) as collection:
        (told,) = collection.verify(derive)
        assert "as after a run that was stopped; `polyseek index` completes it" in told
        with collection.view(derive) as view:
            assert set(view.nearest(unit(2), 200)[0].ravel().tolist()) <= {*view.ids.tolist(), -1}
        if further:
            collection.catalog.remove(["new"])
        collection.publish(derive)
        assert collection.verify(derive) == []
        assert list(server.held) == [name]
        with collection.view(derive) as view:
            assert_alike(view, place)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_collection_that_was_never_finished_is_removed(
    place: Place, server: MemoryServer, step: int
) -> None:
    filled(place)
    server.fails_at = server.changes + step
    with SharedCollection.open(place, write=True) as collection:
        put(collection.catalog, "more", MANY, seed=5)
        with pytest.raises(StoreError, match="killed"):
            collection.publish(derive)
        assert len(server.held) == 2
        collection.publish(derive)
        assert collection.verify(derive) == []
        put(collection.catalog, "again", [*MANY, *MANY], seed=6)
        collection.publish(derive)
        assert len(server.held) == 1


def test_what_the_server_lost_is_told_and_put_back(place: Place, server: MemoryServer) -> None:
    filled(place)
    (held,) = server.held.values()
    held.exact.remove(np.array([5, 7]))
    with SharedCollection.open(place, write=True) as collection:
        (told,) = collection.verify(derive)
        assert "lacks 2 passages and has 0 that are gone" in told
        collection.publish(derive)
        assert collection.verify(derive) == []
    server.held.clear()
    with SharedCollection.open(place, write=True) as collection:
        collection.publish(derive)
        assert collection.verify(derive) == []


def test_what_is_empty_and_what_is_not_published(place: Place) -> None:
    with SharedCollection.open(place, write=True) as collection:
        with collection.view(derive) as view:
            assert len(view.ids) == 0
        assert collection.verify(derive) == []
        put(collection.catalog, "a", ["one"])
        with pytest.raises(StoreError, match="no index of them yet: wait until `polyseek index`"):
            collection.view(derive)
        (told,) = collection.verify(derive)
        assert "`polyseek index` completes it" in told
        collection.publish(derive)
        collection.catalog.remove(["a"])
        collection.publish(derive)
        assert collection.verify(derive) == []
        with collection.view(derive) as view:
            assert len(view.ids) == 0
    with SharedCollection.open(place) as collection, pytest.raises(StoreError, match="write=True"):
        collection.publish(derive)


# One writer.


def test_a_second_writer_waits_its_turn(place: Place) -> None:
    heard: list[str] = []
    opened: list[float] = []

    def second() -> None:
        with SharedCollection.open(place, write=True, told=heard.append) as collection:
            opened.append(time.monotonic())
            put(collection.catalog, "b", ["two"])

    with SharedCollection.open(place, write=True) as first:
        thread = Thread(target=second)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        put(first.catalog, "a", ["one"])
        ended = time.monotonic()
    thread.join()
    assert opened[0] >= ended
    assert len(heard) == 1 and heard[0].startswith("waiting until polyseek, process ")
    with SharedCollection.open(place) as collection:
        assert list(collection.catalog.digests()) == ["a", "b"]


def test_a_writer_that_waits_too_long_is_told_whom_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisory, "PATIENCE_S", 0.2)
    with (
        SharedCollection.open(place, write=True),
        pytest.raises(Locked, match=r"by polyseek, process \d+ on .*wait until it has"),
    ):
        SharedCollection.open(place, write=True)
    SharedCollection.open(place, write=True).close()


def test_a_killed_writer_leaves_no_lock(place: Place) -> None:
    code = (
        "import sys, time\n"
        "from polyseek.store.postgres import Schema\n"
        "from remote_double import MemoryServer, shared_place\n"
        "from polyseek.store.shared import SharedCollection\n"
        "place = shared_place(Schema(sys.argv[1], sys.argv[2]), MemoryServer())\n"
        "with SharedCollection.open(place, write=True):\n"
        "    print('open', flush=True)\n"
        "    time.sleep(60)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, place.schema.url, place.schema.name],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    assert child.stdout is not None and child.stdout.readline() == b"open\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with SharedCollection.open(place, write=True) as collection:
        put(collection.catalog, "a", ["one"])
