"""A progress bar on the terminal, for whatever takes longer than two seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from polyseek.ingest import Progress as Step
from polyseek.ingest import Watch


@contextmanager
def watching(quiet: bool) -> Iterator[Watch]:
    """A function to be told of each step; it draws on stderr if that is a terminal."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("Indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files, {task.fields[embedded]} passages embedded, {task.fields[rate]:.0f}/s,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=None, embedded=0, rate=0.0)

        def watch(step: Step) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = step.embedded / elapsed if elapsed else 0.0
            bar.update(
                task, completed=step.done, total=step.files, embedded=step.embedded, rate=rate
            )

        yield watch
