"""What is indexed with Ray is what is indexed without it, row by row, whatever happens on the way.

Each run is a process of its own (on_ray.py), from the start of Ray to its end.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec as find_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from polyseek import KnowledgeBase
from toy import toy_embedder

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not find_module("ray"), reason="Ray is not installed"),
]
EXAMPLES = Path(__file__).parents[2] / "examples" / "cloud-security-policy"
CHUNK_TOKENS = 40
RUN = Path(__file__).with_name("on_ray.py")
ALONE = ("unshare", "--map-root-user", "--net", "--pid", "--fork", "--mount-proc")
"""In a network of its own; and nothing that it starts outlives it."""
TABLES = (
    "documents",
    "chunks",
    "vectors",
    "sentences",
    "language_sums",
    "links",
    "sqlite_sequence",
)
TOLD = (
    "new",
    "changed",
    "unchanged",
    "removed",
    "failed",
    "chunks",
    "embedded",
    "tokens",
    "linked",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with the policy in three scripts, two equal files and one that is no text."""
    for language in ("zh", "en", "ja"):
        shutil.copytree(EXAMPLES / language, tmp_path / "docs" / language)
    shutil.copy(EXAMPLES / "zh" / "network.md", tmp_path / "docs" / "zh" / "network-2.md")
    (tmp_path / "docs" / "odd.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    return tmp_path


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """For a Ray whose files go with the test; the paths of its sockets have to be short."""
    root = RUN.parents[2]
    paths = os.pathsep.join([str(root / "src"), str(root / "tests")])
    with tempfile.TemporaryDirectory(prefix="ray") as directory:
        yield {**os.environ, "PYTHONPATH": paths, "RAY_TMPDIR": directory}


def ran(what: str, place: Path, environment: dict[str, str]) -> dict[str, Any]:
    """What on_ray.py tells."""
    words = [sys.executable, str(RUN), what, str(place)]
    if what == "node":
        words = [*ALONE, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *words]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    if what != "node":  # a simulated cluster talks
        assert done.stderr == ""
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def rows(kb: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that is stored, ids included."""
    with sqlite3.connect(kb / "catalog.sqlite") as db:
        return {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in TABLES}


def vectors(kb: Path) -> npt.NDArray[np.float32]:
    """All vectors (n, D), in the order of ids."""
    with sqlite3.connect(kb / "catalog.sqlite") as db:
        found = db.execute("SELECT vector FROM vectors ORDER BY chunk_id").fetchall()
    return np.stack([np.frombuffer(blob, np.float16) for (blob,) in found]).astype(np.float32)


def assert_as_without_ray(
    told: dict[str, Any],
    place: Path,
    tables: Sequence[str] = TABLES,
    **settings: Any,  # noqa: ANN401
) -> None:
    assert told["problems"] == []
    with KnowledgeBase.open(place / "without", **settings) as kb:
        report = asdict(kb.index([place / "docs"]))
    assert {name: told["report"][name] for name in TOLD} == {name: report[name] for name in TOLD}
    assert list(report["failed"]) == ["odd.txt"]
    assert report["embedded"] < report["chunks"]  # the two equal files
    wanted = rows(place / "without")
    assert len(wanted["vectors"]) == report["chunks"]
    found = rows(place / told["what"])
    assert [name for name in tables if found[name] != wanted[name]] == []


def test_a_worker_is_killed(place: Path, environment: dict[str, str]) -> None:
    told = ran("killed", place, environment)
    assert told["killed"] in told["processes"]
    assert len(told["processes"]) > 2  # of two workers
    assert told["pipelines"] == 1
    assert_as_without_ray(told, place, embedder=toy_embedder(), chunk_tokens=CHUNK_TOKENS)


def test_the_embedded_model(place: Path, environment: dict[str, str]) -> None:
    for name in ("en/*", "zh/[a-m]*", "ja/[a-m]*"):
        for path in (place / "docs").glob(name):
            path.unlink()
    told = ran("model", place, environment)
    # Which texts share a batch is another; in int8 that is the fourth decimal of some of them.
    others = [each for each in TABLES if each not in ("vectors", "sentences", "language_sums")]
    assert_as_without_ray(told, place, others)
    mine, theirs = vectors(place / "model"), vectors(place / "without")
    assert (mine * theirs).sum(axis=1).min() > 0.999


@pytest.fixture
def alone() -> None:
    """A test that needs a network of its own, if this user may have one."""
    done = subprocess.run([*ALONE, "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this user may not have a network of its own: {done.stderr.strip()}")


@pytest.mark.usefixtures("alone")
def test_a_node_is_lost(place: Path, environment: dict[str, str]) -> None:
    told = ran("node", place, environment)
    assert told["removed"]
    assert_as_without_ray(told, place, embedder=toy_embedder(), chunk_tokens=CHUNK_TOKENS)
