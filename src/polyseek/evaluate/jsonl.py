"""A file of JSON objects, one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polyseek.errors import BadInput

Rows = Iterator[tuple[str, dict[str, Any]]]


def rows_of(path: Path) -> Rows:
    """Each object, and where it is, as "path:line". Empty lines are passed over.

    Raises:
        BadInput: there is no such file, it is not UTF-8, or a line is no object.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: byte {error.start} is not UTF-8; save it in UTF-8") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{path}:{number}", _object(line, f"{path}:{number}")


def _object(line: str, at: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BadInput(f"{at}: no JSON: {error}") from error
    if not isinstance(row, dict):
        raise BadInput(f"{at}: {line.strip():.40} is no object; write {{…}}, one a line")
    return row


def text_of(row: Mapping[str, Any], key: str, at: str) -> str:
    """A text, or a number as text.

    Raises:
        BadInput: it is not there, or blank, or something else.
    """
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{at}: {key!r} is {value!r:.60}; it takes a text")
    return value
