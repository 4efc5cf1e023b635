"""One document's part of a group of linked passages, ready to be compared with another's."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyseek.languages.facts import (
    DIRECTIVE,
    FENCE,
    SIGN,
    TAG,
    Facts,
    facts,
    in_words,
    is_word,
    numbers,
    polarity,
    said_otherwise,
    squeezed,
)
from polyseek.languages.sentence_pairs import Floats, Pair, Span, align

NAME = re.compile(r"[A-Za-z0-9_]*[A-Za-z0-9]{2}[A-Za-z0-9_]*|[0-9]+")
PART = re.compile(r"[A-Za-z0-9_]+")
"""What code is made of; where all parts stand, somebody has said it in other words."""
OPENS = re.compile(r"\s*(?:///|:::|!!!|\?\?\?)|[^\n]*</?t[drh]\b")
FEW_LETTERS = 4
"""A sentence with fewer is an include or a rule and not aligned."""
DENSE = 2.2
"""Latin letters that say what one letter of a dense script says."""
DENSE_FROM = "\u2e80"


@dataclass(frozen=True, slots=True)
class Version:
    """One passage, as the search for drift sees it."""

    id: int
    document: str
    language: str
    text: str
    sentences: tuple[str, ...]
    """As they stand in `text`, in order."""
    vectors: Floats
    """(sentences, D) float32 unit rows, centred by language."""


class Side:
    """The passages of one document that belong to a group, and those before and behind them.

    Chunks are cut at different places in different languages, so what is missing here is looked
    for in the neighbours as well; what is reported stands in the passages themselves.
    """

    def __init__(self, core: Sequence[Version], around: Sequence[Version]) -> None:
        self.document, self.language = core[0].document, core[0].language
        self.near = "\n\n".join(version.text for version in around)
        self.text = "\n\n".join(version.text for version in core)
        self.facts: Facts = facts(self.text)
        own = {version.id for version in core}
        ends, end = [], 0
        self.sentences: list[str] = []
        self.starts: list[int] = []
        self.core: list[bool] = []
        self.owners: list[int] = []
        rows = []
        for version in around:
            at = end
            for sentence, vector in zip(version.sentences, version.vectors, strict=True):
                at = max(self.near.find(sentence, at), at)
                if _is_prose(sentence):
                    self.sentences.append(sentence)
                    self.starts.append(at)
                    self.core.append(version.id in own)
                    self.owners.append(version.id)
                    rows.append(vector)
                at += len(sentence)
            end += len(version.text) + 2
            ends.append(end)
        self._owners_by_end = list(zip(ends, [version.id for version in around], strict=True))
        self._own = [version.id for version in core]
        shape = len(rows), core[0].vectors.shape[1]
        self.vectors: Floats = np.array(rows, np.float32).reshape(shape)
        self.sizes = [size(sentence) for sentence in self.sentences]
        self.polarity = [polarity(sentence, self.language) for sentence in self.sentences]

    @property
    def id(self) -> int:
        """The first passage's."""
        return self._own[0]

    def owner(self, fact: str) -> int:
        """The passage of the group in which `fact` stands; the first if it is written otherwise."""
        at = self.near.find(fact)
        while at >= 0:
            place = bisect_right([end for end, _ in self._owners_by_end], at)
            found = self._owners_by_end[min(place, len(self._owners_by_end) - 1)][1]
            if found in self._own:
                return found
            at = self.near.find(fact, at + 1)
        return self.id

    @cached_property
    def names(self) -> list[set[str]]:
        """Of each sentence what is written in ASCII and may stand in its translation."""
        return [set(NAME.findall(TAG.sub(" ", each).lower())) for each in self.sentences]

    @cached_property
    def prose(self) -> str:
        """`near` with blanks for code, includes and tags, as long as it."""
        bare = self.near
        for pattern in (FENCE, DIRECTIVE, TAG):
            bare = pattern.sub(lambda match: " " * len(match[0]), bare)
        return bare

    @cached_property
    def _near_facts(self) -> Facts:
        return facts(self.near)

    @cached_property
    def _near_numbers(self) -> set[str]:
        return numbers(FENCE.sub("\n", DIRECTIVE.sub(" ", self.near)))

    @cached_property
    def _words(self) -> set[str]:
        return set(PART.findall(self.near))

    @cached_property
    def _squeezed(self) -> str:
        return squeezed(self.near)

    def has(self, kind: str, fact: str) -> bool:
        """Whether the fact stands here or in a neighbour, written in whatever way."""
        if kind == "number":
            near = self._near_numbers
            return fact in near or said_otherwise(fact, near) or in_words(fact, self.near)
        if kind == "link":
            return fact in self._near_facts.links or fact in self.near
        if fact in self._near_facts.code or self._words.issuperset(PART.findall(fact)):
            return True
        if SIGN.search(fact):
            whole = rf"(?<![A-Za-z0-9_]){re.escape(fact)}(?![A-Za-z0-9_])"
            return re.search(whole, self._squeezed) is not None
        return not is_word(fact) and "_" not in fact and fact in self._squeezed


def paired(one: Side, other: Side, ratio: float) -> list[Pair]:
    """Their sentences aligned; `ratio` is how long the other's text usually is for the one's."""
    sizes = np.array(one.sizes, np.float32), np.array(other.sizes, np.float32)
    return align(one.vectors, other.vectors, sizes, ratio, _shared(one.names, other.names))


def spans(pairs: Sequence[Pair]) -> dict[int, Pair]:
    """Sentence of the one side -> the pair that it is in."""
    return {at: pair for pair in pairs for at in range(*pair[0])}


def size(text: str) -> float:
    """Letters and digits of prose, in Latin letters."""
    plain = TAG.sub(" ", text)
    return sum(DENSE if char >= DENSE_FROM else 1.0 for char in plain if char.isalnum())


def text_between(side: Side, span: Span) -> float:
    """Size of the prose from the first to the last sentence of the span."""
    if span[1] <= span[0]:
        return 0.0
    last = span[1] - 1
    return size(side.prose[side.starts[span[0]] : side.starts[last] + len(side.sentences[last])])


def _is_prose(sentence: str) -> bool:
    letters = sum(char.isalpha() for char in DIRECTIVE.sub("", sentence))
    return letters >= FEW_LETTERS and not OPENS.match(sentence)


def _shared(one: Sequence[set[str]], other: Sequence[set[str]]) -> Floats:
    """(n, m) float32: Dice's coefficient of names, of those only that both sides have."""
    both = set().union(*one) & set().union(*other)
    left, right = [names & both for names in one], [names & both for names in other]
    found = np.zeros((len(left), len(right)), np.float32)
    for i, names in enumerate(left):
        for j, others in enumerate(right):
            if names and (common := len(names & others)):
                found[i, j] = 2 * common / (len(names) + len(others))
    return found
