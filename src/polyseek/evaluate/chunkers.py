"""Other ways to cut documents, to measure ours against: a fixed window, and those of libraries.

Each gets the same budget in the model's tokens and cuts without overlap. What it makes is embedded
as it is: a heading path before the passage is a thing that ours adds, and none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec as find_module

from polyseek.chunking import STRUCTURE, Chunker
from polyseek.chunking.ruler import Count
from polyseek.errors import BadInput
from polyseek.types import Chunk, Document

OURS = "structure"
MOST_CHARACTERS = 16
"""A token; more is white space or one letter again and again."""
Range = tuple[int, int]
Split = Callable[[str, int, Count], Iterable[Range]]
"""A text, the most tokens of a piece and what counts them -> start and end of each piece."""


def check_name(name: str) -> None:
    """Whether there is such a chunker, be its library installed or not.

    Raises:
        BadInput: there is none.
    """
    if name != OURS and name not in SPLITS:
        raise BadInput(f"unknown chunker {name!r}; there are {OURS}, {', '.join(SPLITS)}")


def chunker_called(name: str) -> Chunker:
    """The chunker of that name.

    Raises:
        BadInput: there is none, or its library is not installed.
    """
    check_name(name)
    if name == OURS:
        return STRUCTURE
    package, split = SPLITS[name]
    if package and not find_module(package):
        pip = package.replace("_", "-")
        raise BadInput(f"the chunker {name} needs {pip}; pip install {pip}")

    def cut(
        document: Document, max_tokens: int, count: Count, line: Callable[[int], int]
    ) -> list[Chunk]:
        text, chunks = document.text, []
        for start, end in split(text, max_tokens, count):
            start, end = _tight(text, start, end)
            if start < end:
                lines = line(start), line(end - 1)
                chunks.append(Chunk(start, end, text[start:end], *lines))
        tokens = count([chunk.text for chunk in chunks]) if chunks else []
        return [
            Chunk(c.start, c.end, c.text, c.line_start, c.line_end, tokens=n)
            for c, n in zip(chunks, tokens, strict=True)
        ]

    return Chunker(name, cut)


def _tight(text: str, start: int, end: int) -> Range:
    """Without white space around it."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def window(text: str, max_tokens: int, count: Count) -> Iterable[Range]:
    """As many characters as fit, wherever that cuts, and again."""
    start = 0
    while start < len(text):
        least, most = 1, min(len(text) - start, MOST_CHARACTERS * max_tokens)
        while least < most:
            half = (least + most + 1) // 2
            if count([text[start : start + half]])[0] <= max_tokens:
                least = half
            else:
                most = half - 1
        yield start, start + least
        start += least


def langchain(text: str, max_tokens: int, count: Count) -> Iterable[Range]:
    """LangChain's RecursiveCharacterTextSplitter."""
    return _langchain(text, None, max_tokens, count)


def langchain_markdown(text: str, max_tokens: int, count: Count) -> Iterable[Range]:
    """The same with LangChain's separators for Markdown."""
    splitters = import_module("langchain_text_splitters")
    separators = splitters.RecursiveCharacterTextSplitter.get_separators_for_language(
        splitters.Language.MARKDOWN
    )
    return _langchain(text, separators, max_tokens, count)


def _langchain(
    text: str, separators: Sequence[str] | None, max_tokens: int, count: Count
) -> Iterable[Range]:
    splitter = import_module("langchain_text_splitters").RecursiveCharacterTextSplitter(
        separators=separators,
        is_separator_regex=separators is not None,
        chunk_size=max_tokens,
        chunk_overlap=0,
        length_function=_one(count),
        add_start_index=True,
        strip_whitespace=False,
    )
    for piece in splitter.create_documents([text]):
        start = int(piece.metadata["start_index"])
        yield start, start + len(piece.page_content)


def chonkie(text: str, max_tokens: int, count: Count) -> Iterable[Range]:
    """chonkie's RecursiveChunker."""
    chunker = import_module("chonkie").RecursiveChunker(_one(count), max_tokens)
    for piece in chunker.chunk(text):
        yield piece.start_index, piece.end_index


def semchunk(text: str, max_tokens: int, count: Count) -> Iterable[Range]:
    """semchunk."""
    chunker = import_module("semchunk").chunkerify(_one(count), max_tokens)
    ranges: Sequence[Range] = chunker(text, offsets=True)[1]
    return ranges


def semantic_text_splitter(text: str, max_tokens: int, count: Count) -> Iterable[Range]:
    """semantic-text-splitter's MarkdownSplitter."""
    splitters = import_module("semantic_text_splitter")
    splitter = splitters.MarkdownSplitter.from_callback(_one(count), max_tokens)
    for start, piece in splitter.chunk_indices(text):
        yield start, start + len(piece)


def _one(count: Count) -> Callable[[str], int]:
    """Counts one text at a time, as they all want it."""
    return lambda text: int(count([text])[0])


SPLITS: dict[str, tuple[str, Split]] = {
    "window": ("", window),
    "langchain": ("langchain_text_splitters", langchain),
    "langchain-markdown": ("langchain_text_splitters", langchain_markdown),
    "chonkie": ("chonkie", chonkie),
    "semchunk": ("semchunk", semchunk),
    "semantic-text-splitter": ("semantic_text_splitter", semantic_text_splitter),
}
"""Name -> the package it needs, and how it cuts."""
