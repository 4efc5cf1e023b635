"""Texts of documents as a terminal may have them: harmless, in lines, and short."""

from __future__ import annotations

import re
from itertools import takewhile

from icu4py.breakers import LineBreaker
from rich.cells import cell_len, chop_cells

from polyseek.types import Hit

SNIPPET = 300
"""Columns of a passage that are shown unless it is wanted whole."""
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a document could give a terminal orders with."""
MARKUP = re.compile(r"\s*(?:```|~~~|[|:\-\s]*$)")
"""A line that says nothing: of a code fence, below a table's header, empty."""
HEADING = re.compile(r"#{1,6}\s")
LEAD = "… "


def safe(text: object) -> str:
    """`text` without orders to the terminal, its lines ended by line feeds."""
    return UNSAFE.sub("\ufffd", re.sub(r"\r\n?", "\n", str(text)))


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken where its script allows."""
    lines, line = [], ""
    for piece in LineBreaker(text, "en"):
        if line and cell_len(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        *full, line = chop_cells(line + piece, width) if cell_len(piece) > width else [line + piece]
        lines += full
    return [*lines, line.rstrip()] if line else lines


def snippet(hit: Hit) -> str:
    """A passage on one line, from the sentence that answers, or else from its beginning without
    the heading that is shown above it."""
    lead, start = _lead(hit), hit.sentence[0] - hit.start if hit.sentence else 0
    told = _said(hit.text[start:]) or _plain(hit.text)
    first, *rest = wrapped(told, SNIPPET - len(lead)) or [""]
    return f"{lead}{first} …" if rest else lead + first


def answering(hit: Hit, told: str) -> tuple[int, int]:
    """Where in its snippet the sentence that answers stands; nowhere, if there is none."""
    if hit.sentence is None:
        return 0, 0
    start, end = (edge - hit.start for edge in hit.sentence)
    first = len(_lead(hit))
    pairs = zip(_said(hit.text[start:end]), told[first:], strict=False)
    said = "".join(char for char, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return first, first + len(said.rstrip())


def _lead(hit: Hit) -> str:
    """What says that something stands before the sentence that answers."""
    before = hit.text[: hit.sentence[0] - hit.start] if hit.sentence else ""
    return LEAD if _said(before) else ""


def _said(text: str) -> str:
    """On one line, without the headings at the beginning."""
    lines = text.splitlines()
    while lines and (HEADING.match(lines[0]) or MARKUP.match(lines[0])):
        lines = lines[1:]
    return _plain("\n".join(lines))


def _plain(text: str) -> str:
    """On one line, without markup."""
    lines = [line for line in text.splitlines() if not MARKUP.match(line)]
    return " ".join(" ".join(lines).split())
