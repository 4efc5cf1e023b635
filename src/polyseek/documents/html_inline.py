"""The running text of an HTML element: white space collapsed, entities decoded, places kept."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

from polyseek.documents.html_tree import BLOCKS, Element, Text
from polyseek.documents.lines import Line

DROPPED = frozenset(
    # Not text of the page; rt and rp are the reading of the characters just before them, which
    # would split the word they explain.
    ("script", "style", "template", "noscript", "svg", "title", "iframe", "rt", "rp")
)
PIECES = re.compile(r"[ \t\n\r\f]+|[^ \t\n\r\f]+")
PERMALINKS = frozenset("¶#§🔗")
"""Texts of the links that documentation tools put behind every heading."""


def inline(nodes: list[Element | Text], in_cell: bool = False) -> list[Line]:
    """The lines of running text in `nodes`, broken at <br> only; none if there are no words.

    `in_cell` escapes the bars that would end a cell of a Markdown table.
    """
    writer = _Writer(in_cell)
    writer.write(nodes)
    writer.end_line()
    return writer.lines


def one_line(nodes: list[Element | Text], in_cell: bool = False) -> Line:
    """The same as one line, empty if there are no words."""
    line = Line("")
    for following in inline(nodes, in_cell):
        if line.text:
            shift = len(line.text) + 1
            marks = tuple((column + shift, at) for column, at in following.marks)
            line = Line(f"{line.text} {following.text}", line.marks + marks)
        else:
            line = following
    return line


class _Writer:
    """Words in, lines out."""

    def __init__(self, in_cell: bool) -> None:
        self.lines: list[Line] = []
        self._in_cell = in_cell
        self._text: list[str] = []
        self._length = 0
        self._marks: list[tuple[int, int]] = []
        self._gap = ""

    def write(self, nodes: list[Element | Text]) -> None:
        for node in nodes:
            if isinstance(node, Text):
                self._words(node)
            elif node.tag not in DROPPED:
                self._element(node)

    def end_line(self) -> None:
        if self._text:
            self.lines.append(Line("".join(self._text), tuple(self._marks)))
        self._text, self._length, self._marks, self._gap = [], 0, [], ""

    def _words(self, node: Text) -> None:
        marked = False
        for piece in PIECES.finditer(node.raw):
            if piece[0].isspace() and piece[0][0] != "\xa0":
                self._gap += piece[0]
                marked = marked and "\n" not in piece[0]
                continue
            word = unescape(piece[0]).replace("\xa0", " ")
            self._put(word, None if marked else node.offset + piece.start())
            marked = True

    def _element(self, element: Element) -> None:
        if element.tag == "br":
            self.end_line()
        elif element.tag == "img":
            self._put(" ".join(element.attributes.get("alt", "").split()), element.offset)
        elif element.tag == "code":
            self._code(element)
        elif not _permalink(element):
            around = " " if element.tag in BLOCKS else ""
            self._gap += around
            self.write(element.children)
            self._gap += around

    def _code(self, element: Element) -> None:
        code = one_line(element.children).text
        ticks = "`" * (max(map(len, re.findall("`+", code)), default=0) + 1)
        pad = " " if code.startswith("`") or code.endswith("`") else ""
        self._put(f"{ticks}{pad}{code}{pad}{ticks}" if code else "", element.offset)

    def _put(self, word: str, offset: int | None) -> None:
        """Add a word after the white space since the last; mark where it is from if known."""
        if not word.strip():
            self._gap += word
            return
        if self._gap and self._text and not _joined(self._text[-1][-1], self._gap, word[0]):
            self._text.append(" ")
            self._length += 1
        self._gap = ""
        word = word.replace("|", r"\|") if self._in_cell else word
        if offset is not None:
            self._marks.append((self._length, offset))
        self._text.append(word)
        self._length += len(word)


def _joined(before: str, gap: str, after: str) -> bool:
    """Whether a line end in the file is none in the text: between two letters without spaces."""
    # An author who wraps Chinese at a column means no space there; Korean has spaces.
    return "\n" in gap and all(
        unicodedata.east_asian_width(letter) in "WF"
        and not unicodedata.name(letter, "").startswith("HANGUL")
        for letter in (before, after)
    )


def _permalink(element: Element) -> bool:
    texts = [child.raw for child in element.children if isinstance(child, Text)]
    to_here = element.tag == "a" and element.attributes.get("href", "").startswith("#")
    return to_here and unescape("".join(texts)).strip() in PERMALINKS
