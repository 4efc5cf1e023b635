"""What the machine may do to a knowledge base: kill the process, lose or damage a file, run out of
space. Whatever it was, a plain re-run ends as if nothing had happened. The model is the toy.

(tests/store/test_faults.py does the same to the store alone.)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from polyseek import KnowledgeBase
from toy import toy_embedder

KILLS = 30
QUESTIONS = ("the cat of number 7", "狗在哪里", "What does ERR-0012 mean?")
Results = list[list[object]]

# Imports once and forks for every run, so that 30 kills take seconds. The runs are slowed down, so
# that a kill can hit reading, embedding, committing and publishing.
DRIVER = f"""
import json, os, random, shutil, signal, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import polyseek.ingest
from polyseek import KnowledgeBase
from polyseek.languages.identify import query_language
from test_run_faults import QUESTIONS, opened, results

polyseek.ingest.FLUSH_CHUNKS = 12
query_language("Loads the model that tells languages, once for all runs.", [])

def index(kb, docs):
    made = opened(kb)
    forward = made.embedder.forward
    class Slow:
        precision, batch_tokens = forward.precision, forward.batch_tokens
        def pooled(self, rows):
            time.sleep(0.005)
            return forward.pooled(rows)
    made.embedder.forward = Slow()
    made.index([docs])

def run(work):
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException as error:
            print(json.dumps(["failed", repr(error)]), flush=True)
            os._exit(1)
        os._exit(0)
    return child

def to_the_end(work):
    began = time.monotonic()
    _, status = os.waitpid(run(work), 0)
    assert status == 0, status
    return time.monotonic() - began

def tell(kb):
    made = opened(kb)
    print(json.dumps([made.verify(), results(made)]), flush=True)

before, after, place = map(Path, sys.argv[1:4])
moments = random.Random(4711)
docs = place / "docs"  # a link, so that the files change and their names do not
docs.symlink_to(before)
to_the_end(lambda: index(place / "old", docs))
docs.unlink()
docs.symlink_to(after)

def begin(kb, updating):
    # Half of the runs bring an older state up to date. Versions are looked for when a document
    # comes, so a history is compared with its like.
    shutil.rmtree(kb, ignore_errors=True)
    if updating:
        shutil.copytree(place / "old", kb)

def undisturbed(kb, updating):
    begin(kb, updating)
    seconds = to_the_end(lambda: index(kb, docs))
    to_the_end(lambda: tell(kb))
    return seconds

def killed(kb, updating, seconds):
    begin(kb, updating)
    child = run(lambda: index(kb, docs))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return status == signal.SIGKILL

lasts = [undisturbed(place / name, n) for n, name in enumerate(("fresh", "updated"))]
for n in range(int(sys.argv[4])):
    kb = place / f"kb-{{n}}"
    seconds = lasts[n % 2] * moments.uniform(0.02, 1)
    while not killed(kb, n % 2, seconds):  # it had ended before: a run is not always as slow
        seconds *= 0.8
    to_the_end(lambda: index(kb, docs))
    to_the_end(lambda: tell(kb))
    shutil.rmtree(kb)
