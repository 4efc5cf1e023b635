"""Between rows and Arrow's columns. Every table has the columns of its row (store/whole.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec as find_module
from typing import Any, NamedTuple

import numpy as np

from polyseek.errors import BadInput
from polyseek.store.arrays import DOUBLE, HALF
from polyseek.store.whole import (
    ChunkRow,
    DocumentRow,
    LinkRow,
    SentenceRow,
    StatementRow,
    SumRow,
)

TABLES: Mapping[str, type[NamedTuple]] = {
    "documents": DocumentRow,
    "chunks": ChunkRow,
    "sentences": SentenceRow,
    "links": LinkRow,
    "statements": StatementRow,
    "language_sums": SumRow,
}

ARRAYS: Mapping[tuple[str, str], np.dtype[Any]] = {
    ("chunks", "vector"): HALF,
    ("sentences", "vector"): np.dtype(np.int8),
    ("language_sums", "sum"): DOUBLE,
}
"""Columns of D numbers a row; bytes in a row, a FixedSizeList in a file."""

TYPES = {
    "ordinal": "int32",
    "other_ordinal": "int32",
    "number": "int32",
    "start": "int64",
    "end": "int64",
    "line_start": "int64",
    "line_end": "int64",
    "tokens": "int32",
    "size": "int64",
    "chunks": "int64",
    "linked": "bool_",
    "cosine": "float64",
    "margin": "float64",
}
"""Of columns that are no text."""


def require_pyarrow() -> None:
    """Raise BadInput if it is not installed."""
    if not find_module("pyarrow"):
        raise BadInput("export and import need pyarrow; pip install 'polyseek[parquet]'")


def schema(table: str, dimensions: int) -> Any:  # noqa: ANN401 - pyarrow is optional
    """The columns of a table, a pyarrow.Schema."""
    import pyarrow as pa

    def kind(name: str) -> Any:  # noqa: ANN401
        if (table, name) in ARRAYS:
            return pa.list_(pa.from_numpy_dtype(ARRAYS[table, name]), dimensions)
        if name == "headings":
            return pa.list_(pa.string())
        if name in ("key", "other_key"):
            return pa.binary(16)
        return getattr(pa, TYPES.get(name, "string"))()

    return pa.schema([(name, kind(name)) for name in TABLES[table]._fields])


def texts(table: str) -> list[str]:
    """Columns whose values repeat, for which a dictionary is worth its place."""
    often = ("path", "other_path", "language", "format", "encoding", "evidence", "headings")
    return [name for name in TABLES[table]._fields if name in often]


def batch_of(table: str, rows: Sequence[Sequence[Any]], dimensions: int) -> Any:  # noqa: ANN401
    """Rows of a table as a pyarrow.RecordBatch."""
    import pyarrow as pa

    made, wanted = [], schema(table, dimensions)
    for field, values in zip(wanted, zip(*rows, strict=True), strict=True):
        dtype = ARRAYS.get((table, field.name))
        if dtype is None:
            made.append(pa.array(values, field.type))
        else:
            numbers = pa.array(np.frombuffer(b"".join(values), dtype))
            made.append(pa.FixedSizeListArray.from_arrays(numbers, dimensions))
    return pa.record_batch(made, schema=wanted)


def rows_of(table: str, batch: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow.RecordBatch
    """The rows of a batch with the columns of this table."""
    columns = []
    for name in TABLES[table]._fields:
        column, dtype = batch.column(name), ARRAYS.get((table, name))
        if dtype is not None:
            numbers = column.flatten().to_numpy().astype(dtype, copy=False)
            columns.append([row.tobytes() for row in numbers.reshape(len(column), -1)])
        elif name == "headings":
            columns.append([tuple(value) for value in column.to_pylist()])
        else:
            columns.append(column.to_pylist())
    return [TABLES[table](*values) for values in zip(*columns, strict=True)]
