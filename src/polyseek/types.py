"""The nouns of polyseek: what travels from room to room. Frozen, and importing nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Document:
    """One file as text, with the way back to the file.

    `text` is Markdown or plain text. For Markdown and plain text it is the decoded file itself;
    for other formats it is made from the file, and `offsets` leads back.
    """

    path: str
    """Name within the collection: relative to what was indexed, with forward slashes."""
    text: str
    format: str = "markdown"
    """"markdown" or "text": how `text` is to be read. HTML arrives as Markdown."""
    title: str = ""
    language: str = ""
    """ISO 639-1 code as stated by the file itself (front matter, `<html lang>`), or ""."""
    digest: str = ""
    """SHA-256 of the file's bytes, hexadecimal."""
    encoding: str = "utf-8"
    offsets: tuple[tuple[int, int, int], ...] = ()
    """(offset in text, offset in the decoded file, 1-based line in the file), ascending; empty
    where `text` is the decoded file."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: `document.text[start:end]`, offsets in characters."""

    start: int
    end: int
    text: str
    line_start: int
    """1-based first line in the file."""
    line_end: int
    """1-based last line in the file, inclusive."""
    headings: tuple[str, ...] = ()
    """Heading path from the title down; context outside the offsets."""
    context: str = ""
    """Text that a reader needs before this piece and that is not part of it, such as the header
    of a table split between rows; outside the offsets."""
    language: str = ""
    """ISO 639-1 code, or "" if it could not be told."""
    tokens: int = 0
    """Tokens of the embedded text (headings, context and text), without the model's prompt."""
    sentences: tuple[tuple[int, int], ...] = ()
    """Start and end of each sentence that has a vector of its own, offsets as `start` and `end`;
    empty if the passage is one sentence, or if the collection keeps no sentences. A passage that
    is read back from a collection comes without; `Reader.sentences` has them, with vectors."""

    @property
    def embedded_text(self) -> str:
        """What the model reads: heading path, context and text, a line each."""
        path = " > ".join(self.headings)
        return "\n".join(part for part in (path, self.context, self.text) if part)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a passage is found by and linked by, beside its vector. It takes as long to make as a
    tenth of the vector, so it is kept."""

    words: tuple[str, ...]
    """Of heading path, context and text; without white space in them."""
    marks: frozenset[str]
    """What stays the same in every language: numbers, code, links."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that answers, and how it came to be here."""

    path: str
    text: str
    score: float
    language: str
    line_start: int
    line_end: int
    start: int
    end: int
    headings: tuple[str, ...] = ()
    context: str = ""
    title: str = ""
    sentence: tuple[int, int] | None = None
    """Start and end of the sentence that answers best, offsets as `start` and `end`; None if the
    passage is one sentence, or if the collection keeps no sentences."""
    versions: tuple[Hit, ...] = ()
    """The same passage in other languages, best first; they have no versions of their own."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """The parts of the score, by name; they add up to it."""
