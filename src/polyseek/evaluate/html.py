"""Pieces of a page that needs nothing from anywhere, in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

STYLE = """
:root{color-scheme:light dark;--hot:light-dark(#1a7f5a,#2fbf8a);--line:light-dark(#0002,#fff3);
--faint:light-dark(#667,#99a)}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:2.5rem}p.faint,td.faint,small{color:var(--faint)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th{font-weight:600;text-align:right;padding:.3rem .7rem}th:first-child{text-align:left}
thead th{border-bottom:1px solid var(--line)}table.heat th:not(:first-child){text-align:center}
td{padding:.3rem .7rem;text-align:right;white-space:nowrap}
td.text{text-align:left;min-width:16rem;white-space:normal}
table.heat td{min-width:3.4rem;text-align:center;
background:color-mix(in oklab,var(--hot) calc(var(--v)*75%),transparent)}
.wide{overflow-x:auto}svg{vertical-align:middle}svg .axis{stroke:var(--line)}
svg .low{stroke:var(--hot);stroke-width:2}svg .dot{fill:var(--hot)}
svg .even{stroke:currentColor;stroke-dasharray:2 2}
"""
WIDTH = 240


def document(title: str, subtitle: str, parts: Iterable[str]) -> str:
    """A whole page; `parts` are HTML, the titles text."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><h1>{escape(title)}</h1>"
        f'<p class="faint">{escape(subtitle)}</p>{"".join(parts)}</html>\n'
    )


def section(title: str, *parts: str, note: str = "") -> str:
    """A heading, what explains it, and what is below it."""
    told = f'<p class="faint">{escape(note)}</p>' if note else ""
    return f"<h2>{escape(title)}</h2>{told}{''.join(parts)}"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """`rows` are cells of HTML, each with its <td> (see `cell`)."""
    titled = "".join(f"<th>{escape(title)}" for title in titles)
    head = f"<thead><tr>{titled}" if any(titles) else ""
    body = "".join(f"<tr>{''.join(row)}" for row in rows)
    return f'<div class="wide"><table class="{kind}">{head}<tbody>{body}</table></div>'


def cell(text: object, kind: str = "") -> str:
    """A cell; `kind` "text" for one that is read and not compared, "faint" for an aside."""
    return f'<td class="{kind}">{escape(str(text))}' if kind else f"<td>{escape(str(text))}"


def name(text: object) -> str:
    """The cell that a row begins with."""
    return f"<th>{escape(str(text))}"


def heat_map(corner: str, values: Mapping[str, Mapping[str, float | None]]) -> str:
    """Row -> column -> value from 0 to 1, as a table whose cells are the warmer the more."""
    columns = sorted({column for row in values.values() for column in row})
    rows = [[name(title), *(_heat(row.get(c)) for c in columns)] for title, row in values.items()]
    return table([corner, *columns], rows, "heat")


def _heat(value: float | None) -> str:
    if value is None or math.isnan(value):
        return cell("–", "faint")
    return f'<td style="--v:{min(max(value, 0), 1):.3f}">{value:.3f}'


def whisker(mean: float, low: float, high: float) -> str:
    """A cell: a mean from 0 to 1 as a dot and its interval as a line."""
    mid, left, right = (_x(value) for value in (mean, low, high))
    return (
        f'<td><svg width="{WIDTH}" height="18" role="img" aria-label="{mean:.3f}">'
        f'<line class="axis" x1="{_x(0)}" x2="{_x(1)}" y1="9" y2="9"/>'
        f'<line class="low" x1="{left}" x2="{right}" y1="9" y2="9"/>'
        f'<circle class="dot" cx="{mid}" cy="9" r="4"/></svg>'
    )


def gauge(value: float | None, even: float | None) -> str:
    """A cell: a share from 0 to 1 as a dot, and as a dashed line what it would be by chance."""
    if value is None:
        return cell("no such question", "faint")
    line = "" if even is None else f'<line class="even" x1="{_x(even)}" x2="{_x(even)}" y2="18"/>'
    return (
        f'<td><svg width="{WIDTH}" height="18" role="img" aria-label="{value:.0%}">'
        f'<line class="axis" x1="{_x(0)}" x2="{_x(1)}" y1="9" y2="9"/>{line}'
        f'<circle class="dot" cx="{_x(value)}" cy="9" r="4"/></svg>'
    )


def _x(value: float) -> float:
    return round(5 + (WIDTH - 10) * min(max(value, 0.0), 1.0), 1)
