"""From documents to links and back: what is pending is linked, whatever came in between."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from polyseek import KnowledgeBase, knowledge_base
from polyseek.errors import BadInput
from polyseek.linking import Floats, link, place
from polyseek.store.arrays import Ids
from polyseek.store.catalog import Catalog, chunk_key
from polyseek.store.links import STATED
from polyseek.types import Chunk, Document
from toy import GLOSSARY, toy_embedder

DIMENSIONS = 32
Ends = tuple[str, str]


def topic_row(topic: int) -> Floats:
    """The vector (32,) of what is said of a topic, in any language."""
    drawn = np.random.default_rng(topic).standard_normal(DIMENSIONS)
    return np.asarray(drawn / np.linalg.norm(drawn), np.float32)


def put(catalog: Catalog, path: str, topics: Sequence[int]) -> None:
    """Put a document in the language that its path begins with: a passage, of two lines and a
    mark, for each topic."""
    language, chunks, start = path[:2], list[Chunk](), 0
    for at, topic in enumerate(topics):
        text = f"{language} of {topic}\nMARK-{topic}"
        line = 2 * at + 1
        chunks.append(Chunk(start, start + len(text), text, line, line + 1, language=language))
        start += len(text) + 1
    rows = np.array([topic_row(topic) for topic in topics], np.float32).reshape(-1, DIMENSIONS)
    catalog.put(Document(path, ""), 1, chunks, rows)


def ends(catalog: Catalog) -> set[Ends]:
    """Every link as the texts of its two passages, without their marks."""
    return {
        (one.chunk.text.split("\n")[0], other.chunk.text.split("\n")[0])
        for one, other in (catalog.rows([each.one, each.other]) for each in catalog.links())
    }


def versions(one: str, other: str, *topics: int) -> set[Ends]:
    return {(f"{one} of {topic}", f"{other} of {topic}") for topic in topics}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite", write=True) as opened:
        yield opened


# What is pending.


def test_versions_are_linked_and_nothing_is_left_pending(catalog: Catalog) -> None:
    put(catalog, "en/a.md", [1, 2, 3])
    put(catalog, "en/b.md", [4, 5, 6])
    put(catalog, "ru/x.md", [4, 5, 6])
    put(catalog, "ja/y.md", [1, 3])
    assert link(catalog, catalog.vectors) == 5
    assert ends(catalog) == versions("en", "ru", 4, 5, 6) | versions("en", "ja", 1, 3)
    assert catalog.pending() == []
    for each in catalog.links():
        assert each.cosine == pytest.approx(1, abs=1e-3)
        assert each.margin > 1
        assert (
            {"mutual", "document", "marks"}
            <= set(each.evidence)
            <= {*("mutual", "document", "order", "marks", "names")}
        )
    assert catalog.damage() == []


def test_with_nothing_pending_nothing_is_done(catalog: Catalog) -> None:
    put(catalog, "en/a.md", [1])
    put(catalog, "ru/a.md", [1])
    link(catalog, catalog.vectors)
    commit = catalog.commit

    def never(ids: Ids) -> Floats:
        raise AssertionError("fetched for nothing")

    assert link(catalog, never) == 0
    assert catalog.commit == commit, "indexes need not be made again"


def test_links_are_found_among_the_rows_that_are_given(catalog: Catalog) -> None:
    """Here, Russian says the opposite of what is stored."""
    put(catalog, "en/a.md", [1, 2])
    put(catalog, "ru/a.md", [1, 2])
    ids, languages = catalog.languages()
    got: list[int] = []

    def opposite(wanted: Ids) -> Floats:
        got.extend(wanted.tolist())
        signs = np.where(languages[np.searchsorted(ids, wanted)] == "ru", -1, 1)
        return np.asarray(catalog.vectors(wanted) * signs[:, None], np.float32)

    assert link(catalog, opposite) == 0
    assert got == ids.tolist()
    assert catalog.pending() == []


def test_a_new_document_is_linked_with_the_others_only(catalog: Catalog) -> None:
    for path in ("en/a.md", "ru/a.md"):
        put(catalog, path, [1, 2, 3])
    link(catalog, catalog.vectors)
    old = catalog.links()
    put(catalog, "ja/a.md", [1, 2, 3])
    assert link(catalog, catalog.vectors) == 6
    assert [each for each in catalog.links() if each in old] == old
    assert ends(catalog) - versions("en", "ru", 1, 2, 3) == (
        versions("en", "ja", 1, 2, 3) | versions("ru", "ja", 1, 2, 3)
    )


def test_a_changed_document_is_linked_anew(catalog: Catalog) -> None:
    put(catalog, "en/a.md", [1, 2, 3])
    put(catalog, "ru/a.md", [1, 2, 3])
    link(catalog, catalog.vectors)
    put(catalog, "ru/a.md", [9, 2, 3])
    assert catalog.links() == []
    assert link(catalog, catalog.vectors) == 2
    assert ends(catalog) == versions("en", "ru", 2, 3)
    put(catalog, "ru/a.md", [7, 8])
    assert link(catalog, catalog.vectors) == 0
    assert ends(catalog) == set()


def test_links_vanish_with_a_document_and_come_back(catalog: Catalog) -> None:
    for path in ("en/a.md", "ru/a.md", "ja/a.md"):
        put(catalog, path, [1, 2])
    link(catalog, catalog.vectors)
    everything = ends(catalog)
    assert len(everything) == 6
    catalog.remove(["ru/a.md"])
    assert ends(catalog) == versions("en", "ja", 1, 2)
    assert link(catalog, catalog.vectors) == 0
    put(catalog, "ru/a.md", [1, 2])
    assert link(catalog, catalog.vectors) == 4
    assert {frozenset(pair) for pair in ends(catalog)} == {frozenset(pair) for pair in everything}


def test_nothing_and_documents_without_passages(catalog: Catalog) -> None:
    assert link(catalog, catalog.vectors) == 0
    put(catalog, "en/empty.md", [])
    assert link(catalog, catalog.vectors) == 0
    assert catalog.pending() == []
    put(catalog, "en/a.md", [1, 2])
    put(catalog, "ru/empty.md", [])
    put(catalog, "ru/a.md", [1, 2])
    assert link(catalog, catalog.vectors) == 2
    put(catalog, "en/empty.md", [])
    assert link(catalog, catalog.vectors) == 0
    assert (len(catalog.links()), catalog.pending()) == (2, [])


def test_what_a_person_says_holds_through_every_run(catalog: Catalog) -> None:
    put(catalog, "en/a.md", [1, 2, 3])
    put(catalog, "ru/a.md", [1, 2, 3])
    put(catalog, "ja/z.md", [9])
    link(catalog, catalog.vectors)
    catalog.state(place(catalog, "en/a.md:1"), place(catalog, "ru/a.md:2"), linked=False)
    catalog.state(place(catalog, "ja/z.md:1"), place(catalog, "en/a.md:6"), linked=True)
    for again in ("en/a.md", "ru/a.md", "en/a.md"):
        put(catalog, again, [1, 2, 3])
        link(catalog, catalog.vectors)
        stated = [each for each in catalog.links() if each.evidence == (STATED,)]
        assert len(stated) == 1
        assert {frozenset(pair) for pair in ends(catalog)} == {
            frozenset({"en of 2", "ru of 2"}),
            frozenset({"en of 3", "ru of 3"}),
            frozenset({"en of 3", "ja of 9"}),
        }


# What comes in between.

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from polyseek.linking import link
from polyseek.store.catalog import Catalog
from test_linking import put

def killed(ids):
    os.kill(os.getpid(), signal.SIGKILL)

with Catalog.open(sys.argv[1], write=True) as catalog:
    put(catalog, "ja/a.md", [1, 2, 3])
    put(catalog, "en/b.md", [4, 5])
    link(catalog, killed)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_the_next_run_heals_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with Catalog.open(path, write=True) as catalog:
        put(catalog, "en/a.md", [1, 2, 3])
        link(catalog, catalog.vectors)
    command = [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with Catalog.open(path, write=True) as catalog:
        assert (catalog.pending(), catalog.links()) == (["en/b.md", "ja/a.md"], [])
        assert link(catalog, catalog.vectors) == 3
        assert ends(catalog) == versions("en", "ja", 1, 2, 3)
        assert (catalog.pending(), catalog.damage()) == ([], [])


def test_a_knowledge_base_heals_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"en": "The cat and the dog.", "ja": "猫と犬。", "ru": "Кошка и собака."}
    for language, text in said.items():
        (tmp_path / "docs" / language).mkdir(parents=True)
        (tmp_path / "docs" / language / "pets.md").write_text(text, "utf-8")
    embedder = toy_embedder(glossary=GLOSSARY)
    with KnowledgeBase.open(tmp_path / "kb", embedder=embedder, languages=[*said]) as kb:
        with monkeypatch.context() as patch:
            patch.setattr(knowledge_base, "link", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                kb.index([tmp_path / "docs"])
        assert any("have not been looked for" in each for each in kb.verify())
        report = kb.index([tmp_path / "docs"])
        assert (report.unchanged, report.embedded, report.linked) == (3, 0, 3)
        assert kb.verify() == []
        hit = kb.search("cat dog", k=3)[0]
        assert sorted([hit.path, *(each.path for each in hit.versions)]) == [
            *("en/pets.md", "ja/pets.md", "ru/pets.md")
        ]
        kb.remove(["ja"])
        assert kb.verify() == []
        assert [len(each.versions) for each in kb.search("cat dog", k=3)] == [1]


# Places.


@pytest.mark.parametrize("path", ["en/a.md", "en/a: b.md", "en/x.md:7"])
def test_a_place_is_the_passage_at_a_line(catalog: Catalog, path: str) -> None:
    put(catalog, path, [1, 2])
    for line, topic in ((1, 1), (2, 1), (3, 2), (4, 2)):
        key = chunk_key(f"en of {topic}\nMARK-{topic}")
        assert place(catalog, f"{path}:{line}") == (path, key)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, "names no passage; write PATH:LINE") for name in ("", "en/a.md", ":3", "a:")),
        *((f"en/a.md:{n}", "names no passage") for n in ("x", "-1", "1.5", "1 ", "3-4")),
        *((f"en/a.md:{n}", "no passage of the knowledge base is at") for n in (0, 5, 10**30)),
        *((name, "no passage of the knowledge base is at") for name in ("b.md:1", "en/A.md:1")),
        pytest.param(
            "en/a.md:²",
            "names no passage",
        ),
    ],
)
def test_what_is_no_place(catalog: Catalog, name: str, told: str) -> None:
    put(catalog, "en/a.md", [1, 2])
    with pytest.raises(BadInput, match=told) as caught:
        place(catalog, name)
    assert repr(name) in str(caught.value)
