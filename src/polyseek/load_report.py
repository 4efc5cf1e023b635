"""What `loadtest` prints: a table for people, JSON for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from polyseek import terminal

if TYPE_CHECKING:
    from polyseek.loadtest.figures import Figures
    from polyseek.loadtest.run import Outcome

WIDE = 200
"""Columns of what is no terminal: nothing is cut."""


def loaded(outcome: Outcome, *, as_json: bool, stopped: bool) -> None:
    """The figures of a run; `stopped`: only of the steps that were finished."""
    if as_json:
        terminal.write_json(asdict(outcome) | {"interrupted": stopped})
        return
    out = terminal.out()
    if not out.is_terminal:
        out.width = WIDE
    if stopped and not outcome.steps:
        out.print("[yellow]interrupted[/] before the first step was finished")
        return
    settings = outcome.settings
    out.print(
        f"[bold]{_shown(outcome.model)}[/] at {_shown(outcome.target)}: "
        f"{settings['duration_s']:g} s a step after {settings['warmup_s']:g} s of warm-up; "
        f"texts a request: {settings['texts_per_request']}, {_shown(outcome.texts)}"
    )
    out.print(_table(outcome))
    for step in outcome.steps:
        for kind, count in step.errors.items():
            said = f": {_shown(step.reasons[kind])}" if step.reasons.get(kind) else ""
            out.print(f"[red]{step.step}[/]: {count} times {_shown(kind)}{said}")
        for note in step.notes:
            out.print(f"[yellow]{step.step}[/]: {_shown(note)}")
    if stopped:
        out.print("[yellow]interrupted[/]: these steps were finished")


def _table(outcome: Outcome) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("", "requests/s", "tokens/s", "P50 ms", "P95 ms", "P99 ms", "answers", "errors"):
        table.add_column(title, justify="right", no_wrap=True)
    memory = sorted({name for step in outcome.steps for name in step.memory}, reverse=True)
    for name in memory:
        table.add_column({"rss_mb": "MB", "gpu_mb": "GPU MB"}[name], justify="right", no_wrap=True)
    for step in outcome.steps:
        held = (f"{step.memory[name]:,.0f}" if name in step.memory else "-" for name in memory)
        table.add_row(*_row(step), *held)
    return table


def _row(step: Figures) -> tuple[str, ...]:
    times = (_ms(step.latency_ms[p]) if step.latency_ms else "-" for p in ("p50", "p95", "p99"))
    tokens = "-" if step.tokens_per_s is None else f"{step.tokens_per_s:,.0f}"
    errors = sum(step.errors.values())
    return (
        step.step,
        f"{step.requests_per_s:,.1f}",
        tokens,
        *times,
        str(step.answers),
        f"[red]{errors}[/]" if errors else "0",
    )


def _ms(value: float) -> str:
    places = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{places}f}"


def _shown(text: object) -> str:
    """A text of somebody else's within our markup."""
    return " ".join(terminal.shown(text).split())
