"""A knowledge base to a directory of Parquet files."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from polyseek import __version__
from polyseek.errors import BadInput, StoreError
from polyseek.knowledge_base import KnowledgeBase
from polyseek.meter import Progress, Watch
from polyseek.places import open_collection
from polyseek.store.reader import Reader
from polyseek.transfer.columns import TABLES, require_pyarrow
from polyseek.transfer.content import content
from polyseek.transfer.digest import Digest
from polyseek.transfer.files import Writer
from polyseek.transfer.manifest import FORMAT, NAME, UNFINISHED, Manifest, made_with

STOPPED = "An export was being written here. If none is: export again, or remove this directory.\n"


def export(kb: KnowledgeBase, directory: Path, watch: Watch = lambda _: None) -> Manifest:
    """Write everything that one state of a knowledge base holds to a directory that is empty, or
    not there, or left by an export that was killed. Others may write to the knowledge base
    meanwhile. No model is needed.

    Raises:
        BadInput: there is something else in the directory, or pyarrow is not installed.
        StoreError: there is no such knowledge base, or the disk is full: then the directory is as
            it was before.
    """
    require_pyarrow()
    with open_collection(kb.settings) as collection, collection.catalog.snapshot() as reader:
        made = _prepare(directory)
        try:
            manifest = _write(reader, directory, watch)
            manifest.write(directory)
        except BaseException as error:
            _undo(directory, made)
            if isinstance(error, OSError):
                raise StoreError(
                    f"{directory} cannot be written ({error}): free space, or check the "
                    "permissions, and run the same command again"
                ) from error
            raise
    return manifest


def _prepare(directory: Path) -> bool:
    """An empty directory with a mark in it that it is unfinished; whether it was made."""
    made = not directory.exists()
    try:
        if not made:
            _refuse(directory)
            _undo(directory, made=False)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / UNFINISHED).write_text(STOPPED, "utf-8")
    except OSError as error:
        raise StoreError(
            f"{directory} cannot be written ({error}): free space, or choose another place"
        ) from error
    return made


def _refuse(directory: Path) -> None:
    if not directory.is_dir():
        raise BadInput(f"{directory} is a file: name a directory to export into")
    if (directory / NAME).exists():
        raise BadInput(f"{directory} holds an export already: remove it, or name another directory")
    if not (directory / UNFINISHED).exists() and any(directory.iterdir()):
        raise BadInput(f"{directory} holds something else: name an empty or a new directory")


def _undo(directory: Path, made: bool) -> None:
    """Remove what an export writes, and nothing else."""
    for table in TABLES:
        shutil.rmtree(directory / table, ignore_errors=True)
    for name in (f"{NAME}.unfinished", NAME, UNFINISHED):
        (directory / name).unlink(missing_ok=True)
    if made and directory.exists():
        directory.rmdir()


def _write(reader: Reader, directory: Path, watch: Watch) -> Manifest:
    dimensions, total = reader.dimensions or 0, reader.statistics().chunks
    digest = Digest()
    with ExitStack() as stack:
        writers = {
            table: stack.enter_context(Writer(directory, table, dimensions)) for table in TABLES
        }
        for table, rows in content(reader):
            digest.add(table, rows)
            writers[table].add(rows)
            done = digest.counts["chunks"]
            watch(Progress(0, 0, done, done / max(total, 1), f"exporting, {done:,} passages,"))
        for writer in writers.values():
            writer.finish()
    told = made_with(dimensions, reader.fingerprint(), reader.instruction)
    return Manifest(
        format=FORMAT,
        polyseek=__version__,
        digest=digest.of(told),
        counts={table: digest.counts[table] for table in TABLES},
        files={name: each for writer in writers.values() for name, each in writer.entries.items()},
        **told,
    )
