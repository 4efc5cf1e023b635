"""Bytes to text, in the encoding that the bytes themselves speak for, or not at all.

The order is from proof to evidence: a byte order mark, strict UTF-8, what the file declares, the
zero bytes of UTF-16, and last the national encodings, where only text that reads like its
language is taken. A file that cannot be told is refused: mojibake in an index is never noticed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from polyseek.documents.evidence import SAMPLE, SCRIPTS, known_share, score
from polyseek.documents.latin import looks_latin
from polyseek.errors import UndecodableFile

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What a web page means by these names (https://encoding.spec.whatwg.org/#names-and-labels).
DECLARED_MEANS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
}
# Python also calls rot13, utf-7 and unicode_escape encodings; no page may choose those.
DECLARABLE = re.compile(r"(gb|big5|shift_jis|euc_|iso2022_jp|iso8859|koi8|cp\d|ascii)")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
ENOUGH = 0.45
"""Score that text of about ten letters reaches; text misread in another encoding stays below."""
MARGIN = 0.2
"""Lead over the next encoding, below which the file could be either."""


def decode(data: bytes, path: str, declared: str = "") -> tuple[str, str]:
    """The text of a file and the name of its encoding; `data.decode(name) == text` holds.

    A byte order mark is not part of the text; line ends stay as they are. `declared` is what the
    file says of itself, such as the charset of an HTML page; it is tried after UTF-8.

    Raises UndecodableFile, naming `path`, if the bytes are binary or text of no known encoding.
    """
    for encoding in _candidates(data, declared):
        text = _strictly(data, encoding)
        if text is not None and not _binary(text):
            return text, encoding
    raise UndecodableFile(f"{path}: {_seen(data)}. Convert it to UTF-8, or exclude it.")


def _candidates(data: bytes, declared: str) -> Iterator[str]:
    """The encodings worth a strict try, the surest first; evidence is weighed only when asked."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            yield encoding
            return
    yield "utf-8"
    if meant := _declared(declared):
        yield meant
    if guessed := _utf16(data) if b"\0" in data else _national(data):
        yield guessed


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _binary(text: str) -> bool:
    """Whether `text` holds NUL, or more control characters than a log with stray ones."""
    sample = text[:SAMPLE]
    return "\0" in text or 20 * len(CONTROL.findall(sample)) > len(sample)


def _declared(name: str) -> str:
    """Python's name for a declared charset, or "" if we do not know it or it is UTF-8."""
    try:
        known = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):  # ValueError: a NUL character in the name
        return ""
    meant = DECLARED_MEANS.get(known, known)
    return meant if DECLARABLE.match(meant) else ""


def _utf16(data: bytes) -> str:
    """The byte order in which `data` is text of known scripts, or ""; without a byte order mark.

    Text in any script has spaces or line ends, so one byte order has zeros. Which one they belong
    to is not settled by where they are: 一 is U+4E00.
    """
    best, best_share = "", 0.5
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _strictly(data, encoding)
        if text is not None and (share := known_share(text)) > best_share:
            best, best_share = encoding, share
    return best


def _national(data: bytes) -> str:
    """The encoding whose text `data` is by the evidence, or ""."""
    latin = _strictly(data, "cp1252")
    # First, since cp932 makes a frequent kanji of the bytes of "I’m"; nothing else fits Latin.
    if latin is not None and looks_latin(latin):
        return "cp1252"
    scores = [
        (score(text, script), script.encoding)
        for script in SCRIPTS
        if (text := _strictly(data, script.encoding)) is not None
    ]
    best, second = sorted([*scores, (-1.0, ""), (-1.0, "")], reverse=True)[:2]
    return best[1] if best[0] >= ENOUGH and best[0] - second[0] >= MARGIN else ""


def _seen(data: bytes) -> str:
    """What speaks against the bytes being text, for the message."""
    if (at := data.find(b"\0")) >= 0:
        return f"it has a NUL byte at offset {at} and looks binary"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        return (
            f"its encoding cannot be told: the byte 0x{byte:02X} at offset {error.start} is not "
            "UTF-8, and in no other encoding we know does it read like text"
        )
    return "it has so many control characters that it looks binary"
