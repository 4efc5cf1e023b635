"""What may go wrong between an export and an import: files that are damaged, unfinished, newer or
not an export; targets that are not empty; kill -9, and a full disk."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polyseek import KnowledgeBase
from polyseek.errors import BadInput, FingerprintMismatch
from polyseek.store.collection import Collection
from polyseek.transfer import columns, export, load
from polyseek.transfer.content import digest_of
from test_review import guides, made, opened
from toy import toy_embedder

pytest.importorskip("pyarrow", reason="there is no pyarrow: pip install 'polyseek[parquet]'")

LIMITED = sys.platform != "win32"


@pytest.fixture
def kb(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with made(tmp_path, guides()) as base:
        yield base


@pytest.fixture
def copy(kb: KnowledgeBase, tmp_path: Path) -> Path:
    export(kb, tmp_path / "copy")
    return tmp_path / "copy"


def digest(kb: KnowledgeBase) -> str:
    with Collection.open(kb.path) as collection:
        return digest_of(collection.catalog)


def refused(folder: Path, copy: Path, told: str, **options: Any) -> None:  # noqa: ANN401
    """An import that fails, and makes nothing."""
    with opened(folder / "other") as other:
        with pytest.raises(BadInput, match=told):
            load(other, copy, **options)
        assert not Path(other.path).exists()


# What an export may be.


def test_every_byte_counts(copy: Path, tmp_path: Path) -> None:
    for path in sorted(copy.rglob("*.parquet")):
        data = path.read_bytes()
        for at in (0, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            refused(tmp_path, copy, f"{path.name} is not the file that was exported")
        path.write_bytes(data[:-1])
        refused(tmp_path, copy, "is not the file that was exported, its digest is another")
        path.write_bytes(data)
    with opened(tmp_path / "other") as other:
        assert not load(other, copy).already


def test_a_missing_file(copy: Path, tmp_path: Path) -> None:
    (copy / "links" / "00000.parquet").unlink()
    refused(tmp_path, copy, r"00000\.parquet is missing: copy the export again")


def changed(copy: Path, **told: Any) -> None:  # noqa: ANN401
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **told}), "utf-8")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"format": 2, "polyseek": "9.0"}, "format 2, written by polyseek 9.0; this one reads"),
        ({"format": "x"}, "manifest.json is damaged"),
        ({"files": {"../../x.parquet": {"sha256": "0"}}}, "names files that no export has"),
        ({"files": []}, "manifest.json is damaged"),
        ({"fingerprint": {"model": "another"}}, "."),
        ({"instruction": "other"}, "is not what its manifest says, though each file is"),
        ({"digest": "0" * 64}, "is not what its manifest says, though each file is"),
    ],
)
def test_a_manifest_that_is_wrong(
    copy: Path, tmp_path: Path, wrong: dict[str, Any], told: str
) -> None:
    changed(copy, **wrong)
    with opened(tmp_path / "other") as other:
        with pytest.raises((BadInput, FingerprintMismatch), match=told):
            load(other, copy)
        if Path(other.path).exists():
            assert other.documents() == []
            assert other.status().fingerprint == {}


def test_garbage_for_a_manifest(copy: Path, tmp_path: Path) -> None:
    (copy / "manifest.json").write_bytes(b"\xff{")
    refused(tmp_path, copy, "manifest.json is damaged")
    (copy / "manifest.json").write_bytes(b"[]")
    refused(tmp_path, copy, "manifest.json is damaged")


def test_rows_that_were_put_in_another_order(copy: Path, tmp_path: Path) -> None:
    """By hand, with the digests of files brought up to date."""
    import pyarrow.parquet as pq

    from polyseek.transfer.manifest import entry, read

    path = copy / "documents" / "00000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(len(table)))[::-1]), path)
    files = {name: dict(told) for name, told in read(copy).files.items()}
    changed(copy, files=files | {"documents/00000.parquet": entry(path, len(table))})
    with opened(tmp_path / "other") as other:
        with pytest.raises(BadInput, match="its rows are in another order; nothing was imported"):
            load(other, copy)
        assert other.documents() == []


def test_what_is_no_export(kb: KnowledgeBase, tmp_path: Path) -> None:
    refused(tmp_path, tmp_path / "nothing", "is no export: there is no manifest.json in it")
    refused(tmp_path, Path(kb.path), "is no export")


def test_where_not_to_export(kb: KnowledgeBase, copy: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds an export already"):
        export(kb, copy)
    with pytest.raises(BadInput, match="holds something else"):
        export(kb, tmp_path / "docs")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="is a file"):
        export(kb, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert export(kb, tmp_path / "empty").counts["documents"] == 3


def test_an_export_that_fails_leaves_nothing(
    kb: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for directory in (tmp_path / "new", tmp_path / "empty"):
        there = directory.name == "empty"
        if there:
            directory.mkdir()
        with pytest.raises(KeyboardInterrupt):
            export(kb, directory, stop)
        assert directory.exists() == there
        assert not there or not list(directory.iterdir())


# What it may be imported into.


def test_a_target_that_is_not_empty(kb: KnowledgeBase, copy: Path, tmp_path: Path) -> None:
    with made(tmp_path / "other", guides("en")) as other:
        before = digest(other)
        with pytest.raises(BadInput, match="is not empty: import into a new knowledge base"):
            load(other, copy)
        assert digest(other) == before
    with opened(tmp_path / "other") as replaced:
        top = max(ids_of(replaced))
        assert not load(replaced, copy, replace=True).already
        assert digest(replaced) == digest(kb)
        assert min(ids_of(replaced)) > top  # no id is given twice
        assert replaced.verify() == []
        assert replaced.documents() == kb.documents()


def ids_of(kb: KnowledgeBase) -> list[int]:
    with Collection.open(kb.path) as collection:
        return [int(id) for id in collection.catalog.languages()[0]]


def test_another_model_is_refused_before_anything_is_written(copy: Path, tmp_path: Path) -> None:
    other = KnowledgeBase.open(tmp_path / "other", embedder=toy_embedder())
    with other, pytest.raises(FingerprintMismatch, match="precision"):
        load(other, copy)
    assert not Path(other.path).exists()


def test_once_more_only_makes_the_indexes(copy: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "other") as other:
        load(other, copy)
        shutil.rmtree(Path(other.path) / "derived")
        assert other.verify() != []
        assert load(other, copy).already
        assert other.verify() == []


def test_without_pyarrow(kb: KnowledgeBase, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "find_module", lambda _: None)
    for call in (lambda: export(kb, copy / "x"), lambda: load(kb, copy)):
        with pytest.raises(BadInput, match=r"need pyarrow; pip install 'polyseek\[parquet\]'"):
            call()
    assert not (copy / "x").exists()


# kill -9. One process forks for every run, which is slowed down so that any step can be hit.

DRIVER = f"""
import os, random, shutil, signal, sys, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from polyseek.store.catalog import Catalog
from polyseek.store.collection import Collection
from polyseek.transfer import export, files, load
from test_review import opened

