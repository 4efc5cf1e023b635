"""Files to a collection, and again after they have changed. The model is the toy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from polyseek import Embedder, IndexReport, KnowledgeBase
from polyseek.errors import BadInput
from polyseek.ingest import FLUSH_CHUNKS
from polyseek.languages.means import calibrated
from polyseek.meter import Progress
from polyseek.models.sources import cache_directory
from polyseek.models.spec import Role
from toy import toy_embedder

CHUNK_TOKENS = 40


class Recorder(Embedder):
    """The toy, remembering which passages it was given."""

    def __init__(self) -> None:
        toy = toy_embedder()
        super().__init__(toy.spec, toy.weights, toy.tokenizer, toy.forward)
        self.passages: list[str] = []

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        **options: Any,  # noqa: ANN401 - as they are
    ) -> npt.NDArray[np.float32]:
        if role == "passage":
            self.passages += texts
        return super().embed(texts, role, **options)


@pytest.fixture(scope="module", autouse=True)
def means() -> None:
    """Calibration texts are embedded once, so that they are not among what a test counts."""
    toy = toy_embedder()
    calibrated(toy.fingerprint, lambda texts, role: toy.embed(texts, role), cache_directory())  # type: ignore[arg-type]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def kb(tmp_path: Path, recorder: Recorder) -> KnowledgeBase:
    return KnowledgeBase.open(tmp_path / "kb", embedder=recorder, chunk_tokens=CHUNK_TOKENS)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    write(folder, "cats.md", "# Cats\n\nA cat sleeps for sixteen hours a day.\n")
    write(folder, "dogs.md", "# Dogs\n\nA dog walks through the rain with joy.\n")
    write(folder, "deep/fish.txt", "The fish in the deep water does not sleep at all.\n")
    return folder


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def texts(kb: KnowledgeBase, name: str) -> list[str]:
    """The passages of one document, in order."""
    hits = [hit for hit in kb.search("anything", k=1000, every_passage=True) if hit.path == name]
    return [hit.text for hit in sorted(hits, key=lambda hit: hit.start)]


def outcome(report: IndexReport) -> tuple[list[str], list[str], int, list[str], list[str]]:
    """New, changed, unchanged, removed, failed."""
    return (report.new, report.changed, report.unchanged, report.removed, sorted(report.failed))


# What has become of the files.


def test_new_then_unchanged(kb: KnowledgeBase, docs: Path, recorder: Recorder) -> None:
    report = kb.index([docs])
    assert outcome(report) == (["cats.md", "deep/fish.txt", "dogs.md"], [], 0, [], [])
    assert report.chunks == report.embedded == len(recorder.passages) == 3
    assert report.tokens > 0
    assert kb.verify() == []

    recorder.passages.clear()
    assert outcome(kb.index([docs])) == ([], [], 3, [], [])
    assert recorder.passages == []
    assert kb.verify() == []


def test_changed(kb: KnowledgeBase, docs: Path, recorder: Recorder) -> None:
    kb.index([docs])
    recorder.passages.clear()
    write(docs, "dogs.md", "# Dogs\n\nA dog sleeps on the sofa.\n")
    assert outcome(kb.index([docs])) == ([], ["dogs.md"], 2, [], [])
    assert recorder.passages == ["Dogs\n# Dogs\n\nA dog sleeps on the sofa."]
    assert texts(kb, "dogs.md") == ["# Dogs\n\nA dog sleeps on the sofa."]
    assert kb.verify() == []


def test_touched_but_the_same_is_unchanged(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs])
    os.utime(docs / "cats.md", (0, 0))
    assert kb.index([docs]).unchanged == 3


def test_vanished(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs])
    (docs / "cats.md").unlink()
    assert outcome(kb.index([docs])) == ([], [], 2, ["cats.md"], [])
    assert kb.documents() == ["deep/fish.txt", "dogs.md"]
    assert not texts(kb, "cats.md")
    assert kb.verify() == []


def test_all_vanished(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs])
    for name in kb.documents():
        (docs / name).unlink()
    assert kb.index([docs]).removed == ["cats.md", "deep/fish.txt", "dogs.md"]
    assert kb.search("cat") == []
    assert kb.verify() == []


def test_renamed_is_not_embedded_again(kb: KnowledgeBase, docs: Path, recorder: Recorder) -> None:
    kb.index([docs])
    before = kb.search("cat", k=1)[0]
    recorder.passages.clear()
    (docs / "cats.md").rename(docs / "felines.md")
    report = kb.index([docs])
    assert outcome(report) == (["felines.md"], [], 2, ["cats.md"], [])
    assert (report.chunks, report.embedded, recorder.passages) == (1, 0, [])
    after = kb.search("cat", k=1)[0]
    assert (after.path, after.text, after.score) == ("felines.md", before.text, before.score)
    assert kb.verify() == []


def test_one_edited_paragraph_embeds_its_passage_only(
    kb: KnowledgeBase, docs: Path, recorder: Recorder
) -> None:
    sections = [
        f"## Part {n}\n\n" + f"Item {n} of the long list is about number {n} and more. " * 2
        for n in range(200)
    ]
    write(docs, "long.md", "# Long\n\n" + "\n\n".join(sections))
    assert kb.index([docs]).embedded >= 200
    recorder.passages.clear()

    sections[77] = sections[77].replace("about number", "all about the number")
    write(docs, "long.md", "# Long\n\n" + "\n\n".join(sections))
    report = kb.index([docs])
    assert report.changed == ["long.md"]
    assert report.chunks >= 200
    assert report.embedded == 1
    assert len(recorder.passages) == 3  # the passage and its two sentences
    assert all("all about the number 77" in text for text in recorder.passages)
    assert any("all about the number 77" in text for text in texts(kb, "long.md"))
    assert kb.verify() == []


def test_the_same_text_twice_is_embedded_once(
    kb: KnowledgeBase, docs: Path, recorder: Recorder
) -> None:
    for n in range(5):
        write(docs, f"copy-{n}.md", "# Copy\n\nThe very same words in five files.")
    kb.index([docs])
    assert len([text for text in recorder.passages if "The very same" in text]) == 1
    assert len(kb.documents()) == 8


# Several roots, and where documents came from.


def test_two_roots_have_their_names_before(kb: KnowledgeBase, tmp_path: Path) -> None:
    write(tmp_path, "zh/a.md", "第一个文件。")
    write(tmp_path, "en/a.md", "The first file.")
    kb.index([tmp_path / "zh", tmp_path / "en"])
    assert kb.documents() == ["en/a.md", "zh/a.md"]
    assert kb.verify() == []


def test_a_file_of_another_root_is_not_replaced(kb: KnowledgeBase, tmp_path: Path) -> None:
    first = write(tmp_path, "one/a.md", "The first file.")
    second = write(tmp_path, "two/a.md", "The second file.")
    kb.index([tmp_path / "one"])
    with pytest.raises(BadInput) as refused:
        kb.index([tmp_path / "two"])
    assert str(first) in str(refused.value)
    assert str(second) in str(refused.value)
    assert texts(kb, "a.md") == ["The first file."]
    assert kb.verify() == []


def test_two_files_of_one_name_are_refused(kb: KnowledgeBase, tmp_path: Path) -> None:
    first = write(tmp_path, "one/a.md", "The first file.")
    second = write(tmp_path, "two/a.md", "The second file.")
    with pytest.raises(BadInput) as refused:
        kb.index([first, second])
    assert str(first) in str(refused.value)
    assert str(second) in str(refused.value)


def test_a_moved_root_is_adopted(
    kb: KnowledgeBase, docs: Path, tmp_path: Path, recorder: Recorder
) -> None:
    kb.index([docs])
    recorder.passages.clear()
    docs.rename(tmp_path / "documents")
    (tmp_path / "documents" / "cats.md").unlink()
    report = kb.index([tmp_path / "documents"])
    assert (report.unchanged, recorder.passages) == (2, [])
    # Where cats.md came from is gone with its root, so nothing says that it belonged here.
    assert report.removed == []
    (tmp_path / "documents" / "dogs.md").unlink()
    assert kb.index([tmp_path / "documents"]).removed == ["dogs.md"]


def test_vanishing_leaves_what_came_from_elsewhere(
    kb: KnowledgeBase, docs: Path, tmp_path: Path
) -> None:
    write(tmp_path, "docs-2/extra.md", "Something else.")  # its path begins like that of docs
    kb.index([docs])
    kb.index([tmp_path / "docs-2"])
    kb.index([write(tmp_path, "single.txt", "A file by itself.")])
    (docs / "cats.md").unlink()
    (tmp_path / "docs-2" / "extra.md").unlink()
    assert kb.index([docs]).removed == ["cats.md"]
    assert kb.documents() == ["deep/fish.txt", "dogs.md", "extra.md", "single.txt"]
    assert kb.verify() == []


def test_one_folder_below_a_root_can_be_indexed_alone(kb: KnowledgeBase, docs: Path) -> None:
    """Its documents keep the names that they have, and are who they were."""
    kb.index([docs])
    names = ["cats.md", "deep/fish.txt", "dogs.md"]
    for root in (docs / "deep", docs / "deep" / "fish.txt", docs):
        report = kb.index([root])
        assert (report.new, report.removed, report.changed) == ([], [], [])
        assert kb.documents() == names
    (docs / "deep" / "fish.txt").unlink()
    (docs / "deep" / "eel.txt").write_text("An eel is a fish.")
    report = kb.index([docs / "deep"])
    assert (report.new, report.removed) == (["eel.txt"], ["deep/fish.txt"])
    assert kb.verify() == []


def test_a_folder_above_what_was_indexed_renames_nothing(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs / "deep"])
    report = kb.index([docs])
    assert (report.new, report.removed, report.unchanged) == (["cats.md", "dogs.md"], [], 1)
    assert kb.documents() == ["cats.md", "dogs.md", "fish.txt"]
    assert kb.verify() == []


def test_a_name_that_another_document_keeps_is_refused(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs / "deep"])
    (docs / "fish.txt").write_text("Another fish.")
    with pytest.raises(BadInput, match=r"'fish.txt' is in the knowledge base already, made from"):
        kb.index([docs])
    assert kb.documents() == ["fish.txt"]


@pytest.mark.parametrize("way", ["relative", "dots", "link"])
def test_however_a_root_is_reached_it_is_the_same(
    kb: KnowledgeBase, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    kb.index([docs])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "link").symlink_to(docs)
    roots = {"relative": "../docs", "dots": f"{tmp_path}/elsewhere/../docs", "link": "../link"}
    (docs / "cats.md").unlink()
    assert outcome(kb.index([roots[way]])) == ([], [], 2, ["cats.md"], [])
    (docs / "dogs.md").unlink()
    assert outcome(kb.index([docs])) == ([], [], 1, ["dogs.md"], [])


def test_what_is_behind_a_link_may_be_exchanged(kb: KnowledgeBase, tmp_path: Path) -> None:
    write(tmp_path, "release-5/a.md", "The fifth release.")
    write(tmp_path, "release-6/a.md", "The sixth release.")
    current = tmp_path / "current"
    current.symlink_to("release-5")
    kb.index([current])
    current.unlink()
    current.symlink_to("release-6")
    assert kb.index([current]).changed == ["a.md"]
    assert texts(kb, "a.md") == ["The sixth release."]


def test_a_path_that_is_not_there_makes_nothing(kb: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"docz: no such file or directory"):
        kb.index([tmp_path / "docz"])
    assert not Path(kb.path).exists()
    with pytest.raises(BadInput, match="no path to index"):
        kb.index([])


# Files that are odd. The run goes on.


def test_a_failing_file_keeps_its_last_good_version(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs])
    good = texts(kb, "cats.md")
    write(docs, "cats.md", b"\x7fELF\0\0\0" * 30)
    write(docs, "dogs.md", "The dog has changed.")
    report = kb.index([docs])
    assert outcome(report) == ([], ["dogs.md"], 1, [], ["cats.md"])
    assert "looks binary" in report.failed["cats.md"]
    assert texts(kb, "cats.md") == good
    assert texts(kb, "dogs.md") == ["The dog has changed."]
    assert kb.verify() == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "looks binary"),
        (b"\xc3\x28\xa0\xa1\x81\x8d" * 20, "encoding cannot be told"),
        (bytes(range(1, 32)) * 9, "looks binary"),
    ],
)
def test_what_is_no_text_is_reported_by_name(
    kb: KnowledgeBase, docs: Path, content: bytes, told: str
) -> None:
    write(docs, "odd.txt", content)
    report = kb.index([docs])
    assert list(report.failed) == ["odd.txt"]
    assert told in report.failed["odd.txt"]
    assert report.failed["odd.txt"].startswith("odd.txt: ")
    assert kb.documents() == ["cats.md", "deep/fish.txt", "dogs.md"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_encodings(kb: KnowledgeBase, docs: Path, encoding: str) -> None:
    text = "猫在温暖的服务器上睡觉，狗在门口等着主人回来。这是一个关于动物的小故事。"
    write(docs, "story.txt", text.encode(encoding))
    assert kb.index([docs]).failed == {}
    assert "".join(texts(kb, "story.txt")) == text


@pytest.mark.parametrize("name", ["empty.md", "empty.txt", "empty.html"])
@pytest.mark.parametrize("content", [b"", b" \n\n\t \n", b"\xef\xbb\xbf"])
def test_an_empty_file(kb: KnowledgeBase, docs: Path, name: str, content: bytes) -> None:
    write(docs, name, content)
    assert name in kb.index([docs]).new
    assert kb.index([docs]).unchanged == 4
    assert kb.verify() == []


def test_only_empty_files(kb: KnowledgeBase, tmp_path: Path) -> None:
    write(tmp_path, "void/a.md", "")
    assert kb.index([tmp_path / "void"]).new == ["a.md"]
    assert kb.search("anything") == []
    assert kb.verify() == []
    write(tmp_path, "void/b.md", "Now there is something.")
    kb.index([tmp_path / "void"])
    assert len(kb.search("something")) == 1
    assert kb.verify() == []


def test_a_folder_without_documents(kb: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    assert outcome(kb.index([tmp_path / "void"])) == ([], [], 0, [], [])
    assert kb.search("anything") == []
    assert kb.verify() == []


def test_a_loop_of_links(kb: KnowledgeBase, docs: Path) -> None:
    (docs / "deep" / "up").symlink_to(docs, target_is_directory=True)
    (docs / "self.md").symlink_to(docs / "self.md")
    (docs / "gone.md").symlink_to(docs / "nowhere.md")
    assert kb.index([docs]).new == ["cats.md", "deep/fish.txt", "dogs.md"]


def test_a_name_that_is_not_utf_8(kb: KnowledgeBase, docs: Path) -> None:
    raw = os.fsencode(docs) + b"/caf\xe9.md"
    try:
        with open(raw, "wb") as file:
            file.write(b"A coffee house.")
    except OSError:
        pytest.skip("this file system takes only names that are UTF-8")
    assert r"caf\xe9.md" in kb.index([docs]).new
    assert kb.index([docs]).unchanged == 4
    assert kb.search("coffee house", k=1)[0].path == r"caf\xe9.md"
    os.remove(raw)
    assert kb.index([docs]).removed == [r"caf\xe9.md"]
    assert kb.verify() == []


@pytest.mark.parametrize("steady_from", [1, 2])
def test_a_file_that_changes_while_it_is_read(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch, steady_from: int
) -> None:
    """Once: it is read again. All the time: it is reported, and the last good version kept."""
    kb.index([docs])
    good = texts(kb, "cats.md")
    write(docs, "cats.md", "A cat that is being written.")
    calls = 0
    real = os.fstat

    def fstat(handle: int) -> os.stat_result:
        nonlocal calls
        state = real(handle)
        if state.st_ino != os.stat(docs / "cats.md").st_ino:
            return state
        calls += 1
        grown = calls % 2 == 0 and calls <= 2 * steady_from
        return os.stat_result((*state[:6], state.st_size + grown, *state[7:10]))

    monkeypatch.setattr(os, "fstat", fstat)
    report = kb.index([docs])
    if steady_from == 1:
        assert outcome(report) == ([], ["cats.md"], 2, [], [])
        assert texts(kb, "cats.md") == ["A cat that is being written."]
    else:
        assert outcome(report) == ([], [], 2, [], ["cats.md"])
        assert "changed while it was read; index it again" in report.failed["cats.md"]
        assert texts(kb, "cats.md") == good


def test_a_file_that_vanishes_during_the_run(kb: KnowledgeBase, docs: Path) -> None:
    kb.index([docs])
    write(docs, "cats.md", "A new text about cats.")

    def watch(step: Progress) -> None:
        (docs / "dogs.md").unlink(missing_ok=True)

    report = kb.index([docs], watch)
    assert (report.changed, list(report.failed)) == (["cats.md"], ["dogs.md"])
    assert kb.index([docs]).removed == ["dogs.md"]
    assert kb.verify() == []


# Many, and large.


def test_ten_thousand_tiny_files(tmp_path: Path) -> None:
    kb = KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder(), languages=["en"])
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(10_000):
        (folder / f"{n:05}.txt").write_text(f"note {n} of cat{n % 89}")
    report = kb.index([folder])
    assert (len(report.new), report.chunks, report.failed) == (10_000, 10_000, {})
    assert "04711.txt" in [hit.path for hit in kb.search("note 4711 of cat83")]
    assert kb.index([folder]).unchanged == 10_000
    assert kb.verify() == []


def test_one_large_file(kb: KnowledgeBase, tmp_path: Path) -> None:
    """As large as fits the time of a test; benchmarks/ has one of 20 MB."""
    lines = [f"Line {n} of the log says that server {n % 97} is up.\n\n" for n in range(8_000)]
    path = write(tmp_path, "large.txt", "".join(lines))
    size = path.stat().st_size
    report = kb.index([path])
    assert (report.new, report.failed) == (["large.txt"], {})
    assert report.chunks == report.embedded > size / CHUNK_TOKENS / 8
    assert kb.search("line 7999 of the log", k=3)
    assert kb.verify() == []


# Progress.


def test_progress_goes_up_to_the_end(kb: KnowledgeBase, tmp_path: Path) -> None:
    for n in range(3 * FLUSH_CHUNKS // 2):
        write(tmp_path, f"docs/{n}.txt", f"note {n}")
    steps: list[Progress] = []
    report = kb.index([tmp_path / "docs"], steps.append)
    for name in ("done", "embedded", "share"):
        values = [getattr(step, name) for step in steps]
        assert values == sorted(values), name
    last = steps[-1]
    assert (last.done, last.files, last.embedded) == (384, 384, report.embedded)
    assert last.share == pytest.approx(1.0)
    # While passages are embedded it moves too, which is what takes the time.
    assert len({step.embedded for step in steps}) > 2

    steps.clear()
    kb.index([tmp_path / "docs"], steps.append)
    last = steps[-1]
    assert (last.done, last.files, last.embedded) == (384, 384, 0)
    assert last.share == pytest.approx(1.0)


def test_progress_of_one_large_file_moves(kb: KnowledgeBase, tmp_path: Path) -> None:
    path = write(
        tmp_path, "large.txt", "\n\n".join(f"Sentence {n} is this. " * 8 for n in range(500))
    )
    steps: list[Progress] = []
    kb.index([path], steps.append)
    assert len({round(step.share, 2) for step in steps}) > 5


def test_nothing_is_lost_when_the_caller_stops_it(kb: KnowledgeBase, tmp_path: Path) -> None:
    """What is committed when an interrupt comes stays; the next run adds the rest."""
    folder = tmp_path / "docs"
    for n in range(3 * FLUSH_CHUNKS):
        write(folder, f"{n:04}.txt", f"note {n}")

    def watch(step: Progress) -> None:
        if step.embedded > 2 * FLUSH_CHUNKS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kb.index([folder], watch)
    assert len(kb.documents()) == 2 * FLUSH_CHUNKS
    assert kb.search("note 17", k=1)[0].path == "0017.txt"
    report = kb.index([folder])
    assert (report.unchanged, report.embedded) == (2 * FLUSH_CHUNKS, FLUSH_CHUNKS)
    assert kb.verify() == []


def test_files_that_are_not_read_are_counted(kb: KnowledgeBase, docs: Path) -> None:
    for name in ("a.pdf", "b.PDF", "deep/c.docx", "Makefile", ".hidden.pdf"):
        (docs / name).write_bytes(b"%PDF")
    assert kb.index([docs]).others == {".pdf": 2, "Makefile": 1, ".docx": 1}
    assert kb.index([docs / "cats.md"]).others == {}
