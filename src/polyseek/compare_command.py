"""The command that compares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polyseek import eval_report, terminal
from polyseek.errors import BadInput
from polyseek.flags import DataSet, Json
from polyseek.progress import watching


def compare(
    dataset: DataSet,
    models: Annotated[
        str,
        typer.Option(
            help="Models, separated by commas: names of `polyseek models`, directories, or "
            "endpoints as http://host:port/v1, or NAME@http://host:port/v1."
        ),
    ] = "",
    policies: Annotated[str, typer.Option(help="Policies, such as any,prefer:en,only:zh.")] = "",
    chunkers: Annotated[
        str,
        typer.Option(
            help="Ways to cut: structure (ours), window, langchain, langchain-markdown, chonkie, "
            "semchunk, semantic-text-splitter; libraries where they are installed."
        ),
    ] = "",
    chunk_tokens: Annotated[
        str, typer.Option(help="Longest passages in tokens, such as 120,240,480.")
    ] = "",
    instructions: Annotated[
        list[str] | None,
        typer.Option(help="Profiles separated by commas, or a sentence; may be given again."),
    ] = None,
    ungrouped: Annotated[
        bool, typer.Option("--ungrouped", help="Every language version is a hit by itself.")
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch models that are not on this machine.")
    ] = False,
    threads: Annotated[int, typer.Option(help="CPU threads of models; 0 takes all cores.")] = 0,
    written: Annotated[
        Path | None, typer.Option("--out", help="Write all results to this file, as JSON.")
    ] = None,
    shown: Annotated[
        Path | None, typer.Option("--html", help="Write a page with charts to this file.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare models, ways to cut, policies and instructions on your documents and questions.

    polyseek compare docs --models multilingual-e5-small,bge-m3 --html report.html

    Every combination runs in a process of its own, the first of each from the beginning; what is
    indexed is kept for the next time. Differences are told against the first.
    """
    from polyseek.evaluate import record
    from polyseek.evaluate.compare_page import page
    from polyseek.evaluate.comparison import (
        run,
        split_instructions,
        split_policies,
        split_values,
        summary,
        ways,
    )
    from polyseek.meter import Progress

    asked = ways(
        {
            "model": split_values(models),
            "chunker": split_values(chunkers),
            "chunk-tokens": split_values(chunk_tokens),
            "policy": split_policies(policies),
            "instruction": split_instructions(instructions or []),
        }
    )
    if len(asked) < 2:
        raise BadInput(
            "there is nothing to compare; name at least two models with --models a,b, or chunkers, "
            "or policies, or instructions"
        )
    if not dataset.exists():
        raise BadInput(f"{dataset}: no such file or directory")
    flags = [
        (ungrouped, "--ungrouped"),
        (download, "--download"),
        (threads, f"--threads={threads}"),
    ]
    more = [flag for given, flag in flags if given]
    results = []
    with watching(quiet=json) as watch:
        for at, way in enumerate(asked):
            told = f"{at + 1} of {len(asked)}: {way.name}"
            watch(Progress(0, 0, 0, max(at, 0.01) / len(asked), told))
            results.append(run(dataset, way, more))
    made = record.plain(summary(results))
    if written:
        record.write(written, record.text_of(made))
    if shown:
        record.write(shown, page(made))
    if json:
        terminal.write_json(made)
        return
    eval_report.compared(made)
