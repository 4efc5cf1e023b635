"""What all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A time limit an example would fail on a busy machine, and prove nothing.
settings.register_profile("polyseek", deadline=None, max_examples=60)
settings.load_profile("polyseek")

DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """No test reads the environment's settings by accident; the model cache stays the user's. And
    what a test starts can be interrupted, though a shell that runs the tests in the background has
    them ignore it."""
    config.addinivalue_line("markers", "ray: starts a Ray, which takes long, and memory")
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
