"""Which passages an index holds, and the sums that its rows were centred by.

Rows are centred by the means of their languages, and a document more moves every mean a little. If
the means followed at once, a document more would change every row of the index. So they are held:
an index that has grown goes on with the sums it began with, until enough has changed that it is
made anew (`still_hold`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from polyseek.store.arrayfile import load_arrays, save_arrays
from polyseek.store.arrays import Ids, Names, Sum
from polyseek.store.reader import Reader

Sums = Mapping[str, tuple[int, Sum]]
"""Language -> (number of vectors, their exact sum (D,) float64)."""

MOST_CHANGED = 4096
"""Passages put or removed: by about so many each opening of an index would get slower."""
SHARE_CHANGED = 0.05
"""Of a language. So a held mean is at most a twentieth away, times how unlike the others the new
passages are; TRUST in languages/neutral.py moves it more than that."""


@dataclass(frozen=True, slots=True)
class Members:
    """The passages of one state, and what has come and gone since their sums were taken."""

    ids: Ids
    """(n,) int64, ascending."""
    documents: Ids
    """(n,) int64, the document of each."""
    languages: Names
    """(n,) str, the language of each."""
    sums: Sums
    changed: Mapping[str, int]
    """Language -> passages put or removed since."""

    @classmethod
    def of(cls, catalog: Reader) -> Members:
        """Those of a pinned catalog, with its own sums."""
        return cls(*catalog.members(), catalog.language_sums(), {})

    def grown(self, catalog: Reader) -> Members:
        """Those of a later state of the same catalog, with the sums of this one."""
        ids, documents, languages = catalog.members()
        now = Members(ids, documents, languages, self.sums, {})
        moved = Counter(self.changed)
        moved.update(self.languages[self.places(self.without(now))].tolist())
        moved.update(languages[now.places(now.without(self))].tolist())
        return Members(ids, documents, languages, self.sums, dict(moved))

    def still_hold(self) -> bool:
        """Whether there are sums, and so little has changed that they may be held."""
        few = sum(self.changed.values()) <= MOST_CHANGED
        return (
            bool(self.sums)
            and few
            and all(
                count <= SHARE_CHANGED * self.sums.get(language, (0,))[0]
                for language, count in self.changed.items()
            )
        )

    def without(self, other: Members) -> Ids:
        """Ids (m,), ascending, that the other does not have."""
        found: Ids = np.setdiff1d(self.ids, other.ids, assume_unique=True)
        return found

    def places(self, ids: Ids) -> Ids:
        """Where ids (m,) stand, (m,)."""
        found: Ids = np.searchsorted(self.ids, ids)
        return found

    def save(self, path: Path) -> None:
        """Write them to one file."""
        arrays = sums_to_arrays(self.sums, self.changed)
        arrays["ids"], arrays["documents"] = self.ids, self.documents
        arrays["languages"] = np.searchsorted(sorted(self.sums), self.languages)
        save_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path) -> Members:
        """Read what `save` wrote."""
        arrays = load_arrays(path)
        sums, changed = sums_from_arrays(arrays)
        languages = np.array(list(sums), dtype=np.str_)[arrays["languages"]]
        return cls(arrays["ids"], arrays["documents"], languages, sums, changed)


def sums_to_arrays(sums: Sums, changed: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Sums, and how many passages have changed since, as named arrays."""
    arrays: dict[str, np.ndarray] = {}
    for language, (count, total) in sums.items():
        arrays[f"count.{language}"] = np.array([count])
        arrays[f"sum.{language}"] = total
    for language, count in changed.items():
        arrays[f"changed.{language}"] = np.array([count])
    return arrays


def sums_from_arrays(arrays: Mapping[str, np.ndarray]) -> tuple[Sums, dict[str, int]]:
    """What `sums_to_arrays` was given, languages in order."""
    sums: dict[str, tuple[int, Sum]] = {}
    changed: dict[str, int] = {}
    for name in sorted(arrays):
        kind, _, language = name.partition(".")
        if kind == "count":
            sums[language] = int(arrays[name][0]), arrays[f"sum.{language}"]
        elif kind == "changed":
            changed[language] = int(arrays[name][0])
    return sums, changed
