"""What the measuring commands print on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from polyseek.evaluate.names import (
    BIAS,
    main_of,
    told_difference,
    told_name,
    told_p,
    told_size,
)
from polyseek.terminal import out, shown

Record = Mapping[str, Any]
MOST_LANGUAGES = 8
"""With more, `compare` leaves the figures of each direction to the page and to JSON: a matrix for
each way would bury the tables."""


def evaluated(record: Record) -> None:
    """The figures of one evaluation (evaluate/record)."""
    told, data, cut = out(), record["dataset"], min(record["settings"]["cuts"])
    told.print(
        f"[bold]{shown(data['name'])}[/]: {data['queries']} questions, {data['documents']} "
        f"documents, {data['passages']} passages; {shown(record['model']['model'])}"
    )
    for name, why in {**data["failed"], **data["left_out"]}.items():
        told.print(f"[red]left out[/] {shown(name)}: {shown(why)}")
    told.print(_figures(record["figures"]))
    told.print(_matrix(record["pairs"], f"RR@{cut}"))
    for name, meaning in BIAS.items():
        told.print(_bias(record["bias"], name, meaning, cut))
    speed = record["speed"]
    told.print(
        f"ready in {speed['start_s']:.1f} s, {speed['tokens_per_s']:,.0f} tokens/s, "
        f"{speed['query_ms']:.0f} ms a question, {speed['memory_mb']:,.0f} MB"
    )


def against(rows: Sequence[Record], before: Record, changes: Sequence[str]) -> None:
    """Differences to an earlier evaluation, second less first, and what was done differently."""
    table = Table(box=None, pad_edge=False, title=f"against {before['date']}", title_justify="left")
    for name in ("measure", "before", "difference", "95 %", "p"):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for row in rows:
        sure = "bold" if row["p"] < 0.05 else ""
        table.add_row(
            told_name(row["measure"]),
            _number(row["before"]),
            told_difference(row["mean"]),
            _range(row),
            told_p(row["p"]),
            style=sure,
        )
    out().print(table)
    for each in changes:
        out().print(shown(each))


def written(*paths: Path | None) -> None:
    """Which files there are now, beside what is printed."""
    for path in paths:
        if path:
            out(stderr=True).print(f"written to {shown(path)}")


def compared(told: Record) -> None:
    """A table with a row for each way, and what did not run."""
    first = next(each["record"] for each in told["runs"] if each["record"])
    main = main_of(first)
    data = told["dataset"]
    out().print(f"[bold]{shown(data['name'])}[/]: {data['queries']} questions")
    ran = [each for each in told["runs"] if each["record"]]
    found = [(shown(each["name"]), _quality(each["record"], main)) for each in ran]
    out().print(_table(["", told_name(main), "95 %", "within", "across", "every lang."], found))
    cost = [(shown(each["name"]), _cost(each["record"])) for each in ran]
    out().print(_table(["", "size", "ready s", "tokens/s", "ms", "MB", "instr."], cost))
    for each in ran:
        pairs = each["record"]["pairs"]
        if len({pair["answered"] for pair in pairs}) <= MOST_LANGUAGES:
            out().print(_matrix(pairs, main, f"{shown(each['name'])}: "))
    for each in told["runs"]:
        if each["failed"]:
            out().print(f"[red]not run[/] {shown(each['name'])}: {shown(each['failed'])}")
    for each in told["runs"]:
        row = each["against_first"]
        if row:
            out().print(
                f"{shown(each['name'])} against {shown(told['runs'][0]['name'])}: "
                f"{told_name(main)} {told_difference(row['mean'])} ({_range(row)}), "
                f"p {told_p(row['p'])}"
            )


def _table(titles: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> Table:
    """The first column is for names, the others for figures."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, justify="right" if table.columns else "left")
    for name, cells in rows:
        table.add_row(name, *cells)
    return table


def _quality(record: Record, main: str) -> list[str]:
    figure, every = record["figures"][main], record["bias"]["every_language"]
    return [
        f"{figure['mean']:.3f}",
        f"{figure['low']:.3f} to {figure['high']:.3f}",
        _number(record["within"]),
        _number(record["across"]),
        "-" if every is None else f"{every:.0%}",
    ]


def _cost(record: Record) -> list[str]:
    speed = record["speed"]
    return [
        told_size(record["parameters"]),
        f"{speed['start_s']:.1f}",
        f"{speed['tokens_per_s']:,.0f}",
        f"{speed['query_ms']:.0f}",
        f"{speed['memory_mb']:,.0f}",
        "yes" if record["takes_instructions"] else "no",
    ]


def _figures(figures: Mapping[str, Record]) -> Table:
    rows = (
        (told_name(name), [_number(each["mean"]), f"{each['low']:.3f} to {each['high']:.3f}"])
        for name, each in figures.items()
    )
    return _table(["measure", "mean", "95 %"], rows)


def _matrix(pairs: Sequence[Record], name: str, whose: str = "") -> Table:
    """Languages of questions by languages of passages."""
    answered = sorted({pair["answered"] for pair in pairs})
    means = {(pair["asked"], pair["answered"]): pair["means"][name] for pair in pairs}
    title = f"{whose}{told_name(name)} by language of question (rows) and passage"
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    table.add_column("")
    for language in answered:
        table.add_column(language or "?", justify="right")
    for asked in sorted({pair["asked"] for pair in pairs}):
        cells = [_number(means.get((asked, language), math.nan)) for language in answered]
        table.add_row(asked or "?", *cells)
    return table


def _bias(bias: Mapping[str, float], name: str, meaning: str, cut: int) -> str:
    even = bias.get(f"expected_{name.removeprefix('first_')}")
    beside = f" ({even:.0%} if languages did not matter)" if _there(even) else ""
    among = f" among the first {cut}" if name == "every_language" else ""
    share = f"{bias[name]:.0%}" if _there(bias[name]) else "no such question"
    return f"{meaning}{among}: [bold]{share}[/]{beside}"


def _range(row: Record) -> str:
    return f"{told_difference(row['low'])} to {told_difference(row['high'])}"


def _there(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _number(value: float | None) -> str:
    return f"{value:.3f}" if value is not None and _there(value) else "-"
