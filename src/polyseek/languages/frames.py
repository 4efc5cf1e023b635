"""Whether the blocks around a sentence show that a translation lacks it.

An alignment leaves a sentence over as well when its translation was joined to a neighbour's, and in
a pair of texts no other witness tells which it is. Three things do: translators keep blocks, so one
fewer is one left out; a neighbour that was joined with it is too long for its own original; and
what was joined is nearer to both sentences than to the neighbour alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from polyseek.languages.sentence_pairs import Floats, Pair, Span, unpaired
from polyseek.languages.sides import Side, size

HEADING = re.compile(r"^[ \t]*#{1,6}[ \t].*$", re.M)
SHORTEST = 22.0
"""Size of the shortest sentence that can be missed; below, languages differ in what is one."""
INNER = 30.0
"""The same within a paragraph, when nobody else is asked."""
LEFT = 0.4
"""Share of the sentence that may stand between the neighbours' counterparts all the same."""
SHARE, NEAR = 0.2, 0.6
"""A block can tell that a sentence is missing if that is this share of it at least, and it is
shorter by the sentence, give or take this much of it."""
JOINED_COSINE = -0.02
"""What joining the sentence to its neighbour may add to the cosine with the neighbour's
counterpart, at most."""
JOINED_LENGTH, JOINED_LENGTH_INNER = 0.0, 0.1
"""How much worse the lengths have to fit if joined (natural logarithm): for a whole block, and
within one, where to join is more usual."""
PAD = 5.0
"""Added to sizes, since short texts differ more."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A text, and one that lacks some of it, as far as aligned."""

    has: Side
    lacks: Side
    forth: Mapping[int, Pair]
    back: Mapping[int, Pair]
    """Sentence of `has` -> the pair that it is in, and of `lacks`."""
    ratio: float
    """How long `lacks` usually is for `has`."""

    def framed(self, sentence: int) -> bool:
        """Whether the sentence of `has`, which has no counterpart, is missing for sure."""
        if self.left_over(sentence):
            return False
        whole = self._block_gone(sentence)
        if not whole and not self._shorter(sentence):
            return False
        return not self._joined(sentence, JOINED_LENGTH if whole else JOINED_LENGTH_INNER)

    def left_over(self, sentence: int) -> bool:
        """Whether text that is no sentence stands where the sentence should."""
        found = _left(self.lacks, self.forth[sentence][1][0])
        return found > LEFT * self.ratio * self.has.sizes[sentence]

    def nearer(self, sentence: int) -> bool:
        """Whether a neighbour's counterpart is nearer to both than to the neighbour alone."""
        pairs = (self.forth[at] for at in self._neighbours(sentence) if at is not None)
        return any(self._gain(sentence, pair) >= JOINED_COSINE for pair in pairs)

    def _gain(self, sentence: int, pair: Pair) -> float:
        """What joining the sentence adds to the cosine of a pair of its neighbour's."""
        alone, there = _sum(self.has.vectors, pair[0]), _sum(self.lacks.vectors, pair[1])
        return _cosine(alone + self.has.vectors[sentence], there) - _cosine(alone, there)

    def _mates(self, sentence: int) -> list[int]:
        block = self.has.blocks[sentence]
        return [at for at, other in enumerate(self.has.blocks) if other == block]

    def _gone(self, sentence: int) -> bool:
        return unpaired(self.forth[sentence])

    def _block_gone(self, sentence: int) -> bool:
        """Whether nothing of its block has a counterpart, and between the counterparts of what is
        before and behind so many blocks are fewer as have none."""
        if not all(self._gone(at) for at in self._mates(sentence)):
            return False
        before, behind = self._neighbours(sentence, whole=True)
        if before is None or behind is None:
            return False
        blocks = self.has.blocks
        lost = {block for block in blocks if blocks[before] < block < blocks[behind]}
        start = self.lacks.blocks[self.forth[before][1][1] - 1]
        end = self.lacks.blocks[self.forth[behind][1][0]]
        return end - start == blocks[behind] - blocks[before] - len(lost)

    def _shorter(self, sentence: int) -> bool:
        """Whether the rest of its block has one block for counterpart, sentence by sentence,
        which is shorter by what is missing."""
        mates = self._mates(sentence)
        theirs = {self.lacks.blocks[k] for at in mates for k in range(*self.forth[at][1])}
        if len(theirs) != 1 or self.has.sizes[sentence] < INNER:
            return False
        there = [k for k, block in enumerate(self.lacks.blocks) if block in theirs]
        strangers = {at for k in there for at in range(*self.back[k][1])} - set(mates)
        gone = [at for at in mates if self._gone(at)]
        if strangers or len(there) != len(mates) - len(gone):
            return False
        lost = sum(self.has.sizes[at] for at in gone)
        whole = sum(self.has.sizes[at] for at in mates)
        short = whole - sum(self.lacks.sizes[k] for k in there) / self.ratio
        return lost >= SHARE * whole and abs(short / lost - 1) < NEAR

    def _neighbours(self, sentence: int, *, whole: bool = False) -> tuple[int | None, int | None]:
        """The nearest sentences before and behind that have counterparts; of other blocks, if
        `whole`."""
        blocks, own = self.has.blocks, self.has.blocks[sentence]
        known = [
            at
            for at in range(len(blocks))
            if not self._gone(at) and not (whole and blocks[at] == own)
        ]
        before = max((at for at in known if at < sentence), default=None)
        return before, min((at for at in known if at > sentence), default=None)

    def _joined(self, sentence: int, least: float) -> bool:
        """Whether a neighbour's counterpart is long enough, or near enough, to say it as well."""
        if self.nearer(sentence):
            return True
        for neighbour in self._neighbours(sentence):
            if neighbour is None:
                continue
            mine, theirs = self.forth[neighbour]
            length = sum(self.lacks.sizes[slice(*theirs)]) / self.ratio + PAD
            own = sum(self.has.sizes[slice(*mine)]) + PAD
            worse = abs(math.log(length / (own + self.has.sizes[sentence])))
            if worse - abs(math.log(length / own)) <= least:
                return True
        return False


def _left(side: Side, before: int) -> float:
    """Size of the prose between the sentences `before - 1` and `before` that is neither a
    sentence nor a heading."""
    start = side.starts[before - 1] + len(side.sentences[before - 1]) if before else 0
    end = side.starts[before] if before < len(side.starts) else len(side.near)
    return size(HEADING.sub("", side.prose[start:end]))


def _sum(rows: Floats, span: Span) -> Floats:
    total: Floats = rows[slice(*span)].sum(axis=0)
    return total


def _cosine(one: Floats, other: Floats) -> float:
    norms = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(one @ other) / max(norms, 1e-9)
