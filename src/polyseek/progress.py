"""A progress bar on the terminal, for whatever takes longer than two seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from polyseek.meter import Progress as Step
from polyseek.meter import Watch


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends the command with a word and exit code 130; what is stored stays."""
    try:
        yield
    except KeyboardInterrupt:
        said = "interrupted: what is stored so far stays; run it again to go on"
        Console(stderr=True).print(said)
        raise typer.Exit(130) from None


@contextmanager
def watching(quiet: bool) -> Iterator[Watch]:
    """A function to be told of each step; it draws on stderr if that is a terminal."""
    console = Console(stderr=True)
    bar = Progress(
        BarColumn(bar_width=20),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[left]}"),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=None, start=False, told="starting", left="")

        def watch(step: Step) -> None:
            bar.start_task(task)  # once: it keeps the first time
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = step.embedded / elapsed if elapsed else 0.0
            if step.stage:
                known = step.share < 1
                total, left = (1.0, "left") if known else (None, "")
                bar.update(task, completed=step.share, total=total, told=step.stage, left=left)
                return
            files = f"{step.done} of {step.files} files"
            told = f"{files}, {step.embedded} passages, {rate:.0f} passages/s,"
            bar.update(task, completed=step.share, total=1.0, told=told, left="left")

        yield watch
