"""A way to cut documents, under a name that a collection is marked with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from polyseek.chunking.chunk import Line, chunk
from polyseek.chunking.ruler import Count
from polyseek.types import Chunk, Document

Cut = Callable[[Document, int, Count, Line], list[Chunk]]
"""A document, the most tokens of a chunk, what counts them, and what tells the line of an offset
-> chunks in order."""


@dataclass(frozen=True, slots=True)
class Chunker:
    """What a collection is cut by."""

    name: str | int
    """Another one whenever the same text is cut differently."""
    cut: Cut


STRUCTURE = Chunker(2, chunk)
"""Ours: by the structure of the document."""
