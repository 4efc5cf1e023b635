"""One evaluation as a page: figures with their intervals, languages, the hardest questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polyseek.evaluate import html
from polyseek.evaluate.compared import changed
from polyseek.evaluate.names import BIAS, told_difference, told_name, told_p

HARDEST = 20
Record = Mapping[str, Any]


def page(record: Record, differences: Sequence[Record] = (), before: Record | None = None) -> str:
    """HTML of a record (evaluation.Evaluation.record), with its differences to another."""
    data, machine = record["dataset"], record["machine"]
    subtitle = (
        f"{data['queries']} questions, {data['documents']} documents, {data['passages']} passages. "
        f"{record['model']['model']}, {record['date']}, polyseek {record['polyseek']} "
        f"{record['commit']}, {machine['cpu']}, {machine['cores']} cores"
    )
    parts = [_figures(record), *_pairs(record), _languages(record), _hardest(record), _way(record)]
    if before:
        parts.insert(1, _against(differences, before, changed(before, record)))
    return html.document(data["name"], subtitle, parts)


def _figures(record: Record) -> str:
    rows = [
        [
            html.name(told_name(name)),
            html.cell(f"{each['mean']:.3f}"),
            html.cell(f"{each['low']:.3f} – {each['high']:.3f}", "faint"),
            html.whisker(each["mean"], each["low"], each["high"]),
        ]
        for name, each in record["figures"].items()
    ]
    speed = record["speed"]
    told = (
        f"<p>Ready in {speed['start_s']:.1f} s, {speed['tokens_per_s']:,.0f} tokens/s, "
        f"{speed['query_ms']:.0f} ms a question (95 % within {speed['query_ms_p95']:.0f}), "
        f"{speed['memory_mb']:,.0f} MB."
    )
    return html.section(
        "Figures",
        html.table(["", "mean", "95 %", ""], rows),
        told,
        note="Intervals: questions drawn again with replacement, those with the same answers "
        "together. MRR counts hits; the others count every version of a hit as a place.",
    )


def _against(differences: Sequence[Record], before: Record, changes: Sequence[str]) -> str:
    rows = [
        [
            html.name(told_name(each["measure"])),
            html.cell(f"{each['before']:.3f}"),
            html.cell(told_difference(each["mean"])),
            html.cell(f"{told_difference(each['low'])} – {told_difference(each['high'])}", "faint"),
            html.cell(told_p(each["p"])),
        ]
        for each in differences
    ]
    return html.section(
        f"Against {before['model']['model']} of {before['date']}",
        html.table(["", "before", "difference", "95 %", "p"], rows),
        note=f"{'; '.join(changes)}. p: how often signs drawn at random give so large a "
        "difference.",
    )


def _pairs(record: Record) -> list[str]:
    """A heat map of each measure."""
    names = list(record["pairs"][0]["means"]) if record["pairs"] else []
    shown = []
    for name in names:
        values: dict[str, dict[str, float]] = {}
        for pair in record["pairs"]:
            values.setdefault(pair["asked"], {})[pair["answered"]] = pair["means"][name]
        shown.append(
            html.section(
                f"{told_name(name)} by language",
                html.heat_map("asked in", values),
                note="Rows: language of the question. Columns: language of the passages, all "
                "others passed over.",
            )
        )
    return shown


def _languages(record: Record) -> str:
    bias, rows = record["bias"], []
    for name, meaning in BIAS.items():
        value, even = bias[name], bias.get(f"expected_{name.removeprefix('first_')}")
        share = "–" if value is None else f"{value:.0%}"
        rows.append([html.name(meaning), html.cell(share), html.gauge(value, even)])
    return html.section(
        "Languages",
        html.table(["", "", ""], rows),
        "<h3>Language of the first hit</h3>",
        html.heat_map("asked in", record["first_languages"]),
        note="Dashed: where languages do not matter. Of a hit with versions, each counts its part.",
    )


def _hardest(record: Record) -> str:
    name = next(iter(record["figures"]))
    worst = sorted(record["questions"], key=lambda each: float(each["values"][name]))[:HARDEST]
    rows = [
        [
            html.name(each["id"]),
            html.cell(each["language"]),
            html.cell(each["text"], "text"),
            html.cell(f"{each['values'][name]:.3f}"),
        ]
        for each in worst
        if each["values"][name] < 1
    ]
    if not rows:
        return ""
    titles = ["question", "", "", told_name(name)]
    return html.section("The hardest questions", html.table(titles, rows))


def _way(record: Record) -> str:
    told = {**record["model"], **record["settings"]}
    rows = [[html.name(name), html.cell(value, "text")] for name, value in told.items()]
    return html.section("Made with", html.table(["", ""], rows))
