"""Directories that are made from the truth, and proved before they are believed.

derived/<stamp>/ belongs to one state of the catalog, which <stamp> is the hash of. It is made
under another name beside it, written through to the disk, and renamed, so that it is there whole
or not at all. stamp.json holds size and SHA-256 of each file; what does not agree with
it, in any way, is as good as missing.

It is made anew, or grown from that of an earlier state: then files that never change are shared
with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from polyseek.errors import StoreError
from polyseek.store.reader import Reader

# Raise when the same truth would give other files: another kind of index, other fields.
FORMAT = 3

STAMP_FILE = "stamp.json"
UNFINISHED = ".unfinished-"

Entry = Mapping[str, str | int]
"""Of a file: "sha256", "size" in bytes."""


def stamp_of(reader: Reader) -> str:
    """Name of what is derived from this state of the catalog."""
    parts = (reader.uid, reader.content, reader.fingerprint(), FORMAT)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@contextmanager
def making(derived: Path, stamp: str, source: str = "") -> Iterator[Path]:
    """Gives an empty directory to make <stamp> in; seals it and gives it its name at the end, or
    removes it if making it fails. The caller holds derived.lock. Files shared with <source> are
    not hashed again."""
    directory = derived / f"{UNFINISHED}{stamp}"
    try:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        yield directory
        _seal(directory, stamp, _known(derived / source) if source else {})
        shutil.rmtree(derived / stamp, ignore_errors=True)
        directory.rename(derived / stamp)
        _flush(derived)
    except OSError as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise StoreError(
            f"{directory} cannot be written ({error}): nothing that was committed is lost; free "
            "space, or check the permissions, and run again"
        ) from error
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def share(source: Path, target: Path) -> None:
    """Give a file that never changes a second name; where the file system cannot, copy it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _known(directory: Path) -> dict[tuple[int, int], Entry]:
    """What stamp.json of this directory says of its files, by device and inode."""
    files = json.loads((directory / STAMP_FILE).read_text())["files"]
    return {_identity(directory / name): entry for name, entry in files.items()}


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _seal(directory: Path, stamp: str, known: Mapping[tuple[int, int], Entry]) -> None:
    """Write stamp.json, and everything through to the disk."""
    content = {"stamp": stamp, "format": FORMAT, "files": _inventory(directory, known)}
    (directory / STAMP_FILE).write_text(json.dumps(content, indent=1, sort_keys=True))
    for path in [*directory.rglob("*"), directory]:
        _flush(path)


def faults(directory: Path, stamp: str) -> list[str]:
    """Why the directory is not what <stamp> should be; nothing if it is."""
    try:
        content = json.loads((directory / STAMP_FILE).read_text())
        found = _inventory(directory)
    except (OSError, ValueError) as error:
        return [f"{directory / STAMP_FILE} cannot be read: {error}"]
    if content == {"stamp": stamp, "format": FORMAT, "files": found}:
        return []
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        return [f"{directory / STAMP_FILE} is garbage"]
    wanted = content["files"]
    names = sorted(set(wanted) | set(found))
    bad = [name for name in names if wanted.get(name) != found.get(name)]
    return [f"{directory / name} is not the file that was written" for name in bad] or [
        f"{directory} was made for {content.get('stamp')!r}, wanted {stamp!r}"
    ]


def sweep(derived: Path, keep: str) -> None:
    """Remove every directory but <keep>. The caller holds derived.lock.

    A reader that has one of them open goes on: its files live until it closes them. (Windows
    refuses to remove open files; there they stay until the next sweep.)
    """
    for path in derived.iterdir():
        if path.name != keep:
            shutil.rmtree(path, ignore_errors=True)


def _inventory(
    directory: Path, known: Mapping[tuple[int, int], Entry] = MappingProxyType({})
) -> dict[str, Entry]:
    """Size and SHA-256 of every file but the stamp, by its name within the directory.

    Hidden files are tantivy's locks, which an opening reader may touch.
    """
    return {
        path.relative_to(directory).as_posix(): known.get(_identity(path)) or _entry(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != STAMP_FILE and not path.name.startswith(".")
    }


def _entry(path: Path) -> Entry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "size": path.stat().st_size}


def _flush(path: Path) -> None:
    """Write a file or directory through to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open directories
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
