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
        arrays: dict[str, np.ndarray] = {
            "ids": self.ids,
            "documents": self.documents,
            "languages": np.searchsorted(sorted(self.sums), self.languages),
        }
        for language, (count, total) in self.sums.items():
            arrays[f"count.{language}"] = np.array([count])
            arrays[f"sum.{language}"] = total
        for language, count in self.changed.items():
            arrays[f"changed.{language}"] = np.array([count])
        save_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path) -> Members:
        """Read what `save` wrote."""
        arrays = load_arrays(path)
        names = sorted(name.split(".", 1) for name in arrays if "." in name)
        counts = {
            language: int(arrays[f"count.{language}"][0])
            for kind, language in names
            if kind == "count"
        }
        return cls(
            arrays["ids"],
            arrays["documents"],
            np.array(list(counts), dtype=np.str_)[arrays["languages"]],
            {language: (count, arrays[f"sum.{language}"]) for language, count in counts.items()},
            {
                language: int(arrays[f"changed.{language}"][0])
                for kind, language in names
                if kind == "changed"
            },
        )
