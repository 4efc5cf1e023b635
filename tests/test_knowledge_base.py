"""A knowledge base from opening to closing: what it holds, refuses, and shows while it is written
to. The model is the toy."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from polyseek import KnowledgeBase
from polyseek.errors import BadInput, FingerprintMismatch, Locked, PolyseekError, StoreError
from polyseek.ingest import FLUSH_CHUNKS
from polyseek.meter import Progress
from polyseek.store.lock import WriterLock
from toy import GLOSSARY, toy_embedder


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "en").mkdir(parents=True)
    (folder / "zh").mkdir()
    (folder / "en" / "cats.md").write_text("# Cats\n\nA cat sleeps on the server.\n")
    (folder / "en" / "dogs.md").write_text("# Dogs\n\nA dog walks through the rain.\n")
    (folder / "zh" / "cats.md").write_text("# 猫\n\n猫在服务器上睡觉。\n", "utf-8")
    return folder


@pytest.fixture
def kb(tmp_path: Path) -> KnowledgeBase:
    return opened(tmp_path)


def opened(tmp_path: Path, **settings: Any) -> KnowledgeBase:  # noqa: ANN401
    return KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder(), **settings)


# The verbs.


def test_the_whole_way(tmp_path: Path, docs: Path) -> None:
    with opened(tmp_path) as kb:
        report = kb.index([docs])
        assert report.new == ["en/cats.md", "en/dogs.md", "zh/cats.md"]
        assert kb.documents() == report.new
        hits = kb.search("the rain", k=1)
        assert (hits[0].path, hits[0].language) == ("en/dogs.md", "en")
        assert (hits[0].line_start, hits[0].line_end) == (1, 3)
        assert kb.verify() == []
    with opened(tmp_path) as again:
        assert again.search("the rain", k=1) == hits
        assert again.index([str(docs)]).unchanged == 3  # paths may be text


def test_status(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs])
    status = kb.status()
    assert status.path == kb.path
    assert status.statistics.documents == 3
    assert status.statistics.chunks == 3
    assert status.statistics.languages == {"en": 2, "zh": 1}
    assert status.fingerprint["model"] == "toy"
    assert status.fingerprint["dimensions"] == 32
    before = status.generation
    kb.index([docs])
    assert kb.status().generation == before  # nothing to do, nothing written
    kb.remove(["en"])
    assert kb.status().generation > before


def test_remove(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs])
    assert kb.remove(["en/"]) == ["en/cats.md", "en/dogs.md"]
    assert kb.documents() == ["zh/cats.md"]
    assert [hit.path for hit in kb.search("cat")] == ["zh/cats.md"]
    assert kb.verify() == []
    assert kb.remove(["zh/cats.md"]) == ["zh/cats.md"]
    assert kb.search("cat") == []
    assert kb.verify() == []
    assert kb.index([docs]).new == ["en/cats.md", "en/dogs.md", "zh/cats.md"]


@pytest.mark.parametrize("name", ["cats.md", "e", "en/cats", "", "zh/cats.md/x"])
def test_remove_what_is_not_there(kb: KnowledgeBase, docs: Path, name: str) -> None:
    kb.index([docs])
    with pytest.raises(BadInput, match="polyseek status --documents"):
        kb.remove(["zh/cats.md", name])
    assert len(kb.documents()) == 3  # not even the one that is there


def test_a_setting_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="unknown setting 'chunk_size'; did you mean 'chunk_tokens'"):
        opened(tmp_path, chunk_size=3)
    with pytest.raises(BadInput, match=r"chunk_tokens cannot be -1 .*POLYSEEK_CHUNK_TOKENS"):
        opened(tmp_path, chunk_tokens=-1)
    with pytest.raises(BadInput, match="precision cannot be 'int4'"):
        opened(tmp_path, precision="int4")


def test_settings_of_the_environment(
    tmp_path: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYSEEK_CHUNK_TOKENS", "77")
    monkeypatch.setenv("POLYSEEK_LANGUAGES", "en, zh")
    kb = opened(tmp_path)
    kb.index([docs])
    assert kb.status().fingerprint["chunk_tokens"] == 77
    assert kb.settings.languages == ("en", "zh")
    assert opened(tmp_path, chunk_tokens=88).settings.chunk_tokens == 88  # what is given wins


def test_languages_that_are_none(tmp_path: Path, docs: Path) -> None:
    with pytest.raises(BadInput, match="unknown language 'klingon'"):
        opened(tmp_path, languages=["en", "klingon"]).index([docs])


def test_chunks_longer_than_the_model_takes(tmp_path: Path, docs: Path) -> None:
    with pytest.raises(BadInput, match=r"chunk_tokens is 510, and toy has room for 509"):
        opened(tmp_path, chunk_tokens=510).index([docs])
    assert opened(tmp_path, chunk_tokens=509).index([docs]).embedded == 3


# What it was made with.


def test_another_chunk_size_is_refused(tmp_path: Path, docs: Path) -> None:
    opened(tmp_path, chunk_tokens=100).index([docs])
    other = opened(tmp_path, chunk_tokens=50)
    for verb in (
        lambda: other.index([docs]),
        lambda: other.search("cat"),
        lambda: other.verify(),
        lambda: other.remove(["en"]),
    ):
        with pytest.raises(FingerprintMismatch) as refused:
            verb()
        assert "chunk_tokens: 100 there, 50 here" in str(refused.value)
        assert "index into a new directory" in str(refused.value)
    assert other.status().fingerprint["chunk_tokens"] == 100
    # Without a wish it is used as it was made.
    assert opened(tmp_path).index([docs]).unchanged == 3


def test_another_model_is_refused(tmp_path: Path, docs: Path) -> None:
    opened(tmp_path).index([docs])
    twin = KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder(glossary=GLOSSARY))
    with pytest.raises(FingerprintMismatch) as refused:
        twin.search("cat")
    assert "precision: 'toy' there, 'toy" in str(refused.value)
    with pytest.raises(FingerprintMismatch):
        twin.index([docs])
    assert opened(tmp_path).verify() == []


def test_a_model_that_does_not_exist(tmp_path: Path, docs: Path) -> None:
    with pytest.raises(PolyseekError, match="did you mean 'multilingual-e5-small'"):
        KnowledgeBase.open(tmp_path / "kb", model="multilingual-e5-smal").index([docs])


# Directories that are none.


@pytest.mark.parametrize("verb", ["search", "status", "verify", "documents"])
def test_no_knowledge_base(tmp_path: Path, verb: str) -> None:
    """Reading makes nothing, and says what to do."""
    arguments = ["cat"] if verb == "search" else []
    with pytest.raises(StoreError, match="index some documents first, or check the path"):
        getattr(opened(tmp_path), verb)(*arguments)
    assert not (tmp_path / "kb").exists()
    (tmp_path / "kb").mkdir()
    with pytest.raises(StoreError, match="index some documents first, or check the path"):
        getattr(opened(tmp_path), verb)(*arguments)


def test_a_catalog_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "catalog.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="damaged or not a polyseek collection"):
        opened(tmp_path).search("cat")


def test_a_file_where_the_directory_should_be(tmp_path: Path, docs: Path) -> None:
    (tmp_path / "kb").write_text("I am a file.")
    with pytest.raises(StoreError, match="choose another place"):
        opened(tmp_path).index([docs])


# Readers and writers.


def test_a_search_sees_what_was_indexed_since(tmp_path: Path, docs: Path) -> None:
    with opened(tmp_path) as reader, opened(tmp_path) as writer:
        writer.index([docs])
        assert len(reader.search("cat")) == 3
        (docs / "en" / "fish.md").write_text("# Fish\n\nA fish has no cat.\n")
        writer.index([docs])
        assert len(reader.search("cat")) == 4
        writer.remove(["en"])
        assert [hit.path for hit in reader.search("cat")] == ["zh/cats.md"]


def test_reading_while_writing_sees_whole_states(tmp_path: Path) -> None:
    """Documents are written in pairs of one commit; no search ever sees half a pair."""
    folder = tmp_path / "docs"
    folder.mkdir()
    opened(tmp_path).index([folder])
    stop = threading.Event()
    odd: list[str] = []
    seen: set[int] = set()

    def read() -> None:
        with opened(tmp_path) as kb:
            while not stop.is_set():
                hits = kb.search("twin", k=1000, every_passage=True)
                names = {hit.path for hit in hits}
                seen.add(len(names))
                odd.extend(name for name in names if other(name) not in names)

    def other(name: str) -> str:
        return name.replace("left", "right") if "left" in name else name.replace("right", "left")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with opened(tmp_path) as kb:
            for n in range(12):
                for side in ("left", "right"):
                    (folder / f"{side}-{n}.md").write_text(f"# Twin\n\nA {side} twin, {n}.")
                kb.index([folder])
    finally:
        stop.set()
        reader.join()
    assert odd == []
    assert len(seen) > 2
    assert opened(tmp_path).verify() == []


def test_a_search_during_a_long_run_sees_what_is_committed(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(2 * FLUSH_CHUNKS):
        (folder / f"{n:04}.txt").write_text(f"note {n}")
    found: set[int] = set()

    def watch(step: Progress) -> None:
        if step.embedded in (FLUSH_CHUNKS, 2 * FLUSH_CHUNKS) and step.embedded not in found:
            with opened(tmp_path) as reader:
                size = reader.status().statistics.documents
                assert size in (step.embedded, step.embedded - FLUSH_CHUNKS)
                if size == step.embedded:
                    assert len(reader.search("note", k=1000, every_passage=True)) == size
                    found.add(size)

    opened(tmp_path).index([folder], watch)
    assert found == {FLUSH_CHUNKS, 2 * FLUSH_CHUNKS}
    assert opened(tmp_path).verify() == []


def test_a_second_writer_is_refused(tmp_path: Path, docs: Path) -> None:
    kb = opened(tmp_path)
    kb.index([docs])
    holder = WriterLock(tmp_path / "kb")
    holder.acquire()
    try:
        for verb in (lambda: kb.index([docs]), lambda: kb.remove(["en"])):
            with pytest.raises(Locked, match="is being written to by process"):
                verb()
        assert len(kb.search("cat")) == 3  # readers do not mind
    finally:
        holder.release()
    assert kb.index([docs]).unchanged == 3


def test_a_writer_in_another_process_is_named(tmp_path: Path, docs: Path) -> None:
    kb = opened(tmp_path)
    kb.index([docs])
    program = (
        "import sys; from polyseek.store.lock import WriterLock; from pathlib import Path;"
        "lock = WriterLock(Path(sys.argv[1])); lock.acquire();"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(kb.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=f"by process {other.pid}: wait until it has finished"):
            kb.index([docs])
        other.communicate()
    assert kb.index([docs]).unchanged == 3


def test_a_search_from_several_threads(tmp_path: Path, docs: Path) -> None:
    with opened(tmp_path) as kb:
        kb.index([docs])
        want = kb.search("cat")
        got: list[bool] = []
        threads = [
            threading.Thread(target=lambda: got.extend(kb.search("cat") == want for _ in range(20)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == [True] * 80


def test_closing_twice_is_allowed(tmp_path: Path, docs: Path) -> None:
    kb = opened(tmp_path)
    kb.index([docs])
    kb.search("cat")
    kb.close()
    kb.close()
    assert len(kb.search("cat")) == 3  # it opens its files again
    kb.close()


def test_one_path_may_be_given_alone(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Cats\n\nA cat sleeps.\n")
    with KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder()) as kb:
        assert kb.index(str(folder)).new == ["a.md"]
        assert kb.index(folder).unchanged == 1


def test_what_is_no_knowledge_base_stays_none(tmp_path: Path) -> None:
    kb = KnowledgeBase.open(tmp_path / "none", embedder=toy_embedder())
    for change in (lambda: kb.remove(["a.md"]), lambda: kb.link("a.md:1", "b.md:2")):
        with pytest.raises(StoreError, match="is not there: index some documents first"):
            change()
    assert not (tmp_path / "none").exists()
