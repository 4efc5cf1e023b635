"""Which reader reads which file. A new format is one file and one line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import PurePath

from polyseek.documents import html, markdown, plain
from polyseek.types import Document

READERS: Mapping[str, Callable[[bytes, str], Document]] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".mdx": markdown.read,
    ".txt": plain.read,
    ".text": plain.read,
    ".rst": plain.read,
    ".html": html.read,
    ".htm": html.read,
    ".xhtml": html.read,
}


def reader(path: PurePath) -> Callable[[bytes, str], Document] | None:
    """The reader for a file by its suffix, whatever its case; None for a format we cannot read."""
    return READERS.get(path.suffix.lower())


def unknown(path: PurePath) -> str:
    """The message for a file that no reader reads."""
    what = f"files with the suffix {path.suffix}" if path.suffix else "files without a suffix"
    return f"{printable(path)}: {what} cannot be read; these can: {' '.join(READERS)}"


def printable(path: PurePath) -> str:
    r"""A path as valid text: bytes of a file name that are not UTF-8 are shown as \xNN."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
