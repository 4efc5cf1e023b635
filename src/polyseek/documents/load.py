"""One file on disk to one Document."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePath
from typing import overload

from polyseek.documents.formats import printable, reader, unknown
from polyseek.errors import BadInput
from polyseek.types import Document


@overload
def read(path: Path, name: str) -> Document: ...


@overload
def read(path: Path, name: str, unless: str | None) -> Document | None: ...


def read(path: Path, name: str, unless: str | None = None) -> Document | None:
    """The document in the file at `path`, to be known as `name` in the collection.

    None if the file's digest is `unless`: then it has not changed, and is not read further.

    Raises BadInput if the file cannot be read, has an unknown suffix or kept changing while it
    was read, and UndecodableFile if its bytes are not text.
    """
    data = fetch(path, unless)
    return None if data is None else parse(path, name, data)


def fetch(path: Path, unless: str | None = None) -> bytes | None:
    """The bytes of the file at `path`; None if their digest is `unless`.

    Raises BadInput as `read`.
    """
    if reader(path) is None:
        raise BadInput(unknown(path))
    try:
        data = _steady(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(f"{printable(path)}: cannot be read: {reason}") from error
    return None if sha256(data).hexdigest() == unless else data


def parse(path: PurePath, name: str, data: bytes) -> Document:
    """The document that the bytes of a file are, which need not be here: the format is told by the
    suffix of `path`.

    Raises UndecodableFile if the bytes are not text, and BadInput for an unknown suffix.
    """
    read_bytes = reader(path)
    if read_bytes is None:
        raise BadInput(unknown(path))
    return replace(read_bytes(data, name), digest=sha256(data).hexdigest())


def _steady(path: Path) -> bytes:
    """The bytes of a file that did not change while it was read; one more try if it did."""
    for _ in range(2):
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            data = file.read()
            after = os.fstat(file.fileno())
        if _stamp(before) == _stamp(after) and after.st_size == len(data):
            return data
    raise BadInput(f"{printable(path)}: changed while it was read; index it again")


def _stamp(state: os.stat_result) -> tuple[int, int]:
    return state.st_size, state.st_mtime_ns
