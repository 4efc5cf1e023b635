"""Latency over throughput as one SVG file: no script, no font, no link, light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from polyseek.loadtest.figures import Figures
from polyseek.loadtest.run import Outcome

WIDTH, LEFT, RIGHT = 720, 72, 664
TOP, PANEL, GAP = 96, 250, 84
"""Pixels: of the title, of a panel, between two."""
LINES = ("p50", "p95", "p99")
STYLE = """
svg { color-scheme: light dark; --back: #fff; --ink: #1f2328; --dim: #59636e; --grid: #d9dee3;
  --p50: #0b63c5; --p95: #b35900; --p99: #a3246e;
  font: 13px system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --back: #14171a; --ink: #e6e9ec; --dim: #a3adb7; --grid: #343b42;
    --p50: #6cb0ff; --p95: #f2a65a; --p99: #f08cc0; } }
.back { fill: var(--back); }
text { fill: var(--ink); }
.dim { fill: var(--dim); font-size: 12px; }
.title { font-size: 16px; font-weight: 600; }
.grid { stroke: var(--grid); }
.line { fill: none; stroke-width: 2; }
.point { stroke: var(--back); stroke-width: 1.5; }
.halo { paint-order: stroke; stroke: var(--back); stroke-width: 4px; stroke-linejoin: round; }
""" + "".join(
    f".{name}.line {{ stroke: var(--{name}); }} .{name}:not(.line) {{ fill: var(--{name}); }}\n"
    for name in LINES
)


def chart(outcome: Outcome) -> str:
    """A panel of the callers, a panel of the rates, each if there are any. Where most requests
    failed, the latencies of the few others say nothing, and the step is named instead."""
    steps = [each for each in outcome.steps if each.answers > sum(each.errors.values())]
    groups = [
        ("callers that wait for each answer", [each for each in steps if each.callers]),
        ("requests a second at even distances", [each for each in steps if each.rate]),
    ]
    panels = [(name, group) for name, group in groups if group]
    end = TOP + len(panels) * (PANEL + GAP) - 24
    height = end + 8
    drawn = [
        _panel(name, group, TOP + at * (PANEL + GAP)) for at, (name, group) in enumerate(panels)
    ]
    if lost := [each.step for each in outcome.steps if each not in steps]:
        drawn.append(_text(LEFT, end - 8, f"not drawn, most requests failed: {', '.join(lost)}"))
    tokens = [each.tokens_per_request for each in steps if each.tokens_per_request]
    told = f", {sum(tokens) / len(tokens):.0f} tokens a request" if tokens else ""
    what = f"{outcome.settings['duration_s']:g} s a step{told}, {outcome.machine['cpu']}"
    title = f"{outcome.model}: latency over throughput"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title what">',
        f'<title id="title">{escape(title)}</title><desc id="what">{escape(what)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        _text(LEFT, 30, title, "title"),
        _text(LEFT, 50, what, "dim"),
        *drawn,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """From answers a second and milliseconds to pixels."""

    def __init__(self, steps: Sequence[Figures], top: int) -> None:
        values = [step.latency_ms[line] for step in steps for line in LINES]
        self.rows = log_ticks(min(values), max(values))
        self.columns = ticks(max(step.requests_per_s for step in steps))
        self.top, self.bottom = top, top + PANEL

    def across(self, rate: float) -> float:
        return LEFT + (RIGHT - LEFT) * rate / self.columns[-1]

    def down(self, ms: float) -> float:
        low, high = math.log(self.rows[0]), math.log(self.rows[-1])
        return self.top + PANEL * (high - math.log(max(ms, self.rows[0]))) / (high - low)


def _panel(name: str, steps: Sequence[Figures], top: int) -> str:
    """Axes, and a line for each percentile through the steps, in their order."""
    scale = _Scale(steps, top)
    ends = apart([scale.down(steps[-1].latency_ms[line]) for line in reversed(LINES)])
    names = [
        _text(RIGHT + 10, y + 4, line.upper(), line)
        for line, y in zip(reversed(LINES), ends, strict=True)
    ]
    series = [_series(line, steps, scale) for line in LINES]
    return "\n".join([*_axes(name, scale), *series, *names, *_labels(steps, scale)])


def _axes(name: str, scale: _Scale) -> list[str]:
    parts = [_text(LEFT, scale.top - 12, f"ms from request to answer; {name}")]
    for ms in scale.rows:
        y = scale.down(ms)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{ms:g}", anchor="end"))
    for rate in scale.columns:
        parts.append(_text(scale.across(rate), scale.bottom + 18, f"{rate:g}", anchor="middle"))
    return [*parts, _text(RIGHT, scale.bottom + 38, "answered requests a second", anchor="end")]


def _series(line: str, steps: Sequence[Figures], scale: _Scale) -> str:
    places = [
        (scale.across(step.requests_per_s), scale.down(step.latency_ms[line])) for step in steps
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts = [f'<polyline class="{line} line" points="{path}"/>']
    for step, (x, y) in zip(steps, places, strict=True):
        told = f"{step.step}: {line.upper()} {step.latency_ms[line]:.1f} ms"
        parts.append(
            f'<circle class="{line} point" cx="{x:.1f}" cy="{y:.1f}" r="4.5">'
            f"<title>{escape(told)}</title></circle>"
        )
    return "\n".join(parts)


def _labels(steps: Sequence[Figures], scale: _Scale) -> list[str]:
    """The load of each step, above its uppermost point and all others."""
    parts: list[str] = []
    taken: list[tuple[float, float]] = []
    for step in steps:
        failed = f", {sum(step.errors.values())} errors" if step.errors else ""
        x, y = scale.across(step.requests_per_s), scale.down(step.latency_ms["p99"]) - 10
        while any(abs(x - x2) < 40 and abs(y - y2) < 14 for x2, y2 in taken):
            y -= 2
        taken.append((x, y))
        parts.append(_text(x, y, f"{step.callers or step.rate:g}{failed}", "halo", "middle"))
    return parts


def ticks(most: float) -> list[float]:
    """Round numbers from 0 to at least `most`, at most seven."""
    rough = max(most, 1e-9) / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(each * unit for each in (1, 2, 5, 10) if each * unit >= rough)
    return [round(at * step, 10) for at in range(math.ceil(most / step - 1e-9) + 1)]


def log_ticks(least: float, most: float) -> list[float]:
    """1, 2, 5, 10, …: from at most `least` to above `most`, at least four."""
    least, most = max(least, 1e-3), max(most, 1e-3)
    decades = range(math.floor(math.log10(least)) - 1, math.floor(math.log10(most)) + 2)
    marks = [digit * 10.0**power for power in decades for digit in (1, 2, 5)]
    first = max(at for at, mark in enumerate(marks) if mark <= least)
    last = min(at for at, mark in enumerate(marks) if mark > most)
    return marks[max(0, min(first, last - 3)) : last + 1]


def apart(places: Sequence[float], least: float = 15.0) -> list[float]:
    """Ascending places, each at least so far below the one before."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + least) if found else place)
    return found


def _text(x: float, y: float, text: str, kind: str = "dim", anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