"""


def opened(path: Path) -> KnowledgeBase:
    return KnowledgeBase.open(
        path, embedder=toy_embedder(), chunk_tokens=40, languages=("en", "zh")
    )


def results(kb: KnowledgeBase) -> Results:
    """All that searches find, in an order that no id has a part in."""
    return sorted(
        [question, hit.path, hit.line_start, hit.line_end, hit.text, hit.score, len(hit.versions)]
        for question in QUESTIONS
        for hit in kb.search(question, k=1000, every_passage=True)
    )


def write_documents(folder: Path, version: int) -> None:
    """Two dozen files; another version has some of them changed, some gone, some new."""
    folder.mkdir(parents=True)
    for n in range(version * 6, version * 6 + 24):
        changed = version if n % 4 == 0 else 0
        english = f"The cat of number {n} reads ERR-{n:04} in version {changed}."
        chinese = f"第 {n} 只狗在第 {changed} 个服务器上睡觉。"
        text = f"# Note {n}\n\n{english}\n\n## More\n\n{english * 3}\n\n{chinese * 3}\n"
        (folder / f"{n:03}.md").write_text(text, "utf-8")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    write_documents(tmp_path / "docs", 0)
    return tmp_path / "docs"


def test_kill_9_at_any_moment(tmp_path: Path) -> None:
    write_documents(tmp_path / "before", 0)
    write_documents(tmp_path / "after", 1)
    (tmp_path / "place").mkdir()
    arguments = [str(tmp_path / name) for name in ("before", "after", "place")]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *arguments, str(KILLS)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    fresh, updated, *ends = [json.loads(line) for line in done.stdout.splitlines()]
    for problems, wanted in (fresh, updated):
        assert problems == []
        assert len(wanted) > 100
    assert len(ends) == KILLS
    for number, end in enumerate(ends):
        assert end == [fresh, updated][number % 2], f"after kill {number}"


# Files that are derived from the truth.


def only(pattern: str, kb: Path) -> Path:
    (path,) = kb.glob(pattern)
    return path


def delete_vectors(kb: Path, _: Path) -> None:
    only("derived/*/vectors.faiss", kb).unlink()


def empty_vectors(kb: Path, _: Path) -> None:
    only("derived/*/vectors.faiss", kb).write_bytes(b"")


def truncate_vectors(kb: Path, _: Path) -> None:
    path = only("derived/*/vectors.faiss", kb)
    path.write_bytes(path.read_bytes()[:-1000])


def garble_vectors(kb: Path, _: Path) -> None:
    path = only("derived/*/vectors.faiss", kb)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def exchange_vectors(kb: Path, other: Path) -> None:
    shutil.copy(only("derived/*/vectors.faiss", other), only("derived/*/vectors.faiss", kb))


def exchange_everything_derived(kb: Path, other: Path) -> None:
    mine = only("derived/*", kb)
    shutil.rmtree(mine)
    shutil.copytree(only("derived/*", other), mine)


def delete_everything_derived(kb: Path, _: Path) -> None:
    shutil.rmtree(kb / "derived")


def delete_words(kb: Path, _: Path) -> None:
    shutil.rmtree(only("derived/*/lexical", kb))


def garble_words(kb: Path, _: Path) -> None:
    for path in kb.glob("derived/*/lexical/*.idx"):
        path.write_bytes(b"\0" * path.stat().st_size)


def delete_stamp(kb: Path, _: Path) -> None:
    only("derived/*/stamp.json", kb).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        delete_vectors,
        empty_vectors,
        truncate_vectors,
        garble_vectors,
        exchange_vectors,
        exchange_everything_derived,
        delete_everything_derived,
        delete_words,
        garble_words,
        delete_stamp,
    ],
    ids=lambda damage: damage.__name__,
)
@pytest.mark.parametrize("healer", ["search", "index"])
def test_what_is_derived_is_made_anew(
    tmp_path: Path, docs: Path, damage: Callable[[Path, Path], None], healer: str
) -> None:
    kb = opened(tmp_path / "kb")
    kb.index([docs])
    wanted = results(kb)
    kb.close()
    write_documents(tmp_path / "others", 3)
    opened(tmp_path / "other").index([tmp_path / "others"])

    damage(tmp_path / "kb", tmp_path / "other")
    assert opened(tmp_path / "kb").verify() != []
    healed = opened(tmp_path / "kb")
    if healer == "index":
        assert healed.index([docs]).unchanged == 24
        assert healed.verify() == []
    assert results(healed) == wanted
    assert healed.verify() == []


def test_nobody_is_kept_from_searching_by_a_writer(tmp_path: Path, docs: Path) -> None:
    """While another process writes, a reader makes what is missing for itself, in memory."""
    kb = opened(tmp_path / "kb")
    kb.index([docs])
    wanted = results(kb)
    shutil.rmtree(tmp_path / "kb" / "derived")
    from polyseek.store.lock import WriterLock

    lock = WriterLock(tmp_path / "kb")
    lock.acquire()
    assert results(opened(tmp_path / "kb")) == wanted
    assert not (tmp_path / "kb" / "derived").exists()
    lock.release()


# A disk that fills up.

LIMITED = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import polyseek.ingest
from polyseek import cli
from polyseek.engine import chosen
from test_run_faults import opened
polyseek.ingest.FLUSH_CHUNKS = 12
chosen.load = lambda *args, **options: opened(Path("kb")).embedder
if int(sys.argv[1]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.argv[1:] = sys.argv[2:]
cli.main()
"""


AS_OPENED = ("--chunk-tokens", "40", "--languages", "en,zh")


def limited(limit: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, where no file may be longer than `limit` bytes; 0: any length."""
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_full(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 4, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "free" in done.stderr
    assert "run" in done.stderr


def undisturbed(tmp_path: Path, docs: Path) -> Results:
    kb = opened(tmp_path / "undisturbed")
    kb.index([docs])
    return results(kb)


# Too little for the schema; for all documents.
@pytest.mark.parametrize("limit", [20_000, 150_000])
def test_a_quota_that_is_reached(tmp_path: Path, docs: Path, limit: int) -> None:
    place = tmp_path / "kb"
    arguments = ["index", str(docs), "--kb", str(place), *AS_OPENED]
    assert_full(limited(limit, *arguments))
    done = limited(0, *arguments)
    assert done.returncode == 0, done.stderr
    assert opened(place).verify() == []
    assert results(opened(place)) == undisturbed(tmp_path, docs)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB, if this user may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_up(tmp_path: Path, docs: Path, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 600_000)
    arguments = ["index", str(docs), "--kb", str(small_disk / "kb"), *AS_OPENED]
    assert_full(limited(0, *arguments))
    ballast.unlink()
    grow = ["mount", "-o", "remount,size=8m", str(small_disk)]
    subprocess.run(grow, check=True)
    done = limited(0, *arguments)
    assert done.returncode == 0, done.stderr
    kb = opened(small_disk / "kb")
    assert kb.verify() == []
    assert results(kb) == undisturbed(tmp_path, docs)
    kb.close()
