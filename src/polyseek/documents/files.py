"""Which files a list of paths means, and what each is called in the collection."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from polyseek.documents.formats import printable, reader, unknown
from polyseek.errors import BadInput

SKIPPED = frozenset(("__pycache__", "node_modules"))
"""Folders that hold no documents of the user's own; hidden ones (.git, .venv) are skipped too."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to index."""

    path: Path
    """Where it lies."""
    name: str
    """Its name in the collection: valid text, forward slashes, unique."""

    @property
    def origin(self) -> str:
        """Its absolute path as valid text."""
        return origin(self.path)


def origin(path: Path) -> str:
    """The absolute path of a file or directory, as valid text."""
    return printable(path.absolute())


def find(paths: Sequence[Path], others: Counter[str] | None = None) -> Iterator[Found]:
    """The readable files among and below `paths`, in the order of the paths, each sorted by name.

    A file keeps its file name, a file in a directory its path below it. With more than one
    directory every such name starts with its directory's own. Links are followed, but no real
    directory is walked twice, so a loop of links ends. `others` counts the files that are in no
    format that is read, by suffix, or by name if they have none.

    Raises BadInput if a path does not exist or cannot be listed, if a file given has an unknown
    suffix, or if two files would have one name.
    """
    paths = [Path(path) for path in paths]
    prefixed = sum(path.is_dir() for path in paths) > 1
    walk = _Walk(Counter() if others is None else others)
    names: dict[str, Path] = {}
    for path in paths:
        for found in _below(path, prefixed, walk) if path.is_dir() else [_single(path)]:
            other = names.setdefault(found.name, found.path)
            if other is found.path:
                yield found
            elif not other.samefile(found.path):
                raise BadInput(
                    f"two files would have the name {found.name!r} in the collection: "
                    f"{printable(other)} and {printable(found.path)}; rename one, or index the "
                    "directory above both"
                )


def _single(path: Path) -> Found:
    """A file that was named itself, so what is wrong with it is an error."""
    if not path.is_file():
        reason = "is no regular file" if path.exists() else "no such file or directory"
        raise BadInput(f"{printable(path)}: {reason}")
    if reader(path) is None:
        raise BadInput(unknown(path))
    return Found(path, printable(Path(path.name)))


def _below(root: Path, prefixed: bool, walk: _Walk) -> list[Found]:
    """The files below a directory, sorted by name."""
    prefix = Path(root.resolve().name) if prefixed else Path()
    found = [Found(path, printable(prefix / path.relative_to(root))) for path in walk.files(root)]
    return sorted(found, key=lambda file: file.name)


class _Walk:
    """Through directories, no real one twice."""

    def __init__(self, others: Counter[str]) -> None:
        self._others = others
        self._walked: set[tuple[int, int]] = set()
        """Device and inode of directories already done."""

    def files(self, root: Path) -> Iterator[Path]:
        """The readable files below `root`."""
        # Links wait until all real directories are done: a file is known by its real place, and by
        # a link only if that is the one way to it.
        directories, links = [root], list[Path]()
        while directories or links:
            directory = directories.pop() if directories else links.pop(0)
            state = directory.stat()
            if (state.st_dev, state.st_ino) in self._walked:
                continue
            self._walked.add((state.st_dev, state.st_ino))
            for path in _entries(directory):
                if path.is_dir():
                    (links if path.is_symlink() else directories).append(path)
                elif path.is_file() and reader(path) is not None:
                    yield path
                elif path.is_file():
                    self._others[printable(Path(path.suffix.lower() or path.name))] += 1


def _entries(directory: Path) -> list[Path]:
    """What is in a directory and not skipped, sorted."""
    try:
        names = os.listdir(directory)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(f"{printable(directory)}: cannot be listed: {reason}") from error
    return [directory / n for n in sorted(names) if not n.startswith(".") and n not in SKIPPED]
