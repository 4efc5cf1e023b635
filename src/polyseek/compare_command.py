"""The command that compares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyseek import eval_report, terminal
from polyseek.flags import DataSet, Download, Html, Json, Out, Threads, Ungrouped
from polyseek.meter import Progress
from polyseek.models.sources import cache_directory
from polyseek.progress import interruptible, watching

if TYPE_CHECKING:
    from polyseek.evaluate.comparison import Way


Models = Annotated[
    str,
    typer.Option(
        help="Models, separated by commas: names of `polyseek models`, directories, or endpoints "
        "as http://host:port/v1, or NAME@http://host:port/v1."
    ),
]
Policies = Annotated[str, typer.Option(help="Policies, such as any,prefer:en,only:zh.")]
Chunkers = Annotated[
    str,
    typer.Option(
        help="Ways to cut: structure (ours), window, langchain, langchain-markdown, chonkie, "
        "semchunk, semantic-text-splitter; libraries where they are installed."
    ),
]
Sizes = Annotated[str, typer.Option(help="Longest passages in tokens, such as 120,240,480.")]
Instructions = Annotated[
    list[str] | None,
    typer.Option(help="Profiles separated by commas, or a sentence; may be given again."),
]


def compare(
    dataset: DataSet,
    models: Models = "",
    policies: Policies = "",
    chunkers: Chunkers = "",
    chunk_tokens: Sizes = "",
    instructions: Instructions = None,
    ungrouped: Ungrouped = False,
    download: Download = None,
    threads: Threads = None,
    out: Out = None,
    html: Html = None,
    json: Json = False,
) -> None:
    """Compare models, ways to cut, policies and instructions on your documents and questions.

    polyseek compare docs --models multilingual-e5-small,bge-m3 --html report.html

    Every combination runs in a process of its own; what is indexed is kept for the next time.
    Differences are told against the first. Exits with 1 if one of them could not run.
    """
    from polyseek.evaluate import record
    from polyseek.evaluate.comparison import split_instructions, split_policies, split_values, ways

    record.check(out, html)
    asked = ways(
        {
            "model": split_values(models),
            "chunker": split_values(chunkers),
            "chunk-tokens": split_values(chunk_tokens),
            "policy": split_policies(policies),
            "instruction": split_instructions(instructions or []),
        }
    )
    more = ["--ungrouped"] * ungrouped + ["--download"] * bool(download)
    more += [f"--threads={threads}"] if threads else []
    made = _compared(dataset, asked, more, json)
    _report(made, out, html, json)
    raise typer.Exit(1 if any(each["failed"] for each in made["runs"]) else 0)


def _compared(dataset: Path, asked: list[Way], more: list[str], quiet: bool) -> dict[str, Any]:
    """The record. What is wrong is said before what takes long."""
    from polyseek.evaluate.comparison import check, run, summary
    from polyseek.evaluate.read import read_dataset
    from polyseek.evaluate.record import plain

    check(asked, read_dataset(dataset, cache_directory()))
    results = []
    with interruptible(), watching(quiet=quiet) as watch:
        for at, way in enumerate(asked):
            share = (at + 0.01) / len(asked)
            watch(Progress(0, 0, 0, share, f"{at + 1} of {len(asked)}: {way.name}"))
            results.append(run(dataset, way, more))
    return dict(plain(summary(results)))


def _report(made: dict[str, Any], out: Path | None, html: Path | None, json: bool) -> None:
    from polyseek.evaluate import record
    from polyseek.evaluate.compare_page import page

    if out:
        record.write(out, record.text_of(made))
    if html:
        record.write(html, page(made))
    if json:
        terminal.write_json(made)
    else:
        eval_report.compared(made)
        eval_report.written(out, html)
