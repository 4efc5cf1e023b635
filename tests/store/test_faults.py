"""What the store promises when the machine does its worst: kill -9, and a full disk."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_samples import derive

from polyseek.store.collection import Collection

PRELUDE = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from store_samples import derive, put
from polyseek.errors import StoreError
from polyseek.store.collection import Collection
"""

# Announces every document once it is committed: those must survive.
WRITE_FOR_EVER = """
with Collection.open(sys.argv[1], write=True) as collection:
    number = len(collection.catalog.digests())
    print("open", flush=True)
    while True:
        with collection.catalog.transaction():
            texts = [f"text {number} {i}" for i in range(9)]
            put(collection.catalog, f"{number}.md", texts, number)
            put(collection.catalog, "same.md", [f"again {number}"], number)
            if number % 7 == 3:
                collection.catalog.remove([f"{number - 3}.md"])
        print(number, flush=True)
        if number % 3 == 0:
            collection.publish(derive)
        number += 1
"""


def start(code: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PRELUDE + code, str(path), str(Path(__file__).parent)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_kill_9_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    chance = random.Random(0)
    for _ in range(5):
        with start(WRITE_FOR_EVER, tmp_path) as writer:
            assert writer.stdout and writer.stderr
            opened = writer.stdout.readline()
            assert opened == "open\n", writer.stderr.read()
            time.sleep(chance.uniform(0.05, 0.5))
            writer.kill()
            announced = [int(line) for line in writer.stdout.read().splitlines()]
        with Collection.open(tmp_path, write=True) as collection:
            there = set(collection.catalog.digests())
            removed = {number - 3 for number in range(10_000) if number % 7 == 3}
            assert {f"{number}.md" for number in announced if number not in removed} <= there
            collection.publish(derive)
            assert collection.verify(derive) == []
            assert len(list((tmp_path / "derived").iterdir())) == 1


# A limit on the size of files stands for a full disk: writes fail in the same places.
FILL = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Collection.open(sys.argv[1], write=True) as collection:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
    number = 0
    try:
        while number < 100_000:
            with collection.catalog.transaction():
                put(collection.catalog, f"{number}.md", ["text " * 30] * 9, number)
            number += 1
    except StoreError as error:
        print(number, str(error).replace("\\n", " "))
"""


def run(code: str, path: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", PRELUDE + code, str(path), str(Path(__file__).parent)]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE here")
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    count, _, message = run(FILL, tmp_path, str(3_000_000)).partition(" ")
    assert "is full; nothing that was committed is lost: free space and run the same" in message
    assert int(count) > 0
    with Collection.open(tmp_path, write=True) as collection:
        assert set(collection.catalog.digests()) == {f"{place}.md" for place in range(int(count))}
        collection.publish(derive)
        assert collection.verify(derive) == []


PUBLISH = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Collection.open(sys.argv[1], write=True) as collection:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
    try:
        collection.publish(derive)
    except StoreError as error:
        print("refused:", str(error).replace("\\n", " "))
    with collection.view(derive) as view:
        print(view.lexical.search(["text"], 1), len(view.index))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE here")
@pytest.mark.parametrize("limit", [0, 100, 1_000, 5_000, 20_000])
def test_a_disk_too_full_to_publish_still_searches(tmp_path: Path, limit: int) -> None:
    with start(WRITE_FOR_EVER, tmp_path) as writer:
        assert writer.stdout
        while writer.stdout.readline() != "40\n":
            pass
        writer.kill()
    with Collection.open(tmp_path) as collection:
        chunks = collection.catalog.statistics().chunks
    refusal, *rest = run(PUBLISH, tmp_path, str(limit)).splitlines()
    assert refusal.startswith("refused:"), refusal
    assert "free space" in refusal
    assert rest[-1].endswith(f"] {chunks}")
    derived = tmp_path / "derived"
    assert not [path for path in derived.iterdir() if path.name.startswith(".unfinished")]
    with Collection.open(tmp_path, write=True) as collection:
        collection.publish(derive)
        assert collection.verify(derive) == []
