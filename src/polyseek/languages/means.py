"""The calibration means of a model: shipped for the embedded default, else made once and cached."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from polyseek.languages import calibration
from polyseek.languages.neutral import Calibrated, Floats, Means

Embed = Callable[[Sequence[str], str], Floats]
"""Texts and their role, "query" or "passage" -> vectors (n, D) float32."""

KINDS = {"question": "query", "title": "query", "passage": "passage"}
"""Kind of calibration text -> the role it is embedded in."""

SHIPPED = "calibrated"


def calibrated(fingerprint: dict[str, str | int | bool], embed: Embed, cache: Path) -> Calibrated:
    """The means for the model with this fingerprint.

    `embed` is called only if neither the package nor `cache` has them.
    """
    name = means_name(fingerprint)
    shipped = files("polyseek.languages") / SHIPPED / name
    if shipped.is_file():
        with as_file(shipped) as path:
            return _read(path)
    path = cache / SHIPPED / name
    try:
        return _read(path)
    except (FileNotFoundError, SafetensorError):
        write(measure(embed), path)
        return _read(path)


def means_name(fingerprint: dict[str, str | int | bool]) -> str:
    """File name of a model's means: they change with the model and with the texts."""
    told = json.dumps(fingerprint, sort_keys=True) + texts_digest()
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    return f"{fingerprint['model']}-{digest}.safetensors".replace("/", "--")


def texts_digest() -> str:
    """SHA-256 of all calibration texts, hexadecimal."""
    told = {language: calibration.texts(language) for language in calibration.languages()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def measure(embed: Embed) -> Calibrated:
    """Embed every calibration text and average by language and kind."""
    found: dict[str, dict[str, Floats]] = {kind: {} for kind in KINDS}
    for kind, means in found.items():
        for language in calibration.languages():
            vectors = embed(calibration.texts(language)[kind], KINDS[kind])  # (n, D)
            means[language] = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return Calibrated(**found)


def under(means: Calibrated, plain: Embed, instructed: Embed) -> Calibrated:
    """`means` for questions that are embedded with an instruction, where `means` are `plain`'s.

    An instruction moves all questions much the same way, whatever they ask in whatever language;
    how far is measured on one question and one title of each language.
    """
    return Calibrated(
        question=_moved(means.question, "question", plain, instructed),
        title=_moved(means.title, "title", plain, instructed),
        passage=means.passage,
    )


def _moved(means: Means, kind: str, plain: Embed, instructed: Embed) -> Means:
    texts = [calibration.texts(language)[kind][0] for language in calibration.languages()]
    before, after = plain(texts, KINDS[kind]), instructed(texts, KINDS[kind])  # (n, D)
    shift = (after - before).mean(axis=0)  # (D,)
    return {language: mean + shift for language, mean in means.items()}


def write(means: Calibrated, path: Path) -> None:
    """Save as float16, whole or not at all."""
    tensors = {
        f"{kind}.{language}": mean.astype(np.float16)
        for kind in KINDS
        for language, mean in getattr(means, kind).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(tensors, made)
    made.chmod(0o644)
    made.replace(path)


def _read(path: Path) -> Calibrated:
    tensors = load_file(path)
    found: dict[str, dict[str, Floats]] = {kind: {} for kind in KINDS}
    for name, tensor in tensors.items():
        kind, language = name.split(".")
        found[kind][language] = tensor.astype(np.float32)
    return Calibrated(**found)
