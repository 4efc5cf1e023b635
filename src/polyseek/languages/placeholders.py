"""Placeholders in code: what a reader puts something else for, and translators their own words."""

from __future__ import annotations

import difflib
import re

NAMED = re.compile(r"<[^<>\n]*[^\x00-\x7f][^<>\n]*>")
"""A placeholder in angle brackets that is no tag, since it is not in ASCII."""
PLACEHOLDER = re.compile(
    r"<[^<>=/\"'{}()]{1,60}>|\{[^<>=\"'{}(),:\[\]]{1,60}\}"
    r"|(?<=[=:/@-])[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)+(?!=)"
    r"|(?<=[=:/@-])[^\x00-\x7f]+"
)
"""<your-token>, {name}, =YOUR_TOKEN. A name in capitals, or in no Latin letters, is one only where
a value stands, so that $NAME and NAME= are compared."""
NAME = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}|(?<=[A-Za-z0-9_])<[\x00-\x7f]*>")
"""One that code reads by its name: a parameter of a path, a field of a format, and right behind a
word a type's argument, List<String>."""
MISSPELT = 0.85


def shape(code: str) -> str:
    """Code with its placeholders blank: u-<staff-number> and u-<工号> are both u-<>."""
    return PLACEHOLDER.sub(_blank, code)


def _blank(match: re.Match[str]) -> str:
    return {"<": "<>", "{": "{}"}.get(match[0][0], "_")


def same_but_for_placeholders(code: str, other: str) -> bool:
    """Whether two pieces of code of one shape may be translations: each two placeholders are equal,
    or other words. Not if one is nearly the other, since then it is misspelt, nor if code reads
    both by their names."""
    for one, two in zip(PLACEHOLDER.finditer(code), PLACEHOLDER.finditer(other), strict=False):
        if one[0] == two[0]:
            continue
        if NAME.fullmatch(code, *one.span()) and NAME.fullmatch(other, *two.span()):
            return False
        if difflib.SequenceMatcher(None, one[0], two[0]).ratio() >= MISSPELT:
            return False
    return True
