"""One document's part of a group of linked passages, ready to be compared with another's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np

from polyseek.languages.blocks import blocks_of, whole
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
from polyseek.languages.placeholders import same_but_for_placeholders, shape
from polyseek.languages.sentence_pairs import Floats, Pair, Span, Texts, texts

NAME = re.compile(r"[A-Za-z0-9_]*[A-Za-z0-9]{2}[A-Za-z0-9_]*|[0-9]+")
PART = re.compile(r"[A-Za-z0-9_]+")
"""What code is made of; where all parts stand, somebody has said it in other words."""
OPENS = re.compile(r"\s*(?:///|:::|!!!|\?\?\?)|[^\n]*</?t[drh]\b")
UNLIKE = 0.5
"""What it takes from what two sentences share if only one of them begins a block."""
FEW_LETTERS = 4
"""A sentence with fewer is an include or a rule and not aligned."""
DENSE = 2.2
"""Latin letters that say what one letter of a dense script says."""
NO_ALNUM, NO_LETTER = re.compile(r"[\W_]+"), re.compile(r"[\W\d_]+")
SPARSE = re.compile(r"[\x00-\u2e7f]+")


BySentence = Mapping[tuple[int, int], Mapping[int, Pair]]
"""Two sides of a group -> what `spans` makes of their pairs."""
Source = tuple[str, str]
"""A document and a language."""


@dataclass(frozen=True, slots=True)
class Version:
    """One passage, as the search for drift sees it."""

    id: int
    document: str
    language: str
    text: str
    borders: tuple[Span, ...]
    """Of its sentences: each is text[start:end], in order."""
    vectors: Floats
    """(sentences, D) float32 unit rows, centred by language."""

    @property
    def source(self) -> Source:
        """Where the passages are that belong with it; a document may hold several languages."""
        return self.document, self.language


class Sentences:
    """The sentences of one passage that are prose, read once for all groups it is looked at in."""

    def __init__(self, version: Version, fence: str = "") -> None:
        """`fence`: the line that opens a block of code which the passage before left open."""
        self.version = version
        self.kept: list[str] = []
        self.starts: list[int] = []
        """Where each begins in `text`."""
        rows = []
        found = blocks_of(version.text, fence)
        self.block_count, self.fence = len(found.starts), found.fence
        self.text = whole(version.text, fence, found.fence)
        shift = len(fence) + 1 if fence else 0
        self.blocks: list[int] = []
        """The block of the passage that each stands in."""
        for place, (start, end) in enumerate(version.borders):
            sentence, block = version.text[start:end], found.at(start)
            if _is_prose(sentence) and not (found.code and found.code[block]):
                self.kept.append(sentence)
                self.blocks.append(block)
                self.starts.append(start + shift)
                rows.append(place)
        self.denies: Floats | None = None
        """How much each says no, (kept,) float32; see `negation.measure`."""
        self.vectors: Floats = version.vectors[rows]
        """(kept, D) float32 unit rows."""
        self.sizes = [size(sentence) for sentence in self.kept]
        self.polarity = [polarity(sentence, version.language) for sentence in self.kept]
        self.names = [set(NAME.findall(TAG.sub(" ", each).lower())) for each in self.kept]


def read(versions: Sequence[Version]) -> list[Sentences]:
    """The sentences of each; the passages of a document follow each other."""
    found: list[Sentences] = []
    for version in versions:
        same = bool(found) and found[-1].version.document == version.document
        found.append(Sentences(version, found[-1].fence if same else ""))
    return found


class Side:
    """The passages of one document in one language that belong to a group, and those before and
    behind them.

    Chunks are cut at different places in different languages, so what is missing here is looked
    for in the neighbours as well; what is reported stands in the passages themselves.
    """

    def __init__(self, core: Sequence[Sentences], around: Sequence[Sentences]) -> None:
        """`core` and `around`: passages of one source in its order, the one within the other."""
        self.source, self.language = core[0].version.source, core[0].version.language
        self.near = "\n\n".join(each.text for each in around)
        self.facts: Facts = facts("\n\n".join(each.text for each in core))
        self._core = core
        begins = [*accumulate((len(each.text) + 2 for each in around), initial=0)]
        own = {each.version.id for each in core}
        mine = [each.version.id in own for each in around]
        self.sentences = [sentence for each in around for sentence in each.kept]
        self.starts = [
            b + at for each, b in zip(around, begins, strict=False) for at in each.starts
        ]
        self.core = [within for each, within in zip(around, mine, strict=True) for _ in each.kept]
        self.owners = [each.version.id for each in around for _ in each.kept]
        first_blocks = [*accumulate((each.block_count for each in around), initial=0)]
        self.blocks = [
            first + block
            for each, first in zip(around, first_blocks, strict=False)
            for block in each.blocks
        ]
        self.begins = [a != b for a, b in pairwise([-1, *self.blocks])]
        """Whether a sentence is the first of its block."""
        self.sizes = [length for each in around for length in each.sizes]
        self.polarity = [says for each in around for says in each.polarity]
        self.names = [names for each in around for names in each.names]
        """Of each sentence what is written in ASCII and may stand in its translation."""
        self.vectors: Floats = np.concatenate([each.vectors for each in around])
        denies = [each.denies for each in around if each.denies is not None]
        self.denies = np.concatenate(denies) if len(denies) == len(around) else None

    @property
    def id(self) -> int:
        """The first passage's."""
        return self._core[0].version.id

    def owner(self, kind: str, fact: str) -> int:
        """The passage of the group that has the fact; the first if none has it by itself."""
        has = (each.version.id for each in self._core if fact in facts(each.text).of(kind))
        return next(has, self.id)

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
            if fact in near or said_otherwise(fact, near) or in_words(fact, self.near):
                return True
            return re.search(rf"\bv{re.escape(fact)}(?![0-9])", self.near, re.I) is not None
        if kind == "link":
            whole = rf"(?<![\w-]){re.escape(fact)}(?![\w-]|[./?=]\w)"
            return fact in self._near_facts.links or re.search(whole, self.near) is not None
        ways = self._near_facts.shapes.get(shape(fact), frozenset())
        if any(same_but_for_placeholders(fact, way) for way in ways):
            return True
        if fact in self._near_facts.code or self._words.issuperset(PART.findall(fact)):
            return True
        if SIGN.search(fact):
            whole = rf"(?<![A-Za-z0-9_]){re.escape(fact)}(?![A-Za-z0-9_])"
            return re.search(whole, self._squeezed) is not None
        return not is_word(fact) and "_" not in fact and fact in self._squeezed


