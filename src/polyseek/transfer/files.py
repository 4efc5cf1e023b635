"""The Parquet files of a table: TABLE/00000.parquet and so on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from polyseek.closing import Closing
from polyseek.transfer.columns import batch_of, rows_of, schema, texts
from polyseek.transfer.manifest import Manifest, entry, flush

GROUP_ROWS = 4096
"""Rows of a row group: what is held in memory before it is written."""
FILE_ROWS = 131_072
"""Rows of a file: what its footer describes is held until it is closed."""
BATCH_ROWS = 1024


class Writer(Closing):
    """Writes one table. There is a file even where there is no row, so that readers find the
    columns."""

    def __init__(self, directory: Path, table: str, dimensions: int) -> None:
        self.entries: dict[str, dict[str, Any]] = {}
        """What the manifest says of each finished file, by its name."""
        self._directory, self._table, self._dimensions = directory, table, dimensions
        self._waiting: list[Sequence[Any]] = []
        self._file: Any = None
        self._rows = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """More rows of the table."""
        self._waiting.extend(rows)
        while len(self._waiting) >= GROUP_ROWS:
            self._write(self._waiting[:GROUP_ROWS])
            del self._waiting[:GROUP_ROWS]

    def finish(self) -> None:
        """Write what waits and the end of the last file."""
        if self._waiting or not self.entries:
            self._write(self._waiting)
            self._waiting = []
        self._finish_file()

    def close(self) -> None:
        """Let go of a file that was not finished."""
        if self._file is not None:
            with suppress(OSError):  # the disk is full, which has been said
                self._file.close()
        self._file = None

    @property
    def _name(self) -> str:
        return f"{self._table}/{len(self.entries):05}.parquet"

    def _write(self, rows: Sequence[Sequence[Any]]) -> None:
        import pyarrow.parquet as pq

        if self._file is None:
            path = self._directory / self._name
            path.parent.mkdir(exist_ok=True)
            self._file = pq.ParquetWriter(
                path,
                schema(self._table, self._dimensions),
                compression="zstd",
                use_dictionary=texts(self._table),
            )
        if rows:
            self._file.write_batch(batch_of(self._table, rows, self._dimensions))
            self._rows += len(rows)
        if self._rows >= FILE_ROWS:
            self._finish_file()

    def _finish_file(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._file, path = None, self._directory / self._name
        flush(path)
        self.entries[self._name] = entry(path, self._rows)
        self._rows = 0


def rows_in(directory: Path, manifest: Manifest, table: str) -> Iterator[list[Any]]:
    """The rows of a table of an export, some at a time, in their order."""
    import pyarrow.parquet as pq

    for name in manifest.files_of(table):
        with pq.ParquetFile(directory / name) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                yield rows_of(table, batch)
