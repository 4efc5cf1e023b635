"""The chart: whole, harmless, in the right places."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from polyseek.loadtest.chart import apart, chart, log_ticks, ticks
from polyseek.loadtest.figures import Figures, figures_of
from polyseek.loadtest.load import Asked, Seen
from polyseek.loadtest.plan import Step
from polyseek.loadtest.run import Outcome

SVG = "{http://www.w3.org/2000/svg}"


def figures(step: Step, ms: float, errors: int = 0) -> Figures:
    """Of ten answers, 1 to 1.9 times `ms`."""
    asked = [Asked(at, at + ms * (1 + at / 10) / 1e3) for at in range(10)]
    asked += [Asked(5, 6, error="500")] * errors
    return figures_of(step, Seen(0, 10, asked=asked), {})


def outcome(*steps: Figures, model: str = "m") -> Outcome:
    return Outcome(
        "http://x/v1", model, "", {"duration_s": 10.0}, "", {"cpu": "a <cpu> & more"}, {},
        steps=list(steps),
    )  # fmt: skip


def test_a_panel_of_callers_and_a_panel_of_rates() -> None:
    drawn = chart(
        outcome(figures(Step(4), 20), figures(Step(8), 40, errors=3), figures(Step(rate=5), 9))
    )
    root = ElementTree.fromstring(drawn)
    assert len(root.findall(f"{SVG}polyline")) == 2 * 3
    assert len(root.findall(f"{SVG}circle")) == 3 * 3
    told = [text.text for text in root.findall(f"{SVG}text")]
    assert {"4", "8, 3 errors", "5", "P50", "P95", "P99"} <= set(told)
    assert "4 callers: P99 38.0 ms" in drawn


def test_slower_is_higher_and_more_is_further_right() -> None:
    one, more = figures(Step(4), 20), replace(figures(Step(8), 40), requests_per_s=2.0)
    lines = re.findall(
        r'class="p50 line" points="(\S+),(\S+) (\S+),(\S+)"', chart(outcome(one, more))
    )
    x1, y1, x2, y2 = map(float, lines[0])
    assert x2 > x1
    assert y2 < y1


def test_a_step_that_failed_is_named_and_not_drawn() -> None:
    drawn = chart(outcome(figures(Step(4), 20), figures(Step(rate=99), 40, errors=11)))
    assert len(ElementTree.fromstring(drawn).findall(f"{SVG}polyline")) == 3
    assert "not drawn, most requests failed: 99/s" in drawn


def test_names_are_text_and_nothing_is_loaded() -> None:
    drawn = chart(outcome(figures(Step(1), 20), model='<script>alert("x")</script>'))
    root = ElementTree.fromstring(drawn)
    assert root.findall(f".//{SVG}script") == []
    assert not re.search(r"href|url\(|@import|<image", drawn)


@pytest.mark.parametrize(
    ("most", "marks"), [(1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (47, [0, 10, 20, 30, 40, 50]), (0, [0])]
)
def test_ticks(most: float, marks: list[float]) -> None:
    assert ticks(most) == marks


@pytest.mark.parametrize(
    ("least", "most", "marks"),
    [
        (12, 340, [10, 20, 50, 100, 200, 500]),
        (0.3, 0.31, [0.05, 0.1, 0.2, 0.5]),
        (5, 9, [1, 2, 5, 10]),
    ],
)
def test_log_ticks(least: float, most: float, marks: list[float]) -> None:
    assert log_ticks(least, most) == pytest.approx(marks)


def test_labels_are_kept_apart() -> None:
    assert apart([10, 12, 60], 15) == [10, 25, 60]