def texts_of(one: Side, other: Side, ratio: float) -> Texts:
    """Their sentences, to be aligned; `ratio` is how long the other's text usually is for the
    one's."""
    sizes = np.array(one.sizes, np.float32), np.array(other.sizes, np.float32)
    begins = np.array(one.begins, bool)[:, None] != np.array(other.begins, bool)
    alike = _shared(one.names, other.names) - np.float32(UNLIKE) * begins
    return texts(one.vectors, other.vectors, sizes, ratio, alike)


def spans(pairs: Sequence[Pair]) -> dict[int, Pair]:
    """Sentence of the one side -> the pair that it is in."""
    return {at: pair for pair in pairs for at in range(*pair[0])}


def size(text: str) -> float:
    """Letters and digits of prose, in Latin letters."""
    return weight(NO_ALNUM.sub("", TAG.sub(" ", text)))


def weight(letters: str) -> float:
    """How many Latin letters say as much."""
    if letters.isascii():
        return len(letters)
    return len(letters) + (DENSE - 1) * len(SPARSE.sub("", letters))


def text_between(side: Side, span: Span) -> float:
    """Size of the prose from the first to the last sentence of the span."""
    if span[1] <= span[0]:
        return 0.0
    last = span[1] - 1
    return size(side.prose[side.starts[span[0]] : side.starts[last] + len(side.sentences[last])])


def _is_prose(sentence: str) -> bool:
    """Whether it has letters besides tags and includes; so none that is has no size."""
    letters = NO_LETTER.sub("", DIRECTIVE.sub("", TAG.sub(" ", sentence)))
    return weight(letters) >= FEW_LETTERS and not OPENS.match(sentence)


def _shared(one: Sequence[set[str]], other: Sequence[set[str]]) -> Floats:
    """(n, m) float32: Dice's coefficient of names, of those only that both sides have."""
    both = set().union(*one) & set().union(*other)
    left, right = [names & both for names in one], [names & both for names in other]
    having: dict[str, list[int]] = {name: [] for name in both}
    for j, names in enumerate(right):
        for name in names:
            having[name].append(j)
    common = [[0] * len(right) for _ in left]
    for row, names in zip(common, left, strict=True):
        for name in names:
            for j in having[name]:
                row[j] += 1
    sizes = np.array([len(names) for names in left]), np.array([len(names) for names in right])
    every = np.maximum(sizes[0][:, None] + sizes[1], 1)  # (n, m)
    found: Floats = (2 * np.array(common).reshape(every.shape) / every).astype(np.float32)
    return found
