"""A comparison as a page: one chart, one table, a heat map for each way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyseek.evaluate import html
from polyseek.evaluate.names import main_of, told_difference, told_name, told_p, told_size

Record = Mapping[str, Any]


def page(told: Record) -> str:
    """HTML of a record (comparison.summary)."""
    data, machine = told["dataset"], told["machine"]
    ran = [each for each in told["runs"] if each["record"]]
    main = main_of(ran[0]["record"])
    subtitle = (
        f"{data['queries']} questions, {data['documents']} documents. {told['date']}, polyseek "
        f"{told['polyseek']} {told['commit']}, {machine['cpu']}, {machine['cores']} cores"
    )
    parts = [_quality(ran, main), _against(ran, main), _cost(ran)]
    parts += [*(_pairs(each, main) for each in ran), _failed(told)]
    return html.document(f"{data['name']}: a comparison", subtitle, parts)


def _quality(ran: list[Record], main: str) -> str:
    rows = []
    for each in ran:
        record = each["record"]
        figure, every = record["figures"][main], record["bias"]["every_language"]
        rows.append(
            [
                html.name(each["name"]),
                html.cell(f"{figure['mean']:.3f}"),
                html.cell(f"{figure['low']:.3f} – {figure['high']:.3f}", "faint"),
                html.whisker(figure["mean"], figure["low"], figure["high"]),
                html.cell(_number(record["within"])),
                html.cell(_number(record["across"])),
                html.cell("–" if every is None else f"{every:.0%}"),
            ]
        )
    titles = ["", told_name(main), "95 %", "", "within", "across", "every language"]
    return html.section(
        "What they find",
        html.table(titles, rows),
        note="Within: passages in the question's language alone; across: in another one alone, "
        "mean over all pairs. Every language: the answer of each is among the first hits.",
    )


def _against(ran: list[Record], main: str) -> str:
    rows = [
        [
            html.name(each["name"]),
            html.cell(told_difference(row["mean"])),
            html.cell(f"{told_difference(row['low'])} – {told_difference(row['high'])}", "faint"),
            html.cell(told_p(row["p"])),
        ]
        for each in ran
        if (row := each["against_first"])
    ]
    if not rows:
        return ""
    return html.section(
        f"Against {ran[0]['name']}",
        html.table(["", told_name(main), "95 %", "p"], rows),
        note="Over the same questions. p: how often signs drawn at random give so large a "
        "difference.",
    )


def _cost(ran: list[Record]) -> str:
    rows = []
    for each in ran:
        record, speed = each["record"], each["record"]["speed"]
        rows.append(
            [
                html.name(each["name"]),
                html.cell(told_size(record["parameters"])),
                html.cell("yes" if record["takes_instructions"] else "no"),
                html.cell(f"{record['dataset']['passages']:,}"),
                html.cell(f"{speed['start_s']:.1f} s"),
                html.cell(f"{speed['tokens_per_s']:,.0f}"),
                html.cell(f"{speed['query_ms']:.0f} ms"),
                html.cell(f"{speed['memory_mb']:,.0f} MB"),
            ]
        )
    titles = ["", "size", "instructions", "passages", "ready in", "tokens/s", "question", "memory"]
    return html.section("What they cost", html.table(titles, rows))


def _pairs(each: Record, main: str) -> str:
    values: dict[str, dict[str, float]] = {}
    for pair in each["record"]["pairs"]:
        values.setdefault(pair["asked"], {})[pair["answered"]] = pair["means"][main]
    note = f"{told_name(main)}; rows: language of the question, columns: of the passages."
    return html.section(each["name"], html.heat_map("asked in", values), note=note)


def _failed(told: Record) -> str:
    rows = [
        [html.name(each["name"]), html.cell(each["failed"], "text")]
        for each in told["runs"]
        if each["failed"]
    ]
    return html.section("Not run", html.table(["", ""], rows)) if rows else ""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
