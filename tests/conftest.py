"""What all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from polyseek.store.opening import Place
from polyseek.store.postgres import Schema
from servers import running_postgres

# A time limit an example would fail on a busy machine, and prove nothing.
settings.register_profile("polyseek", deadline=None, max_examples=60)
settings.load_profile("polyseek")

_numbers = count()

DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_configure() -> None:
    """No test reads the environment's settings by accident; the model cache stays the user's. And
    what a test starts can be interrupted, though a shell that runs the tests in the background has
    them ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [n for n in os.environ if n.startswith("POLYSEEK_") and n != "POLYSEEK_CACHE"]:
        del os.environ[name]


@pytest.fixture
def data() -> Path:
    """The folder of documents that nobody on this project wrote, beside the repository."""
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there: the data lies beside the repository, not in it")
    return DATA


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL that the tests share; each makes schemas of its own in it."""
    with running_postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a catalog may lie: a file that is not there, or a schema that is not there."""
    if request.param == "sqlite":
        return tmp_path / "catalog.sqlite"
    return Schema(request.getfixturevalue("postgres"), f"kb_{next(_numbers)}")
