"""A knowledge base to Parquet and back: the same in every table, and the same hits. The texts are
real ones in eight scripts and more; the model is the toy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyseek import KnowledgeBase
from polyseek.errors import StoreError
from polyseek.languages import calibration
from polyseek.meter import Progress
from polyseek.store.catalog import Catalog
from polyseek.store.collection import Collection
from polyseek.store.opening import Place
from polyseek.store.reader import Reader
from polyseek.store.sentences import restored
from polyseek.transfer import export, load
from polyseek.transfer.content import content, digest_of
from polyseek.transfer.manifest import read
from test_review import guides, made, opened

pytest.importorskip("pyarrow", reason="there is no pyarrow: pip install 'polyseek[parquet]'")

LANGUAGES = ("zh", "ja", "ko", "th", "ru", "ar", "hi", "el", "he", "en")
QUESTIONS = ("cat and password", "猫", "сервер", "9 lives")


def write_texts(folder: Path) -> None:
    """The calibration texts of ten languages, a document each, and guides that are versions."""
    for language in LANGUAGES:
        texts = calibration.texts(language)
        parts = [f"# {texts['title'][0]}", *texts["passage"][:6], "```\nrm -r x\n```"]
        path = folder / "docs" / language / "texts.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(parts) + "\n", "utf-8")
    (folder / "docs" / "empty.md").write_text("", "utf-8")


@pytest.fixture
def kb(tmp_path: Path) -> Iterator[KnowledgeBase]:
    """With sentences, links, both kinds of statements, and a document of no passage."""
    write_texts(tmp_path)
    with made(tmp_path, guides(), languages=LANGUAGES, chunk_tokens=40) as base:
        base.link("en/guide.md:3", "ja/guide.md:11")
        base.link("en/guide.md:7", "ru/guide.md:7", versions=False)
        yield base


def another(folder: Path, **settings: Any) -> KnowledgeBase:  # noqa: ANN401
    folder.mkdir(exist_ok=True)
    return opened(folder, languages=LANGUAGES, chunk_tokens=40, **settings)


def tables(reader: Reader) -> dict[str, list[Any]]:
    """Every row of every table."""
    found: dict[str, list[Any]] = {}
    for table, rows in content(reader):
        found.setdefault(table, []).extend(rows)
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def held(base: KnowledgeBase) -> dict[str, list[Any]]:
    with Collection.open(base.path) as collection:
        return tables(collection.catalog)


def hits(base: KnowledgeBase) -> list[Any]:
    return [base.search(question, k=20) for question in QUESTIONS]


def test_everything_comes_back(kb: KnowledgeBase, tmp_path: Path) -> None:
    manifest = export(kb, tmp_path / "copy")
    with another(tmp_path / "other") as other:
        done = load(other, tmp_path / "copy")
        assert (done.manifest, done.already) == (manifest, False)
        before = held(kb)
        assert held(other) == before
        assert {table: len(rows) for table, rows in before.items()} == manifest.counts
        assert all(before[table] for table in before)
        assert {row.linked for row in before["statements"]} == {True, False}
        assert other.verify() == []
        assert hits(other) == hits(kb)
        assert other.status().fingerprint == kb.status().fingerprint
        assert export(other, tmp_path / "again").digest == manifest.digest


def test_an_index_run_after_an_import_has_nothing_to_do(kb: KnowledgeBase, tmp_path: Path) -> None:
    export(kb, tmp_path / "copy")
    with another(tmp_path / "other") as other:
        load(other, tmp_path / "copy")
        report = other.index(tmp_path / "docs")
        assert (report.embedded, report.new, report.changed) == (0, [], [])


def test_the_same_content_in_another_order_has_the_same_digest(
    kb: KnowledgeBase, tmp_path: Path
) -> None:
    """Its documents have other ids, and so have its chunks; links may point the other way."""
    from polyseek.transfer.load import _put

    with (
        Collection.open(kb.path) as collection,
        Catalog.open(tmp_path / "backwards.sqlite", write=True) as backwards,
    ):
        forwards = collection.catalog
        backwards.set_fingerprint(forwards.fingerprint())
        pairs = list(forwards.chunk_rows())
        for document in reversed(list(forwards.document_rows())):
            mine = [pair for pair in pairs if pair[0].path == document.path]
            said = [sentence for _, some in mine for sentence in some]
            _put(backwards, document, [chunk for chunk, _ in mine], said)
            backwards.link([], [document.path] if document.linked else [])
        backwards.put_rows(list(forwards.link_rows()), list(forwards.statement_rows()))
        assert [r.path for r in backwards.document_rows()] == [
            r.path for r in forwards.document_rows()
        ][::-1]
        assert tables(backwards) == tables(forwards)
        assert digest_of(backwards) == digest_of(forwards)


def test_a_change_of_anything_changes_the_digest(kb: KnowledgeBase) -> None:
    with Collection.open(kb.path, write=True) as collection:
        catalog = collection.catalog
        digests = [digest_of(catalog)]
        for change in (
            "UPDATE documents SET linked = 0 WHERE path = 'empty.md'",
            "UPDATE chunks SET tokens = tokens + 1 WHERE id = 1",
            "UPDATE chunks SET words = words || ' x' WHERE id = 2",
            "UPDATE chunks SET context = 'x' WHERE id = 2",
            "UPDATE links SET margin = margin + 1e-12 WHERE one = (SELECT min(one) FROM links)",
            "DELETE FROM statements WHERE linked = 1",
            "UPDATE sentences SET vectors = zeroblob(length(vectors))",
            "UPDATE language_sums SET count = count + 1 WHERE language = 'ja'",
        ):
            catalog._db.execute(change)
            digests.append(digest_of(catalog))
        catalog.set_instruction("faults")
        digests.append(digest_of(catalog))
    assert len(set(digests)) == len(digests)


def test_columns_are_what_the_guide_says(kb: KnowledgeBase, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    export(kb, tmp_path / "copy")
    chunks = pq.read_table(tmp_path / "copy" / "chunks")
    assert str(chunks.schema.field("vector").type).startswith("fixed_size_list<")
    vectors = np.stack(chunks["vector"].to_numpy())
    assert vectors.dtype == np.float16
    with Collection.open(kb.path) as collection:
        ids, _ = collection.catalog.languages()
        rows = collection.catalog.rows(ids)
        said = collection.catalog.sentences(ids)
        assert np.array_equal(vectors.astype(np.float32), collection.catalog.vectors(ids))
    assert chunks["text"].to_pylist() == [row.chunk.text for row in rows]
    assert chunks["headings"].to_pylist() == [list(row.chunk.headings) for row in rows]
    sentences = pq.read_table(tmp_path / "copy" / "sentences")
    bytes_ = np.stack(sentences["vector"].to_numpy())
    assert np.array_equal(restored(bytes_), said.vectors)
    texts = {(row.path, at): row.chunk for row, at in zip(rows, chunks["ordinal"].to_pylist(),
             strict=True)}  # fmt: skip
    for path, at, start, end in zip(
        *(sentences[name].to_pylist() for name in ("path", "ordinal", "start", "end")), strict=True
    ):
        chunk = texts[path, at]
        assert chunk.start <= start < end <= chunk.end


def test_what_older_versions_left_out_stays_out(tmp_path: Path) -> None:
    """Passages without words and marks, links that are still to be looked for."""
    with made(tmp_path, guides()) as kb:
        with Collection.open(kb.path, write=True) as collection:
            collection.catalog._db.execute("UPDATE chunks SET words = NULL, marks = NULL")
            collection.catalog._db.execute("UPDATE documents SET linked = 0")
        export(kb, tmp_path / "copy")
        with opened(tmp_path / "other") as other:
            load(other, tmp_path / "copy")
            assert held(other) == held(kb)


def test_an_empty_knowledge_base(tmp_path: Path) -> None:
    with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        with Collection.open(one.path, write=True):
            pass
        manifest = export(one, tmp_path / "copy")
        assert set(manifest.counts.values()) == {0}
        done = load(two, tmp_path / "copy")
        assert two.status().statistics.documents == 0
        assert (done.manifest.digest, two.status().fingerprint) == (manifest.digest, {})
        assert load(two, tmp_path / "copy").already


def test_files_are_split_and_memory_is_not_theirs(
    kb: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export(kb, tmp_path / "whole")
    monkeypatch.setattr("polyseek.transfer.files.GROUP_ROWS", 3)
    monkeypatch.setattr("polyseek.transfer.files.FILE_ROWS", 6)
    monkeypatch.setattr("polyseek.transfer.files.BATCH_ROWS", 2)
    monkeypatch.setattr("polyseek.transfer.content.AT_ONCE", 4)
    monkeypatch.setattr("polyseek.store.whole.PAGE", 5)
    split = export(kb, tmp_path / "split")
    assert split.digest == whole.digest
    assert len(split.files_of("chunks")) == -(-split.counts["chunks"] // 6) > 3
    assert next(each["rows"] for each in split.files.values()) == 6
    with another(tmp_path / "other") as other:
        load(other, tmp_path / "split")
        assert held(other) == held(kb)


def test_what_it_tells_as_it_goes(kb: KnowledgeBase, tmp_path: Path) -> None:
    told: list[Progress] = []
    manifest = export(kb, tmp_path / "copy", told.append)
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert told[-1].stage == f"exporting, {manifest.counts['chunks']:,} passages,"
    told.clear()
    with another(tmp_path / "other") as other:
        load(other, tmp_path / "copy", watch=told.append)
    stages = list(dict.fromkeys(each.stage.partition(",")[0] for each in told))
    assert stages == ["checking files", "storing", "comparing", "making indexes"]


def test_others_write_while_it_is_exported(kb: KnowledgeBase, tmp_path: Path) -> None:
    """What is exported is one state."""
    before = held(kb)

    def meddle(_: Progress) -> None:
        with Collection.open(kb.path, write=True) as collection:
            collection.catalog.remove(["en/guide.md", "ru/guide.md"])

    manifest = export(kb, tmp_path / "copy", meddle)
    assert manifest.counts == {table: len(rows) for table, rows in before.items()}
    with another(tmp_path / "other") as other:
        load(other, tmp_path / "copy")
        assert held(other) == before


def test_a_copy_may_lie_in_another_database(
    kb: KnowledgeBase, tmp_path: Path, place: Place
) -> None:
    """Whichever it is, the digest is the same; and so it is on the way back."""
    from polyseek.transfer.load import _store

    export(kb, tmp_path / "copy")
    manifest = read(tmp_path / "copy")
    with Catalog.open(place, write=True) as catalog:
        with catalog.transaction():
            _store(catalog, tmp_path / "copy", manifest, lambda _: None)
        assert tables(catalog) == held(kb)
        assert catalog.damage() == []
        assert digest_of(catalog) == manifest.digest
        with catalog.transaction():  # again, over what is there
            _store(catalog, tmp_path / "copy", manifest, lambda _: None)
        assert digest_of(catalog) == manifest.digest


def test_a_knowledge_base_that_is_not_there(tmp_path: Path) -> None:
    with opened(tmp_path) as nothing, pytest.raises(StoreError, match="is not there"):
        export(nothing, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_the_manifest_tells_what_the_guide_says(kb: KnowledgeBase, tmp_path: Path) -> None:
    manifest = export(kb, tmp_path / "copy")
    told = json.loads((tmp_path / "copy" / "manifest.json").read_text("utf-8"))
    assert told["format"] == 1
    assert told["digest"] == manifest.digest
    assert told["fingerprint"]["model"] == "toy"
    assert told["counts"] == dict(manifest.counts)
    on_disk = {p.relative_to(tmp_path / "copy").as_posix() for p in
               (tmp_path / "copy").rglob("*") if p.is_file()}  # fmt: skip
    assert on_disk == {*told["files"], "manifest.json"}
