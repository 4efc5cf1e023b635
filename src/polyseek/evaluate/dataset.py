"""Questions with the passages that answer them.

An answer is a range of a document, a section of a manual say, or a document as a whole. What finds
it is a passage of which half, or which has half of it: so one that is much longer or shorter than
its section counts, and one that only touches it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from polyseek.errors import BadInput
from polyseek.policy import Policy


@dataclass(frozen=True, slots=True)
class Answer:
    """`document[start:end]`, in characters; all of the document if there is no end."""

    path: str
    start: int = 0
    end: int | None = None
    language: str = ""
    grade: int = 1
    """How relevant it is; 1 or more."""

    @property
    def name(self) -> str:
        """Unique among the answers of a question."""
        return self.path if self.end is None else f"{self.path}:{self.start}-{self.end}"

    def shared(self, path: str, start: int, end: int) -> float:
        """How much of it, or of a passage if that is more, lies in the other: 0 to 1."""
        if path != self.path:
            return 0.0
        if self.end is None:
            return 1.0
        both = min(end, self.end) - max(start, self.start)
        return max(0, both) / max(1, min(end - start, self.end - self.start))


@dataclass(frozen=True, slots=True)
class Query:
    """A question in a language, and what answers it, in whatever languages."""

    id: str
    text: str
    language: str
    answers: tuple[Answer, ...]

    @property
    def family(self) -> frozenset[str]:
        """The same for questions with the same answers: one question put in several languages, or
        words. What is found for them is not independent."""
        return frozenset(answer.name for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Documents and the questions that are put to them."""

    name: str
    documents: tuple[Path, ...]
    """Files and directories to index."""
    queries: tuple[Query, ...]
    languages: Mapping[str, str]
    """Language of each document by its name in the collection."""
    digest: str
    """Of questions, answers and documents: equal where a figure may be compared."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Questions that are not asked, by id, and why."""

    def check(self, policy: Policy) -> None:
        """Whether there is a document for a policy that names languages.

        Raises:
            BadInput: there is none; every figure would be 0.
        """
        there = sorted(set(self.languages.values()) - {""})
        missing = [code for code in policy.languages if code not in there]
        if policy.languages and len(missing) == len(policy.languages):
            raise BadInput(
                f"policy {policy.kind}:{','.join(policy.languages)}: no document of {self.name} is "
                f"in {' or '.join(missing)}; they are in {', '.join(there)}"
            )

    @property
    def whole(self) -> bool:
        """Whether answers are documents and not ranges of them."""
        return all(answer.end is None for query in self.queries for answer in query.answers)
