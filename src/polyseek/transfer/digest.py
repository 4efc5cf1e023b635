"""One digest of everything a knowledge base holds, however it is stored.

A row's digest is the SHA-256 of its table and values, none of which is an id. A table's is the sum
of its rows' modulo 2^256, so the order of rows and how they are split into files do not matter.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH = 256


class Digest:
    """Told of rows, in any order."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """Rows of each table so far."""
        self._sums: Counter[str] = Counter()

    def add(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """More rows of a table: tuples of texts, bytes, numbers, None, and tuples of those."""
        for row in rows:
            made = hashlib.sha256(_encoded((table, *row))).digest()
            self._sums[table] = (self._sums[table] + int.from_bytes(made)) % 2**WIDTH
            self.counts[table] += 1

    def of(self, made_with: Mapping[str, Any]) -> str:
        """Hexadecimal, of all rows and of what the knowledge base was made with."""
        tables = {name: [self.counts[name], hex(total)] for name, total in self._sums.items()}
        told = json.dumps([tables, dict(made_with)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


def _encoded(value: object) -> bytes:
    """Different for different values: a letter for the kind, the length, the value."""
    match value:
        case None:
            kind, raw = b"n", b""
        case str():
            kind, raw = b"s", value.encode()
        case bytes():
            kind, raw = b"b", value
        case int():  # True is 1
            kind, raw = b"i", b"%d" % value
        case float():
            kind, raw = b"f", struct.pack("<d", value)
        case tuple():
            kind, raw = b"t", b"".join(map(_encoded, value))
        case _:
            raise TypeError(f"a row holds {value!r}, which has no digest")
    return b"%b%d:%b" % (kind, len(raw), raw)
