"""Text to words for the lexical index, in every script.

ICU's rules and dictionaries cut Chinese, Japanese and Thai into words; the default tokenisers of
search engines do not, and a Chinese question finds nothing (docs/decisions/0005-lexical.md).
Identifiers - error codes, API names, setting names - become one more term each, marked, because
they mean the same in every language.
"""

from __future__ import annotations

import re
import unicodedata

from icu4py.breakers import WordBreaker

MARK = "#"
"""Begins the term of an identifier; no word does."""

LETTER = "A-Za-z0-9_\u00c0-\u024f\u1e00-\u1eff"
TOKEN = re.compile(rf"[{LETTER}](?:[{LETTER}.\-/:]*[{LETTER}])?")
PLAIN = re.compile(r"[A-Z]?[a-z]+|\d+(?:[.,:/-]\d+)*")
"""An ordinary word or a number: no identifier."""
SHORTEST = 3
SARA_AM = {"\u0e33": "\u0e4d\u0e32", "\u0eb3": "\u0ecd\u0eb2"}
"""A vowel of Thai and Lao that NFKC takes apart, and ICU's dictionaries have it whole."""


def identifiers(text: str) -> list[str]:
    """What is the same in every language: `AUTH-4031`, `response_model`, `HTTPException`, `MFA`.

    A run of ASCII letters, digits and joining signs is one if it has a digit beside a letter, an
    underscore, capitals after the first letter, or a sign between letters other than a hyphen.
    """
    found = []
    for match in TOKEN.finditer(text):
        for token in _ascii(match.group()):
            if len(token) >= SHORTEST and not PLAIN.fullmatch(token) and _is_name(token):
                found.append(MARK + token.lower())
    return found


def _ascii(token: str) -> list[str]:
    """The token, or what is ASCII of a compound: of "OAuth2-Schlüssel" it is "OAuth2"."""
    parts = [token] if token.isascii() else re.split(r"[.\-/:]", token)
    return [part for part in parts if part.isascii()]


def _is_name(token: str) -> bool:
    parts = re.split(r"[-/]", token)
    return not all(PLAIN.fullmatch(part) for part in parts if part)


def words(text: str) -> list[str]:
    """The words of `text`, case folded and NFKC-normalised, in order, then its identifiers."""
    normal = unicodedata.normalize("NFKC", text)
    for am, parts in SARA_AM.items():
        normal = normal.replace(parts, am)
    found = [piece for piece in WordBreaker(normal.casefold(), "en") if _is_word(piece)]
    return found + identifiers(normal)


def _is_word(piece: str) -> bool:
    return any(char.isalnum() for char in piece)


THAI = re.compile("[\u0e00-\u0e7f]")
ASKS = re.compile("[?？؟⸮;]\\s*$")
"""A question mark at the end; Greek asks with a semicolon."""
TITLE_WORDS = 12
THAI_TITLE_WORDS = 8
"""Thai asks without a question mark, so only the length can tell."""


def is_title(text: str) -> bool:
    """Whether a query is a heading or a few keywords rather than a whole question."""
    plain = [word for word in words(text) if not word.startswith(MARK)]
    most = THAI_TITLE_WORDS if THAI.search(text) else TITLE_WORDS
    return len(plain) <= most and not ASKS.search(text)
