"""The directory as a whole: what is derived is the truth or is made anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest
from store_samples import derive, put, unit

from polyseek.errors import Locked, StoreError
from polyseek.store import build
from polyseek.store.arrays import Ids, Vectors
from polyseek.store.collection import Collection, View
from polyseek.store.index import ExactIndex
from polyseek.store.quantised import QuantisedIndex

Answer = tuple[Ids, Vectors, list[tuple[int, float]]]

# More than one kind of index, more than one block of the quantised one's fetches.
DOCUMENTS = 40
PASSAGES = 20


def fill(path: Path) -> None:
    with Collection.open(path, write=True) as collection, collection.catalog.transaction():
        for number in range(DOCUMENTS):
            texts = [f"passage {number} {place} 北京" for place in range(PASSAGES)]
            put(collection.catalog, f"{number}.md", texts, seed=number)


@pytest.fixture(params=["flat", "quantised"])
def path(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "quantised":
        monkeypatch.setattr(build, "QUANTISED_FROM", 0)
    fill(tmp_path / "c")
    with Collection.open(tmp_path / "c", write=True) as collection:
        collection.publish(derive)
    return tmp_path / "c"


def answer(view: View) -> Answer:
    ids, scores = view.index.search(unit(5, seed=99), 10)
    return ids, scores, view.lexical.search(["7", "北京"], 10)


def look(path: Path) -> Answer:
    with Collection.open(path) as collection, collection.view(derive) as view:
        return answer(view)


def same(one: Answer, other: Answer) -> bool:
    return (
        np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1]) and one[2] == other[2]
    )


def stamp_directory(path: Path) -> Path:
    (directory,) = (path / "derived").iterdir()
    return directory


def inodes(path: Path) -> set[int]:
    return {found.stat().st_ino for found in (path / "derived").rglob("*") if found.is_file()}


def test_a_view_agrees_with_the_truth(path: Path) -> None:
    with Collection.open(path) as collection, collection.view(derive) as view:
        assert len(view.ids) == len(view.languages) == DOCUMENTS * PASSAGES
        exact = ExactIndex(16)
        exact.add(view.ids, view.prepared(view.ids))
        queries = unit(5, seed=99)
        german_free = view.allowed(["zh"])
        for allowed in (None, german_free):
            wanted, found = (
                exact.search(queries, 10, allowed),
                view.index.search(queries, 10, allowed),
            )
            assert np.array_equal(wanted[0], found[0])
            assert np.array_equal(wanted[1], found[1])
        best = [row.chunk.text for row in view.rows([id for id, _ in answer(view)[2][:2]])]
        assert best[0].split()[1:3] == ["7", "7"]
        assert collection.verify(derive) == []


def test_what_is_published_is_loaded_and_not_made_again(path: Path) -> None:
    before = inodes(path)
    look(path)
    with Collection.open(path, write=True) as collection:
        collection.publish(derive)
        collection.view(derive).close()
    assert inodes(path) == before


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def alter(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def replace_by_anothers(file: Path) -> None:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(16))
    index.add_with_ids(unit(800, seed=5), np.arange(1, 801))
    faiss.write_index(index, str(file))


def overwrite(content: bytes) -> Callable[[Path], None]:
    def act(file: Path) -> None:
        file.write_bytes(content)

    return act


FAULTS: list[tuple[str, Callable[[Path], None]]] = [
    ("vectors.faiss", Path.unlink),
    ("vectors.faiss", truncate),
    ("vectors.faiss", alter),
    ("vectors.faiss", replace_by_anothers),
    ("stamp.json", Path.unlink),
    ("stamp.json", overwrite(b"{]")),
    ("stamp.json", overwrite(b'{"stamp": 1, "files": 2}')),
    ("stamp.json", overwrite(b"[]")),
    ("stamp.json", overwrite(b"\xff\xfe")),
    ("lexical/meta.json", truncate),
    ("lexical", shutil.rmtree),
    (".", shutil.rmtree),
]


@pytest.mark.parametrize(("name", "damage"), FAULTS)
def test_damage_is_found_and_healed(path: Path, name: str, damage: Callable[[Path], None]) -> None:
    before = look(path)
    damage(stamp_directory(path) / name)
    with Collection.open(path) as collection:
        assert collection.verify(derive) != []
        assert same(look(path), before)
        assert collection.verify(derive) == [], "the reader has published what it made"


def test_another_states_directory_under_this_name_is_not_trusted(path: Path) -> None:
    old = stamp_directory(path)
    shutil.copytree(old, path.parent / "old")
    with Collection.open(path, write=True) as collection:
        put(collection.catalog, "new.md", ["passage new 北京"])
        collection.publish(derive)
    new = stamp_directory(path)
    shutil.rmtree(new)
    wanted = look(path)
    shutil.rmtree(new)
    (path.parent / "old").rename(new)
    assert same(look(path), wanted)


def test_while_somebody_writes_damage_is_healed_in_memory_only(path: Path) -> None:
    before = look(path)
    shutil.rmtree(path / "derived")
    with Collection.open(path, write=True):
        assert same(look(path), before)
        assert not (path / "derived").exists()


def test_a_view_outlives_what_is_written_after_it(path: Path) -> None:
    with Collection.open(path) as reading, reading.view(derive) as view:
        before = answer(view)
        with Collection.open(path, write=True) as writing:
            with writing.catalog.transaction():
                writing.catalog.remove([f"{number}.md" for number in range(1, DOCUMENTS)])
            writing.publish(derive)
            assert len(list((path / "derived").iterdir())) == 1, "the old directory is gone"
        assert same(answer(view), before)
        assert view.rows(before[0][0])[0].path.endswith(".md")
        assert reading.catalog.generation == view.catalog.generation + 1
        with reading.view(derive) as newer:
            assert len(newer.ids) == PASSAGES


def test_a_second_writer_is_told_who_holds_the_lock(path: Path) -> None:
    code = (
        "import sys; from polyseek.store.collection import Collection\n"
        f"with Collection.open({str(path)!r}, write=True):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=rf"process {holder.pid}\b"):
            Collection.open(path, write=True)
        look(path)
        holder.communicate()
    with (
        Collection.open(path, write=True),
        pytest.raises(Locked, match=rf"process {os.getpid()}\b"),
    ):
        Collection.open(path, write=True)
    Collection.open(path, write=True).close()


def test_two_processes_read_at_once(path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "import store_samples as s; from polyseek.store.collection import Collection\n"
        "with Collection.open(sys.argv[1]) as c, c.view(s.derive) as v:\n"
        "    print(v.index.search(s.unit(5, seed=99), 10)[0].tolist())"
    )
    command = [sys.executable, "-c", code, str(path), str(Path(__file__).parent)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [reader.communicate(timeout=60)[0].strip() for reader in readers]
    assert printed == [str(look(path)[0].tolist())] * 2


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Collection]:
    with Collection.open(tmp_path / "new" / "deep", write=True) as collection:
        yield collection


def test_an_empty_collection(empty: Collection) -> None:
    for _ in range(2):
        with empty.view(derive) as view:
            assert view.index.search(unit(2, 384), 3)[0].tolist() == [[-1] * 3] * 2
            assert view.lexical.search(["x"], 3) == []
            assert view.languages.tolist() == []
        empty.publish(derive)
        assert empty.verify(derive) == []


def test_a_reader_of_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="index some documents first"):
        Collection.open(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_cannot_publish(path: Path) -> None:
    with Collection.open(path) as collection, pytest.raises(StoreError, match="write=True"):
        collection.publish(derive)


def test_the_kind_of_index_follows_the_size(path: Path) -> None:
    with Collection.open(path) as collection, collection.view(derive) as view:
        assert isinstance(view.index, QuantisedIndex) == (build.QUANTISED_FROM == 0)
