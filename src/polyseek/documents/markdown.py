"""Markdown: the text is the decoded file; only title and language are looked for."""

from __future__ import annotations

import re

from polyseek.documents.decode import decode
from polyseek.documents.stated import file_name, language_code
from polyseek.types import Document

FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*\r?$", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r" {0,3}(`{3,}(?!.*`)|~{3,})")
ATX = re.compile(r" {0,3}#(?:[ \t]+(.*))?$")
UNDERLINE = re.compile(r" {0,3}=+[ \t]*$")
NO_PARAGRAPH = re.compile(r"\s*$|[ \t]*(?:#|>|[-+*] |\d+[.)] |\|)| {4}|\t|---|===")
"""Lines that cannot be the text of an underlined heading."""


def read(data: bytes, path: str) -> Document:
    """The document in `data`: title from front matter or the first level-1 heading, else the name.

    Raises UndecodableFile, naming `path`, if the bytes are not text.
    """
    text, encoding = decode(data, path)
    front = FRONT_MATTER.match(text)
    stated = front[1] if front else ""
    title = _stated(stated, "title") or _first_heading(text[front.end() :] if front else text)
    language = language_code(_stated(stated, "lang") or _stated(stated, "language"))
    return Document(
        path, text, title=title or file_name(path), language=language, encoding=encoding
    )


def _stated(front: str, key: str) -> str:
    """The value of a top-level `key: value` line of YAML; block values are not read."""
    line = re.search(rf"^{key}:[ \t]+(\S.*?)[ \t\r]*$", front, re.MULTILINE)
    if line is None:
        return ""
    quoted = re.match(r"""(["'])(.*)\1[ \t]*(?:#.*)?$""", line[1])
    value = quoted[2] if quoted else re.sub(r"[ \t]+#.*", "", line[1])
    return "" if value in ("|", ">", "|-", ">-") else value


def _first_heading(text: str) -> str:
    """The first level-1 heading outside code fences, or ""."""
    fence, previous = "", ""
    for line in re.split(r"\r\n|\n|\r", text):
        if fence:
            if re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}[ \t]*", line):
                fence = ""
        elif opening := FENCE.match(line):
            fence = opening[1]
        elif heading := ATX.match(line):
            if title := _clean(heading[1] or ""):
                return title
        elif previous and UNDERLINE.match(line):
            return _clean(previous)
        previous = "" if fence or NO_PARAGRAPH.match(line) else line
    return ""


def _clean(heading: str) -> str:
    """The words of a heading without `{ #anchor }` and closing number signs."""
    without_anchor = re.sub(r"[ \t]*\{[ \t]*[#.:][^{}]*\}[ \t]*$", "", heading)
    return re.sub(r"(?:^|[ \t]+)#+[ \t]*$", "", without_anchor).strip()
