"""Sentences that say no where their counterparts do not, or the other way round.

Words that negate are known for the larger languages, but languages say no in different words
("rare", "not often"). The sentence vectors know better: whether a sentence is negated is a
direction in them, which is learnt from the collection's own sentences, those whose words are
clear, and is the same in all languages, since the vectors are centred. On FastAPI's documentation
it tells negated sentences of pages that it was not learnt from with an AUC of 0.99. A finding
needs both: the words, and the direction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from polyseek.languages.sentence_pairs import Floats, Pair, unpaired
from polyseek.languages.sides import BySentence, Sentences, Side

EXAMPLES = 200
"""Negated sentences, and others, that a direction is learnt from, at least."""
RIDGE = 3.0
SAYS_NO, MAY, SAYS_YES = 2, 1, 0
"""What `facts.polarity` gives."""
DIRECTED = 0.43
"""What a difference of 1 along the direction counts, beside a share of 1 of all witnesses."""
MOST = 1.5
"""Larger differences count as this one."""
CONTRARY = 3.0
"""A witness that agrees with the odd version takes this times what one against it adds."""
ENOUGH = 1.21
"""Evidence from which on a finding is reported."""
DOUBT = 0.4
"""Of a finding of just as much, with one witness."""
UNSURE = 0.4
"""Confidence in one of less."""
MAYBE = 9
"""A vote that may be either."""
HALF = 0.25
"""What a witness counts as agreeing whose words say something like no ("only", "without")."""


@dataclass(frozen=True, slots=True)
class Denial:
    """A sentence that says no and others do not, or the other way round."""

    odd: int
    witness: int
    """Indices of sides."""
    here: tuple[int, int]
    there: tuple[int, int]
    """The sentences of either, [start, end)."""
    negated: bool
    """Whether the odd one says no."""
    against: int
    agreeing: float
    """Witnesses by their words."""
    evidence: float | None
    """By words and direction; None where no direction is known."""

    @property
    def confidence(self) -> float | None:
        """How sure it is by its evidence; None without any."""
        if self.evidence is None:
            return None
        if self.evidence < ENOUGH:
            return UNSURE
        return 1 - DOUBT * math.exp(-3 * (self.evidence - ENOUGH) - 0.2 * (self.against - 1))

    def turned(self) -> Denial:
        """The same as told from the other side."""
        return replace(
            self,
            odd=self.witness,
            witness=self.odd,
            here=self.there,
            there=self.here,
            negated=not self.negated,
        )


def measure(known: Sequence[Sentences]) -> None:
    """Give each passage's sentences how much they say no, (kept,) float32: about 1 for negated
    ones and -1 for others. None stays if the collection has too few sentences to learn it."""
    rows = [each.vectors for each in known]
    says = np.array([x for each in known for x in _clear(each)], np.int64)
    no, yes = (says == SAYS_NO).sum(), (says == SAYS_YES).sum()
    if min(no, yes) < EXAMPLES:
        return
    vectors = np.concatenate(rows)
    clear = np.flatnonzero(says != MAY)
    chosen = np.column_stack([vectors[clear], np.ones(len(clear), np.float32)])
    denies = says[clear] == SAYS_NO
    weights = np.where(denies, 0.5 / denies.mean(), 0.5 / (~denies).mean()).astype(np.float32)
    square = chosen.T @ (chosen * weights[:, None])
    square += np.float32(RIDGE) * np.eye(len(square), dtype=np.float32)
    target = chosen.T @ (weights * np.where(denies, 1, -1).astype(np.float32))
    direction = np.linalg.solve(square.astype(np.float64), target.astype(np.float64))
    for each in known:
        each.denies = (each.vectors @ direction[:-1] + direction[-1]).astype(np.float32)


def _clear(each: Sentences) -> list[int]:
    return [MAY if says is None else says for says in each.polarity]


def denials(sides: Sequence[Side], by_sentence: BySentence) -> list[Denial]:
    """What one side says no to and most others do not, or the other way round. Where nobody else
    has a counterpart two sides contradict each other, and it is told once: by the one that has
    more witnesses, or else the first."""
    told: dict[frozenset[tuple[int, tuple[int, int]]], Denial] = {}
    for found in _denials(sides, by_sentence):
        both = frozenset(((found.odd, found.here), (found.witness, found.there)))
        if both not in told or found.against > told[both].against:
            told[both] = found
    return list(told.values())


def _denials(sides: Sequence[Side], by_sentence: BySentence) -> Iterator[Denial]:
    for odd, side in enumerate(sides):
        done: set[int] = set()
        for at in range(len(side.sentences)):
            if not side.core[at] or at in done or side.polarity[at] is None:
                continue
            seen = {w: by_sentence[odd, w][at] for w in range(len(sides)) if w != odd}
            votes = {
                w: vote
                for w, pair in seen.items()
                if (vote := _vote(side, sides[w], pair)) is not None
            }
            for w, vote in votes.items():
                yes, key, span = (w, (w, odd), 1) if vote == 1 else (odd, (odd, w), 0)
                if vote in (1, -1) and _beside(sides[yes], by_sentence[key], seen[w][span]):
                    votes[w] = MAYBE
            for found in _opposed(sides, odd, seen, votes):
                done.update(range(*found.here))
                yield found


def _beside(side: Side, by_sentence: Mapping[int, Pair], span: tuple[int, int]) -> bool:
    """Whether a sentence next to the span says no and has no counterpart: it may be the rest of
    what the other side says in one."""
    places = [at for at in (span[0] - 1, span[1]) if 0 <= at < len(side.sentences)]
    alone = [at for at in places if unpaired(by_sentence[at])]
    return any(side.polarity[at] == SAYS_NO for at in alone)


def _opposed(
    sides: Sequence[Side], odd: int, seen: Mapping[int, Pair], votes: Mapping[int, int]
) -> Iterator[Denial]:
    for sign in (1, -1):
        against = [w for w, vote in votes.items() if vote == sign]
        unsure = sum(vote == MAYBE for vote in votes.values())
        agreeing = len(votes) - len(against) - unsure * (1 - HALF)
        if len(against) > agreeing:
            differ = [_difference(sides[odd], sides[w], seen[w]) for w in votes]
            known = [each * sign for each in differ if each is not None]
            evidence = None
            if known:
                opposed = len(votes) - len(against) - unsure
                share = (len(against) - CONTRARY * opposed) / len(votes)
                evidence = share + DIRECTED * min(median(known), MOST)
            here, there = seen[against[0]]
            yield Denial(odd, against[0], here, there, sign > 0, len(against), agreeing, evidence)


def _vote(one: Side, other: Side, pair: Pair) -> int | None:
    """1 if only the one says no, -1 if only the other does, 0 if they agree, MAYBE if they may;
    None if the sentence has no counterpart there, or a language has no table of negations."""
    (start, end), (first, last) = pair
    if unpaired(pair):
        return None
    mine, theirs = one.polarity[start:end], other.polarity[first:last]
    if None in mine or None in theirs:
        return None
    here, there = max(p or 0 for p in mine), max(p or 0 for p in theirs)
    if MAY in (here, there):
        return MAYBE
    return (here - there) // 2


def _difference(one: Side, other: Side, pair: Pair) -> float | None:
    """How much more the one says no; None if that has not been measured."""
    if one.denies is None or other.denies is None:
        return None
    return _most(one.denies, pair[0]) - _most(other.denies, pair[1])


def _most(denies: Floats, span: tuple[int, int]) -> float:
    return float(denies[slice(*span)].max())
