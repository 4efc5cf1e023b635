"""Where commands write to."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from polyseek.snippets import safe, wrapped

INDENT = "   "


def out(*, stderr: bool = False) -> Console:
    """Breaks no lines, so that a pipe gets each whole; `wrapped` does, for a terminal."""
    return Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=True)


def shown(text: object) -> str:
    """A text of somebody else's within our markup."""
    return escape(safe(text))


def indented(out: Console, text: str, style: str = "", strong: tuple[int, int] = (0, 0)) -> None:
    """Print a paragraph, broken to the terminal's width; characters `strong` stand out."""
    text = safe(text)
    lines = wrapped(text, out.width - len(INDENT)) if out.is_terminal else [text]
    at = 0
    for line in lines:
        at = max(text.find(line, at), at)
        shown = Text(INDENT + line, style=style)
        first, last = (min(max(edge - at, 0), len(line)) for edge in strong)
        shown.stylize("bold green", len(INDENT) + first, len(INDENT) + last)
        out.print(shown)
        at += len(line)


def write_json(value: Any) -> None:  # noqa: ANN401 - anything JSON can hold
    """For machines, to stdout."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    sys.stdout.write(text + "\n")
