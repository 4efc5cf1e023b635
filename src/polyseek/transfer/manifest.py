"""manifest.json: what an export holds. It is written last, so where there is none, the export was
not finished."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from polyseek.errors import BadInput

FORMAT = 1
"""Raised when an older polyseek would misread what is written."""

NAME = "manifest.json"
UNFINISHED = "UNFINISHED"
"""A file that is there while an export is written."""

FILE = re.compile(r"[a-z_]+/[0-9]{5,}\.parquet")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds."""

    format: int
    polyseek: str
    """The version that wrote it."""
    digest: str
    """Of the content (transfer/digest.py); a copy has the same."""
    dimensions: int
    """D of all vectors; 0 if there is none."""
    fingerprint: Mapping[str, Any]
    """What the knowledge base was made with."""
    instruction: str
    """What questions to it are for."""
    counts: Mapping[str, int]
    """Rows of each table."""
    files: Mapping[str, Mapping[str, Any]]
    """File below the directory -> "sha256", "bytes", "rows"."""

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(int(each["bytes"]) for each in self.files.values())

    def files_of(self, table: str) -> list[str]:
        """In the order in which they were written."""
        mine = [name for name in self.files if name.startswith(f"{table}/")]
        return sorted(mine, key=lambda name: (len(name), name))

    def write(self, directory: Path) -> None:
        """Write it, whole or not at all, and through to the disk."""
        unnamed = directory / f"{NAME}.unfinished"
        unnamed.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), "utf-8")
        flush(unnamed)
        unnamed.rename(directory / NAME)
        (directory / UNFINISHED).unlink()
        flush(directory)


def made_with(dimensions: int, fingerprint: Mapping[str, Any], instruction: str) -> dict[str, Any]:
    """What the digest of a content covers beside its rows."""
    told = {"fingerprint": dict(fingerprint), "instruction": instruction}
    return {"dimensions": dimensions, **told}


def read(directory: Path) -> Manifest:
    """The manifest of a finished export.

    Raises:
        BadInput: there is none, or it is damaged, or of a newer polyseek.
    """
    path = directory / NAME
    if not path.exists():
        if (directory / UNFINISHED).exists():
            raise BadInput(f"{directory} is an export that was not finished: export again")
        raise BadInput(f"{directory} is no export: there is no {NAME} in it")
    try:
        told = json.loads(path.read_bytes())
        found = int(told["format"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({error!r}): export again, or copy it again") from error
    if found > FORMAT:
        raise BadInput(
            f"{directory} has format {found}, written by polyseek {told.get('polyseek')}; this one "
            f"reads formats up to {FORMAT}: upgrade polyseek"
        )
    try:
        made = Manifest(**{each.name: told[each.name] for each in fields(Manifest)})
        sound = all(FILE.fullmatch(name) and each["sha256"] for name, each in made.files.items())
    except (AttributeError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({error!r}): export again, or copy it again") from error
    if not sound:
        raise BadInput(f"{path} is damaged: it names files that no export has")
    return made


def check(directory: Path, manifest: Manifest, tell: Callable[[float], None]) -> None:
    """Whether every file is the one that was exported; `tell` is told the share that is done.

    Raises:
        BadInput: one is not.
    """
    done = 0
    for name, wanted in manifest.files.items():
        path = directory / name
        if not path.is_file():
            raise BadInput(f"{path} is missing: copy the export again, or export again")
        if entry(path, int(wanted["rows"])) != dict(wanted):
            raise BadInput(
                f"{path} is not the file that was exported, its digest is another: copy the "
                "export again, or export again"
            )
        done += int(wanted["bytes"])
        tell(done / manifest.bytes)


def entry(path: Path, rows: int) -> dict[str, Any]:
    """What the manifest says of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size, "rows": rows}


def flush(path: Path) -> None:
    """Write a file or directory through to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open directories
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
