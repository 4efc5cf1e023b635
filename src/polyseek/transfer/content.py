"""Everything a catalog holds, as rows of tables, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from polyseek.store.reader import Reader
from polyseek.transfer.digest import Digest
from polyseek.transfer.manifest import made_with

AT_ONCE = 512

Rows = tuple[str, Sequence[Any]]
"""A table and some of its rows."""

Each = TypeVar("Each")


def content(reader: Reader) -> Iterator[Rows]:
    """All rows: those of documents, chunks and sentences in the same order, as `load` wants it."""
    for documents in some(reader.document_rows()):
        yield "documents", documents
    for pairs in some(reader.chunk_rows()):
        yield "chunks", [chunk for chunk, _ in pairs]
        yield "sentences", [sentence for _, said in pairs for sentence in said]
    for links in some(reader.link_rows()):
        yield "links", links
    for statements in some(reader.statement_rows()):
        yield "statements", statements
    yield "language_sums", list(reader.sum_rows())


def some(rows: Iterable[Each]) -> Iterator[list[Each]]:
    """AT_ONCE rows at a time."""
    left = iter(rows)
    while page := list(islice(left, AT_ONCE)):
        yield page


def digest_of(reader: Reader, tell: Callable[[int], None] = lambda _: None) -> str:
    """The digest of the content (digest.py), by reading all of it; `tell` is told how many chunks
    have been read."""
    digest = Digest()
    for table, rows in content(reader):
        digest.add(table, rows)
        tell(digest.counts["chunks"])
    told = made_with(reader.dimensions or 0, reader.fingerprint(), reader.instruction)
    return digest.of(told)
