"""HTML to Markdown text, with the way back: what a reader sees of the page's own content."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from polyseek.documents.decode import decode
from polyseek.documents.html_blocks import blocks
from polyseek.documents.html_inline import DROPPED, one_line
from polyseek.documents.html_tree import Element, parse
from polyseek.documents.lines import join
from polyseek.documents.positions import line_starts
from polyseek.documents.stated import file_name, language_code
from polyseek.types import Document

CHARSET = re.compile(rb"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
XML_ENCODING = re.compile(rb"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.:-]+)""")
HEAD_BYTES = 4096
"""How far into the file a charset is looked for; the standard says 1024, pages say otherwise."""


def read(data: bytes, path: str) -> Document:
    """The document in `data`, as Markdown; `offsets` leads each piece back to the file.

    Where the page marks its content with <main> or <article>, only that is read, without the
    navigation and footer in it. Broken HTML is read as far as it goes.

    Raises UndecodableFile, naming `path`, if the bytes are not text.
    """
    charset = XML_ENCODING.match(data[:HEAD_BYTES]) or CHARSET.search(data[:HEAD_BYTES])
    declared = charset[1].decode("ascii", "replace") if charset else ""
    source, encoding = decode(data, path, declared)
    root = parse(source)
    text, marks = _content(root)
    return Document(
        path,
        text,
        title=_title(root) or file_name(path),
        language=_language(root),
        encoding=encoding,
        offsets=_offsets(marks, source),
    )


def _content(root: Element) -> tuple[str, list[tuple[int, int]]]:
    """Text and marks of <main>, else of the articles, else of all; an empty one does not count."""
    for tag in ("main", "article"):
        chosen = list(_find(root, tag))
        found = [block for part in chosen for block in blocks(part, DROPPED | {"nav", "footer"})]
        if found:
            return join(found)
    return join(blocks(root))


def _find(parent: Element, tag: str) -> Iterator[Element]:
    """The outermost elements of `tag`, or of its role, below `parent`."""
    for child in parent.children:
        if not isinstance(child, Element) or child.tag in DROPPED - {"title"}:
            continue
        if child.tag == tag or child.attributes.get("role") == tag:
            yield child
        else:
            yield from _find(child, tag)


def _title(root: Element) -> str:
    for tag in ("title", "h1"):
        for element in _find(root, tag):
            if text := one_line(element.children).text:
                return text
    return ""


def _language(root: Element) -> str:
    for element in _find(root, "html"):
        attributes = element.attributes
        return language_code(attributes.get("lang") or attributes.get("xml:lang", ""))
    return ""


def _offsets(marks: list[tuple[int, int]], source: str) -> tuple[tuple[int, int, int], ...]:
    """Marks with lines; never empty, which would say that the text is the file itself."""
    starts = line_starts(source)
    first = [(0, marks[0][1] if marks else 0)]
    unique = dict([*first, *marks])
    return tuple((at, place, bisect_right(starts, place)) for at, place in unique.items())
