"""Qwen3-Embedding-0.6B against the figures on its card, where its weights are on this machine."""

from __future__ import annotations

from importlib.util import find_spec as find_module

import numpy as np
import pytest

from engine.backends import BACKENDS, Runner
from polyseek.engine.embedder import Embedder
from polyseek.engine.load import load
from polyseek.models.sources import available
from polyseek.models.spec import find_spec

MODEL = "Qwen3-Embedding-0.6B"
QUERIES = ["What is the capital of China?", "Explain gravity"]
DOCUMENTS = [
    "The capital of China is Beijing.",
    "Gravity is a force that attracts two bodies towards each other. It gives weight to physical "
    "objects and is responsible for the movement of planets around the sun.",
]
SIMILARITY = [[0.7645568, 0.1414251], [0.1354974, 0.5999550]]
"""https://huggingface.co/Qwen/Qwen3-Embedding-0.6B, in fp32."""
NEAR = {"fp32": 1e-3, "int8": 0.03}


@pytest.fixture(scope="module", params=BACKENDS, ids=str)
def running(request: pytest.FixtureRequest) -> tuple[Runner, Embedder]:
    """With the cache of this machine: 8-bit weights are made once."""
    runner: Runner = request.param
    if not available(find_spec(MODEL)):
        pytest.skip(
            f"the weights of {MODEL} (1.2 GB) are not in the hub's cache on this machine; "
            f"polyseek index DOCS --model {MODEL} --download fetches them"
        )
    if runner.backend == "torch" and not find_module("torch"):
        pytest.skip("PyTorch is not installed: pip install 'polyseek[gpu]'")
    backend, precision = runner.backend, runner.precision
    return runner, load(MODEL, backend=backend, device="cpu", precision=precision)


def test_the_published_similarities(running: tuple[Runner, Embedder]) -> None:
    runner, embedder = running
    queries, documents = embedder.embed(QUERIES, "query"), embedder.embed(DOCUMENTS, "passage")
    np.testing.assert_allclose(queries @ documents.T, SIMILARITY, atol=NEAR[runner.precision])


def test_fewer_dimensions_keep_the_order(running: tuple[Runner, Embedder]) -> None:
    _, embedder = running
    for dimensions in (256, 512):
        queries = embedder.embed(QUERIES, "query", dimensions=dimensions)
        documents = embedder.embed(DOCUMENTS, "passage", dimensions=dimensions)
        assert (queries @ documents.T).argmax(axis=1).tolist() == [0, 1]
