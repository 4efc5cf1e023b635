"""A file to a document in chunks: what depends on its bytes alone, whoever does it and wherever."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from polyseek.chunking import STRUCTURE, Chunker, passage_sentences
from polyseek.documents import Found, Positions, fetch, parse
from polyseek.errors import BadInput
from polyseek.languages.agreement import marks
from polyseek.languages.identify import document_language, passage_language
from polyseek.languages.words import words
from polyseek.types import Chunk, Document, Terms
from polyseek.vectors import Made

Count = Callable[[Sequence[str]], list[int]]
"""Texts -> the tokens of each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How documents become chunks."""

    chunk_tokens: int
    languages: Collection[str] = ()
    """Those the documents may be in; empty: identified among all."""
    sentences: bool = True
    """Whether the sentences of a passage get vectors of their own."""
    instruction: str = ""
    """What passages are told to be for; only for models that take an instruction there."""
    chunker: Chunker = STRUCTURE

    @classmethod
    def of(
        cls, fingerprint: Mapping[str, Any], languages: Collection[str], chunker: Chunker
    ) -> Plan:
        """As a knowledge base with this fingerprint wants it."""
        tokens, sentences = fingerprint["chunk_tokens"], fingerprint["sentences"]
        return cls(tokens, languages, sentences, fingerprint.get("instruction", ""), chunker)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a file has become."""

    found: Found
    document: Document | None = None
    """None if there is nothing to store: the file is unchanged, or has a fault."""
    chunks: Sequence[Chunk] = ()
    terms: Sequence[Terms] = ()
    """Of each chunk."""
    fault: str = ""
    """What is wrong with the file and what to do."""
    made: Sequence[Made] = ()
    """Vectors that have been made already; those that are missing are made where it is stored."""


Prepares = Callable[[Sequence[Found], Mapping[str, str]], Generator[Prepared, None, None]]
"""Files, and the digests of documents that are known, by name -> each file, in their order."""


def here(count: Count, plan: Plan) -> Prepares:
    """In this process, one after the other, each when it is asked for."""

    def prepares(
        files: Sequence[Found], known: Mapping[str, str]
    ) -> Generator[Prepared, None, None]:
        for found in files:
            data = changed(found, known.get(found.name))
            yield data if isinstance(data, Prepared) else prepare(found, data, count, plan)

    return prepares


def changed(found: Found, digest: str | None) -> bytes | Prepared:
    """The bytes of a file, if it has to be stored, or what there is to say of it."""
    try:
        data = fetch(found.path, unless=digest)
    except BadInput as error:
        return Prepared(found, fault=str(error))
    return Prepared(found) if data is None else data


def prepare(found: Found, data: bytes, count: Count, plan: Plan) -> Prepared:
    """The document that these bytes of a file are, in chunks."""
    try:
        document = parse(found.path, found.name, data)
        language = document.language or document_language(document.text, plan.languages)
        document = replace(document, language=language)
        chunks = _chunks(document, count, plan)
    except BadInput as error:
        return Prepared(found, fault=str(error))
    return Prepared(found, document, chunks, [terms_of(each) for each in chunks])


def _chunks(document: Document, count: Count, plan: Plan) -> list[Chunk]:
    cut, line = plan.chunker.cut, Positions(document).line
    chunks = cut(document, plan.chunk_tokens, count, line)
    return [
        replace(
            each,
            language=passage_language(each.text, document.language, plan.languages),
            sentences=_sentences(each) if plan.sentences else (),
        )
        for each in chunks
    ]


def _sentences(passage: Chunk) -> tuple[tuple[int, int], ...]:
    """The sentences of a passage of several; one alone would say what the passage says."""
    found = passage_sentences(passage.text)
    at = passage.start
    return tuple((at + start, at + end) for start, end in found) if len(found) > 1 else ()


def terms_of(passage: Chunk) -> Terms:
    """The words and marks of a passage, as they are kept with it."""
    text = "\n".join((*passage.headings, passage.context, passage.text))
    return Terms(tuple(words(text)), marks(passage.text))
