"""Where commands write to."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

from polyseek.snippets import safe


def out(*, stderr: bool = False) -> Console:
    """Breaks no lines, so that a pipe gets each whole; `wrapped` does, for a terminal."""
    return Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=True)


def shown(text: object) -> str:
    """A text of somebody else's within our markup."""
    return escape(safe(text))


def write_json(value: Any) -> None:  # noqa: ANN401 - anything JSON can hold
    """For machines, to stdout."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    sys.stdout.write(text + "\n")
