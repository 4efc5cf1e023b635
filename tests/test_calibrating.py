"""Means of a model that has little room."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from polyseek.calibrating import Calibrating
from polyseek.languages import calibration
from toy import toy_embedder


def test_a_model_with_little_room_gets_the_beginnings(tmp_path: Path) -> None:
    small, large = toy_embedder(max_tokens=12), toy_embedder()
    texts = calibration.texts("en")["passage"]
    assert max(small.count(texts)) > small.room("passage")
    means = Calibrating(lambda: small, tmp_path / "small").means()
    whole = Calibrating(lambda: large, tmp_path / "large").means()
    assert set(means.passage) == set(calibration.languages())
    for language in ("en", "zh", "bg"):
        assert np.isfinite(means.passage[language]).all()
        assert not np.allclose(means.passage[language], whole.passage[language], atol=1e-3)


def test_what_fits_is_embedded_whole(tmp_path: Path) -> None:
    model = toy_embedder()
    texts = calibration.texts("en")["passage"]
    assert max(model.count(texts)) <= model.room("passage")
    found = Calibrating(lambda: model, tmp_path).means().passage["en"]
    np.testing.assert_allclose(found, model.embed(texts, "passage").mean(axis=0), atol=1e-3)
