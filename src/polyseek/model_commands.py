"""The commands that are about models rather than about a knowledge base."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from polyseek import report
from polyseek.flags import (
    Backend,
    Device,
    Download,
    Json,
    Kb,
    Model,
    ModelPath,
    ModelUrl,
    Precision,
    opened,
)
from polyseek.instructing import SENTENCES, compare
from polyseek.models.sources import available
from polyseek.models.spec import SPECS


def instruct(
    sentences: Annotated[
        list[str] | None,
        typer.Argument(help="Sentences; - for the lines of stdin; by default a few of ours."),
    ] = None,
    instruction: Annotated[
        list[str] | None,
        typer.Option(help="A profile or a sentence, once or more; by default every profile."),
    ] = None,
    kb: Kb = None,
    model: Model = None,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
    download: Download = None,
    backend: Backend = None,
    device: Device = None,
    precision: Precision = None,
    json: Json = False,
) -> None:
    """Show how similarities move when the model is told what questions are for."""
    texts = sentences or list(SENTENCES)
    if texts == ["-"]:
        texts = [line for line in sys.stdin.read().splitlines() if line.strip()]
    with opened(
        kb=kb, model=model, model_path=model_path, model_url=model_url, download=download,
        backend=backend, device=device, precision=precision,
    ) as base:  # fmt: skip
        found = compare(base.embedder, texts, instruction or ())
    report.instructed(texts, found, json)


def models(json: Json = False) -> None:
    """List the models, and where the weights of each would come from on this machine."""
    report.models([(spec, available(spec)) for spec in SPECS.values()], json)
