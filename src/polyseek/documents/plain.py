"""Plain text, and formats read as such: the text is the decoded file."""

from __future__ import annotations

from polyseek.documents.decode import decode
from polyseek.documents.stated import file_name
from polyseek.types import Document


def read(data: bytes, path: str) -> Document:
    """The document in `data`; its title is the file's name.

    Raises UndecodableFile, naming `path`, if the bytes are not text.
    """
    text, encoding = decode(data, path)
    return Document(path, text, format="text", title=file_name(path), encoding=encoding)
