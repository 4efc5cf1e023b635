"""From the catalog to its links and back: the versions of documents that are new or changed."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt

from polyseek.errors import BadInput
from polyseek.languages.versions import Passage, find_links, marks
from polyseek.store.catalog import Catalog
from polyseek.store.links import StoredLink
from polyseek.store.reader import Reader
from polyseek.types import Chunk

Floats = npt.NDArray[np.float32]
Fetch = Callable[[npt.NDArray[np.int64]], Floats]
"""Ids (n,) of passages -> their rows (n, D) float32 in neutral space."""


def link(catalog: Catalog, fetch: Fetch) -> int:
    """Find and store the links of every document that is pending; how many there are.

    A run that is killed before the end leaves the documents pending, and the next one goes on.
    """
    waiting = catalog.pending()
    if not waiting:
        return 0
    passages = _passages(catalog)
    vectors = fetch(np.array([each.id for each in passages], np.int64))  # (n, D)
    few = len(waiting) < len({each.document for each in passages})
    found = find_links(passages, vectors, waiting if few else None) if passages else []
    catalog.link(
        [
            StoredLink(each.one, each.other, each.cosine, each.margin, each.evidence)
            for each in found
        ],
        waiting,
    )
    return len(found)


def _passages(catalog: Reader) -> list[Passage]:
    return [
        Passage(id, path, ordinal, language, depth, _marks(kept, text))
        for id, path, ordinal, language, depth, kept, text in catalog.places()
    ]


def _marks(kept: str | None, text: str) -> Collection[str]:
    if kept is None:
        return marks(text)
    return kept.split("\n") if kept else ()


def place(catalog: Reader, name: str) -> tuple[str, bytes]:
    """The passage that "path:line" names: its document's path, and the key of its text.

    Raises:
        BadInput: it names no passage.
    """
    path, _, line = name.rpartition(":")
    if not path or not line.isdecimal():
        raise BadInput(f"{name!r} names no passage; write PATH:LINE, as a search shows it")
    found = [each for each in catalog.document(path) if _holds(each[1], int(line))]
    if not found:
        raise BadInput(
            f"no passage of the knowledge base is at {name!r}; see `polyseek status --documents`"
        )
    return path, found[0][0]


def _holds(chunk: Chunk, line: int) -> bool:
    return chunk.line_start <= line <= chunk.line_end
