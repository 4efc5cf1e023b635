"""HTML to a tree of elements and text, each with its offset. Broken HTML gives a tree as well.

The rules for tags left out are the few of the HTML standard that change what is read: a block ends
a paragraph, an item ends the item before it, a cell the cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

# fmt: off
VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
))
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
LISTS = frozenset(("ul", "ol", "menu", "dir"))
BLOCKS = HEADINGS | LISTS | frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
    "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header",
    "hgroup", "hr", "html", "legend", "li", "main", "nav", "p", "pre", "search", "section",
    "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
))
# fmt: on
SECTIONS = frozenset(("thead", "tbody", "tfoot"))
CELLS = frozenset(("td", "th"))
TABLE = frozenset(("table",))

# What a start tag ends: these elements if open, looked for from the inside up to the barrier.
PARAGRAPH_END = (frozenset(("p",)), CELLS | TABLE | LISTS | frozenset(("li", "dd", "button")))
HEADING_END = (HEADINGS, PARAGRAPH_END[1] | frozenset(("div", "section", "article")))
ENDS = {
    "li": (frozenset(("li",)), LISTS | TABLE),
    "dt": (frozenset(("dt", "dd")), frozenset(("dl",)) | TABLE),
    "dd": (frozenset(("dt", "dd")), frozenset(("dl",)) | TABLE),
    "td": (CELLS, TABLE),
    "th": (CELLS, TABLE),
    "tr": (frozenset(("tr", "caption")), TABLE),
    "thead": (SECTIONS | {"caption"}, TABLE),
    "tbody": (SECTIONS | {"caption"}, TABLE),
    "tfoot": (SECTIONS | {"caption"}, TABLE),
}
HEADING_ENDERS = HEADINGS | LISTS | {"p", "pre", "table", "blockquote", "hr"}
MAX_DEPTH = 100
"""Elements nested deeper become children of the last: nobody writes such, and readers recurse."""


@dataclass(frozen=True, slots=True)
class Text:
    """A stretch of text as it stands in the file, entities and all."""

    raw: str
    offset: int


@dataclass(slots=True)
class Element:
    """An element, its attributes by lower-case name, and where its start tag begins."""

    tag: str
    offset: int
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | Text] = field(default_factory=list)


def parse(text: str) -> Element:
    """The tree of an HTML text: an element without a tag that holds everything. Never raises."""
    builder = _Builder(text)
    builder.feed(text)
    builder.close()
    return builder.root


class _Builder(HTMLParser):
    """Collects the events of the standard library's parser into a tree.

    Text is not taken from `handle_data` but cut from the file between two events: only so is its
    offset known once entities are decoded, and nothing between two tags can get lost.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", 0)
        self._text = text
        self._open = [self.root]
        self._text_from: int | None = None
        self._last_tag_end = text.rfind(">")
        self._lines = [0]  # as getpos() counts them: \n only
        for line in text.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        offset = self._end_text()
        if tag in BLOCKS:
            self._end(*PARAGRAPH_END)
        if tag in HEADING_ENDERS:
            self._end(*HEADING_END)
        if tag in ENDS:
            self._end(*ENDS[tag])
        if tag in CELLS and self._open[-1].tag in SECTIONS | TABLE:
            self._add(Element("tr", offset))
        # The first of two attributes of one name counts, as in browsers.
        attributes = {name: value or "" for name, value in reversed(attrs)}
        self._add(Element(tag, offset, attributes))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open[-1].tag == tag and not self._open[-1].children:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        self._end_text()
        # A stray </b> or </p> must not end a block around it, nor a cell or table.
        crossable = tag in BLOCKS
        for depth in range(len(self._open) - 1, 0, -1):
            inside = self._open[depth].tag
            if inside == tag:
                del self._open[depth:]
                return
            if inside in BLOCKS and not crossable:
                return
            if inside == "table" or (inside in CELLS and tag not in ENDS and tag != "table"):
                return

    def handle_data(self, data: str) -> None:
        if self._text_from is None:
            self._text_from = self._offset()

    def handle_comment(self, data: str) -> None:
        self._end_text()

    def handle_decl(self, decl: str) -> None:
        self._end_text()

    def handle_pi(self, data: str) -> None:
        self._end_text()

    def unknown_decl(self, data: str) -> None:
        self._end_text()

    def parse_starttag(self, i: int) -> int:
        """As the library does, but without a search of the whole rest for each unclosed tag."""
        return -1 if self._offset() > self._last_tag_end else super().parse_starttag(i)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Skip `<![...]>`; the library's own raises AssertionError for unknown keywords."""
        self._end_text()
        end = "]]>" if self.rawdata.startswith("<![CDATA[", i) else ">"
        at = self.rawdata.find(end, i)
        return -1 if at < 0 else at + len(end)

    def close(self) -> None:
        super().close()
        self._end_text(len(self._text))

    def _add(self, element: Element) -> None:
        self._open[-1].children.append(element)
        if element.tag not in VOID and len(self._open) < MAX_DEPTH:
            self._open.append(element)

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _end_text(self, offset: int | None = None) -> int:
        """End the running text at this event, and give the event's offset."""
        end = self._offset() if offset is None else offset
        if self._text_from is not None and self._text_from < end:
            self._open[-1].children.append(Text(self._text[self._text_from : end], self._text_from))
        self._text_from = None
        return end

    def _end(self, tags: frozenset[str], barrier: frozenset[str]) -> None:
        """Close the innermost open element of `tags`, unless a barrier is met first."""
        for depth in range(len(self._open) - 1, 0, -1):
            tag = self._open[depth].tag
            if tag in tags:
                del self._open[depth:]
                return
            if tag in barrier:
                return