put, write, entry = Catalog.put, files.Writer._write, files.entry
def slow(call):
    def slowed(*args, **options):
        time.sleep(0.02)
        return call(*args, **options)
    return slowed
Catalog.put, files.Writer._write, files.entry = slow(put), slow(write), slow(entry)

def run(work):
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    return child

def to_the_end(work):
    began = time.monotonic()
    assert os.waitpid(run(work), 0)[1] == 0
    return time.monotonic() - began

def killed(work, seconds):
    child = run(work)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == signal.SIGKILL

place, chance = Path(sys.argv[1]), random.Random(4711)
def exporting():
    export(opened(place), place / "out")
def importing():
    load(opened(place / "other"), place / "copy")
def check():
    # Opened for writing, as the next import does: killed early, there is not even a schema.
    with Collection.open(place / "other" / "kb", write=True) as collection:
        held = collection.catalog.digests()
    assert len(held) in (0, 3), held
def whole():
    other = opened(place / "other")
    assert load(other, place / "copy").already and other.verify() == []
def imported():
    shutil.rmtree(place / "again", ignore_errors=True)
    load(opened(place / "again"), place / "out")
to_the_end(lambda: export(opened(place), place / "copy"))
lasts = to_the_end(exporting), to_the_end(importing)
hits = 0
for n in range(int(sys.argv[2])):
    shutil.rmtree(place / "out", ignore_errors=True)
    hits += killed(exporting, lasts[0] * chance.uniform(0, 1))
    if not (place / "out" / "manifest.json").exists():
        to_the_end(exporting)
    to_the_end(imported)
    shutil.rmtree(place / "other", ignore_errors=True)
    hits += killed(importing, lasts[1] * chance.uniform(0, 1))
    to_the_end(check)
    to_the_end(importing)
    to_the_end(whole)
print(hits)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_kill_9_at_any_moment(kb: KnowledgeBase, tmp_path: Path) -> None:
    kb.close()
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path), "8"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) >= 10  # of 16; the others had ended before


def test_a_stopped_export_says_so(kb: KnowledgeBase, copy: Path, tmp_path: Path) -> None:
    (copy / "manifest.json").unlink()
    (copy / "UNFINISHED").write_text("")
    refused(tmp_path, copy, "is an export that was not finished: export again")
    assert export(kb, copy).counts["documents"] == 3
    assert not (copy / "UNFINISHED").exists()


# A full disk. A limit on the size of files stands for it, as in tests/store/test_faults.py.

FULL = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from polyseek import cli
from polyseek.engine import chosen
from test_review import opened
chosen.load = lambda *args, **options: opened(Path("x")).embedder
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.argv[1:] = sys.argv[2:]
cli.main()
"""


def limited(limit: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FULL, str(limit), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(not LIMITED, reason="no RLIMIT_FSIZE here")
@pytest.mark.parametrize("limit", [0, 100, 2_000, 4_000])
def test_a_disk_too_full_to_export(kb: KnowledgeBase, tmp_path: Path, limit: int) -> None:
    before = digest(kb)
    done = limited(limit, "export", tmp_path / "copy", "--kb", kb.path)
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "free space" in done.stderr
    assert not (tmp_path / "copy").exists()
    assert digest(kb) == before
    assert limited(10**8, "export", tmp_path / "copy", "--kb", kb.path).returncode == 0


# Too little for the schema, for the documents, for the indexes.
@pytest.mark.skipif(not LIMITED, reason="no RLIMIT_FSIZE here")
@pytest.mark.parametrize("limit", [20_000, 240_000, 260_000])
def test_a_disk_too_full_to_import(
    kb: KnowledgeBase, copy: Path, tmp_path: Path, limit: int
) -> None:
    command = ("import", copy, "--kb", tmp_path / "other" / "kb")
    done = limited(limit, *command)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "free space" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    done = limited(10**8, *command)
    assert done.returncode == 0, done.stderr
    with opened(tmp_path / "other") as other:
        assert other.verify() == []
        assert digest(other) == digest(kb)
