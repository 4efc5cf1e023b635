"""The embedded default on OpenVINO against PyTorch (scripts/golden), and against itself."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from engine.conftest import Golden
from polyseek.engine.embedder import Embedder
from polyseek.errors import ModelError, TooLong
from polyseek.languages import calibration

HARD = "Ｆｕｌｌ"
"""Begins the golden text of symbols and emoji; on it and on no text at all 8 bits lose most."""


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.asarray((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


def embed_all(embedder: Embedder, golden: list[Golden]) -> np.ndarray:
    return np.stack([embedder.embed([each.text], each.role)[0] for each in golden])


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Passages and titles in every language, short and long."""
    found = []
    for language in calibration.languages():
        mine = calibration.texts(language)
        found += [mine["title"][0], mine["passage"][3]]
    return found


def test_fp32_is_the_reference(fp32: Embedder, golden: list[Golden]) -> None:
    vectors = embed_all(fp32, golden)
    assert cosines(vectors, np.stack([each.vector for each in golden])).min() >= 1 - 1e-6
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() <= 1e-5


def test_int8_is_near_the_reference(int8: Embedder, golden: list[Golden]) -> None:
    vectors = embed_all(int8, golden)
    near = cosines(vectors, np.stack([each.vector for each in golden]))
    prose = [bool(each.text) and not each.text.startswith(HARD) for each in golden]
    assert near.min() >= 0.995
    assert near[prose].min() >= 0.998
    assert near[prose].mean() >= 0.999
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() <= 1e-5


def test_fp32_gives_a_text_one_vector(fp32: Embedder, texts: list[str]) -> None:
    texts = texts[::3]
    alone = np.stack([fp32.embed([text], "passage")[0] for text in texts])
    order = random.Random(1).sample(range(len(texts)), len(texts))
    together = fp32.embed([texts[i] for i in order], "passage")
    assert cosines(together, alone[order]).min() >= 1 - 1e-5


def test_int8_gives_a_text_one_vector_nearly_always(int8: Embedder, texts: list[str]) -> None:
    """The integer products are exact, but between them are sums in floating point, whose order
    depends on the batch. Where a sum lies on the edge between two levels, the last bit decides,
    and the layers above it make 1e-4 of that: for one text in a hundred."""
    alone = np.stack([int8.embed([text], "passage")[0] for text in texts])
    order = random.Random(0).sample(range(len(texts)), len(texts))
    near = cosines(int8.embed([texts[i] for i in order], "passage"), alone[order])
    assert near.min() >= 0.9995
    assert np.mean(near >= 1 - 1e-5) >= 0.9


def test_the_same_call_gives_the_same_bits(int8: Embedder, texts: list[str]) -> None:
    assert np.array_equal(int8.embed(texts[:6], "query"), int8.embed(texts[:6], "query"))


def test_truncation_embeds_the_truncated_ids(fp32: Embedder) -> None:
    long = "Der lange Text nimmt kein Ende. " * 120
    ids = fp32.tokenizer.encode(["passage: " + long])[0]
    with pytest.raises(TooLong, match=rf"has {len(ids)} tokens.*takes 512"):
        fp32.embed([long], "passage")
    cut = fp32.run([[*ids[:511], ids[-1]]])
    got = fp32.embed([long], "passage", truncate="end")
    assert cosines(got, cut).min() >= 1 - 1e-6


def test_the_longest_text_runs(int8: Embedder) -> None:
    text = "cat " * int8.room("passage")
    assert np.isclose(np.linalg.norm(int8.embed([text], "passage")), 1)
    assert int8.room("passage") == 508
    with pytest.raises(TooLong, match="513 tokens"):
        int8.embed([text + "cat"], "passage")


def test_a_translation_is_nearer_than_another_topic(int8: Embedder) -> None:
    """That prompts, pooling and graph are put together rightly: what all the rest is for."""
    question = int8.embed([calibration.texts("de")["question"][0]], "query")[0]
    for language in ("en", "ja", "ar", "th"):
        passages = int8.embed(calibration.texts(language)["passage"][:8], "passage")
        assert int(np.argmax(passages @ question)) == 0


def test_another_architecture_is_refused(int8: Embedder, tmp_path: Path) -> None:
    from polyseek.engine.openvino import OpenVINOForward

    directory = tmp_path
    (directory / "config.json").write_text('{"model_type": "qwen3"}')
    with pytest.raises(ModelError, match=r"holds a model of type 'qwen3'.*is 'bert'"):
        OpenVINOForward(directory, int8.spec, "int8")
