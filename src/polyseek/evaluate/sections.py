"""What a name within a document means: a section, or some lines."""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from polyseek.chunking.markdown import parse
from polyseek.chunking.structure import title_text
from polyseek.documents import Positions
from polyseek.errors import BadInput
from polyseek.types import Document

ANCHOR = re.compile(r"\{[^{}]*#([^\s{}]+)[^{}]*\}\s*$")
SLUGGED = re.compile(r"[^\w\- ]")
Range = tuple[int, int]
SHOWN = 5
"""Sections that are named where none is like the one asked for."""


class Places:
    """Finds sections and lines in one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._sections = dict(reversed(list(_sections(document))))  # of equal names the first
        self._lines = Positions(document)

    def section(self, name: str) -> Range:
        """The section of that anchor, stated as in `## Title { #anchor }` or made from the title
        as GitHub makes it, or of that title; with all sections below it.

        Raises:
            BadInput: there is none.
        """
        if name not in self._sections:
            near = difflib.get_close_matches(name, self._sections, n=1, cutoff=0.5)
            some = list(self._sections)[:SHOWN]
            told = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, some))}"
            more = ", …" if not near and len(self._sections) > SHOWN else ""
            raise BadInput(f"{self._document.path} has no section {name!r}; {told}{more}")
        return self._sections[name]

    def lines(self, first: int, last: int) -> Range:
        """From line `first` to line `last` of the file, both 1-based and included.

        Raises:
            BadInput: the document does not reach so far.
        """
        text = self._document.text
        most = self._lines.line(len(text))
        if not 1 <= first <= last <= most:
            raise BadInput(
                f"{self._document.path} has lines 1 to {most}, and not {first} to {last}"
            )
        offsets, line = range(len(text)), self._lines.line
        return bisect_left(offsets, first, key=line), bisect_right(offsets, last, key=line)


def _sections(document: Document) -> Iterator[tuple[str, Range]]:
    """Every name of every section, in order."""
    if document.format != "markdown":
        return
    headings = parse(document.text)[1]
    taken: dict[str, int] = {}
    for at, heading in enumerate(headings):
        after = (each.start for each in headings[at + 1 :] if each.level <= heading.level)
        where = heading.start, next(after, len(document.text))
        stated, title = ANCHOR.search(heading.title), title_text(heading.title)
        slug = SLUGGED.sub("", title.lower()).strip().replace(" ", "-")
        again = taken.get(slug, 0)
        taken[slug] = again + 1
        names = [stated[1]] if stated else []
        for name in (*names, f"{slug}-{again}" if again else slug, title):
            if name:
                yield name, where
