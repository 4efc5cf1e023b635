"""A matrix of similarities as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec as find_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polyseek.engine.pool import Floats
from polyseek.errors import BadInput
from polyseek.evaluate import record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = (".png", ".svg")
LONGEST = 32
"""Characters of a label."""
DARK = 0.6
"""Of the scale; what is below is written on in white."""
FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
)
"""Those of them that are installed are used, each for the letters that those before it lack."""


def check(path: Path) -> None:
    """Whether `draw` can make such a file; to be asked before what takes long.

    Raises:
        BadInput: another kind of picture, no such directory, or matplotlib is not installed.
    """
    record.check(path)
    if path.suffix.lower() not in KINDS:
        raise BadInput(f"{path}: a picture ends in {' or '.join(KINDS)}")
    if not find_module("matplotlib"):
        raise BadInput("pictures need matplotlib; pip install 'polyseek[measure]'")


def draw(path: Path, cosines: Floats, texts: Sequence[str], title: str) -> None:
    """A heat map of cosines (n, n), as a PNG or an SVG by the name of the file.

    Each row has its number and its text; in a PNG the number alone where no font that is installed
    has the letters. An SVG has letters of its own, and is shown with the fonts of whoever reads it.

    Raises:
        BadInput: as `check`, or the file cannot be written.
    """
    check(path)
    import matplotlib

    with matplotlib.rc_context({"font.family": list(_fonts()), "svg.fonttype": "none"}):
        figure = _figure(cosines, _labels(texts, path.suffix.lower() == ".svg"), title)
        try:
            figure.savefig(path, dpi=160, bbox_inches="tight")
        except OSError as error:
            raise BadInput(f"{path}: cannot be written: {error.strerror}") from error


def _figure(cosines: Floats, labels: Sequence[str], title: str) -> Figure:
    from matplotlib.figure import Figure

    n = len(labels)
    figure = Figure(figsize=(2 + 0.7 * n, 1 + 0.6 * n))
    axes = figure.subplots()
    lowest = min(0.0, float(cosines.min()))
    axes.imshow(cosines, cmap="viridis", vmin=lowest, vmax=1, aspect="auto")
    axes.set_yticks(range(n), labels)
    axes.set_xticks(range(n), [str(number) for number in range(1, n + 1)])
    axes.tick_params(length=0)
    axes.set_title(title, loc="left", fontsize="medium")
    for row, column in np.ndindex(n, n):
        value = float(cosines[row, column])
        color = "white" if (value - lowest) / (1 - lowest) < DARK else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
    return figure


def _labels(texts: Sequence[str], any_letters: bool) -> list[str]:
    labels = []
    for number, text in enumerate(texts, 1):
        line = " ".join(text.split())
        short = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
        drawn = any_letters or {ord(letter) for letter in short} <= _drawable()
        # Dollars would begin a formula.
        labels.append(f"{short.replace('$', chr(92) + '$')}  {number}" if drawn else str(number))
    return labels


@cache
def _fonts() -> tuple[str, ...]:
    """Those of FONTS that are installed; matplotlib brings the first."""
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in FONTS if name in there)


@cache
def _drawable() -> frozenset[int]:
    """Code points of the letters that they have."""
    from matplotlib import font_manager

    found: set[int] = set()
    for name in _fonts():
        file = font_manager.findfont(name, fallback_to_default=False)
        found.update(font_manager.get_font(file).get_charmap())
    return frozenset(found)
