"""The commands that are about models rather than about a knowledge base."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from polyseek import report
from polyseek.errors import BadInput
from polyseek.evaluate.picture import check, draw
from polyseek.evaluate.similarity import similarity as similar
from polyseek.flags import (
    Backend,
    Device,
    Download,
    Instruction,
    Json,
    Kb,
    Model,
    ModelPath,
    ModelUrl,
    Precision,
    opened,
)
from polyseek.instructing import SENTENCES, compare
from polyseek.models.instructions import resolve
from polyseek.models.sources import available
from polyseek.models.spec import SPECS


class Given(StrEnum):
    """What texts are to the model."""

    questions = "questions"
    passages = "passages"
    search = "search"


Texts = Annotated[list[str] | None, typer.Argument(help="Texts; - for the lines of stdin.")]
File = Annotated[Path | None, typer.Option("--file", help="Take the lines of this file as well.")]
As = Annotated[
    Given,
    typer.Option(
        "--as",
        help="What they are to the model: questions, passages, or search: rows are questions and "
        "columns passages.",
    ),
]
Pictures = Annotated[
    list[Path] | None,
    typer.Option(help="Write a heat map to this .png or .svg; may be given twice."),
]


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
    texts = _lines_of(sentences or list(SENTENCES))
    with opened(
        kb=kb, model=model, model_path=model_path, model_url=model_url, download=download,
        backend=backend, device=device, precision=precision,
    ) as base:  # fmt: skip
        found = compare(base.embedder, texts, instruction or ())
    report.instructed(texts, found, json)


def similarity(
    texts: Texts = None,
    file: File = None,
    given: As = Given.questions,
    picture: Pictures = None,
    instruction: Instruction = None,
    model: Model = None,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
    download: Download = None,
    backend: Backend = None,
    device: Device = None,
    precision: Precision = None,
    json: Json = False,
) -> None:
    """Show how near texts are to each other, in whatever languages: a matrix of cosines.

    polyseek similarity "How do I log in?" "如何登录？" "ログイン方法は？" --picture matrix.svg
    """
    told = _lines_of(texts or []) + (_lines_in(file) if file else [])
    for path in picture or ():
        check(path)
    with opened(
        model=model, model_path=model_path, model_url=model_url, download=download,
        backend=backend, device=device, precision=precision, instruction=instruction,
    ) as base:  # fmt: skip
        found = similar(base.embedder, told, given.value, resolve(base.settings.instruction))
        name = base.embedder.spec.name
    for path in picture or ():
        draw(path, found, told, name)
    report.similar(told, found, json)


def _lines_of(texts: list[str]) -> list[str]:
    """The texts, or what stdin holds for "-"."""
    return _lines(sys.stdin.read()) if texts == ["-"] else texts


def _lines_in(file: Path) -> list[str]:
    try:
        return _lines(file.read_text("utf-8-sig"))
    except OSError as error:
        raise BadInput(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file}: byte {error.start} is not UTF-8; save it in UTF-8") from error


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def models(json: Json = False) -> None:
    """List the models, and where the weights of each would come from on this machine."""
    report.models([(spec, available(spec)) for spec in SPECS.values()], json)
