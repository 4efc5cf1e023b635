"""Sentences that one version lacks, or that it alone has.

A sentence without counterpart in an alignment may as well have been merged with its neighbour, or
stand in the text without being cut as a sentence. So the text around it is measured too: it has to
be shorter than usual by about the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from polyseek.languages.frames import SHORTEST, Frame
from polyseek.languages.sentence_pairs import Pair, unpaired
from polyseek.languages.sides import BySentence, Side, text_between

SHORTER = 0.6
"""Share of the sentence by which the text around has to be shorter."""
COARSE = 2.0
"""Times as long as usual are sentences in a text that nothing parts, as in Thai: whether one is
missing there cannot be told."""
AROUND = 3
"""Pairs looked at on either side, at most, for one with a counterpart."""

Pairs = Mapping[tuple[int, int], Sequence[Pair]]
Ratios = Mapping[tuple[int, int], float]


@dataclass(frozen=True, slots=True)
class Gap:
    """A sentence of side `has` (index `sentence`) that side `lacks` has not, or alone has."""

    lacks: int
    has: int
    sentence: int
    alone: bool
    """Whether `has` is the odd one out."""
    against: int
    agreeing: int
    """Witnesses against the odd version, and with it."""
    framed: bool
    """Whether the blocks around are all there, and one is missing or shorter."""


def gaps(
    sides: Sequence[Side], pairs: Pairs, by_sentence: BySentence, ratios: Ratios
) -> Iterator[Gap]:
    """All of them; all but `sides` by ordered indices of these."""
    for odd in range(len(sides)):
        yield from _lacking(odd, sides, pairs, ratios, by_sentence)
        if len(sides) > 2:
            yield from _alone(odd, sides, pairs, ratios, by_sentence)


def _lacking(
    odd: int,
    sides: Sequence[Side],
    pairs: Pairs,
    ratios: Ratios,
    by_sentence: BySentence,
) -> Iterator[Gap]:
    seen: set[tuple[int, int]] = set()
    others = [at for at in range(len(sides)) if at != odd]
    for first in others:
        if _coarse(sides, ratios, (first, odd)):
            continue
        for at in _left_over(sides[first], by_sentence[first, odd]):
            if (first, at) in seen:
                continue
            places = [(first, at)]
            agreeing = 0
            for second in others:
                if second == first:
                    continue
                start, end = by_sentence[first, second][at][1]
                there = [k for k in range(start, end) if unpaired(by_sentence[second, odd][k])]
                seen.update((second, k) for k in range(start, end))
                agreeing += not there
                places += [(second, k) for k in there[:1]]
            holes = [_hole(sides, pairs, by_sentence, ratios, (w, odd)) for w, _ in places]
            absent = [
                0.0 if hole.left_over(k) else _absent(sides, pairs, ratios, (w, odd), k)
                for hole, (w, k) in zip(holes, places, strict=True)
            ]
            seen_by = sum(hole.framed(k) for hole, (_, k) in zip(holes, places, strict=True))
            framed = seen_by * 2 > len(places)
            nearer = sum(hole.nearer(k) for hole, (_, k) in zip(holes, places, strict=True))
            short = sides[first].sizes[at] < SHORTEST or nearer * 2 > len(places)
            if len(places) > agreeing and (framed or (not short and median(absent) > SHORTER)):
                yield Gap(odd, first, at, False, len(places), agreeing, framed)


def _alone(
    odd: int,
    sides: Sequence[Side],
    pairs: Pairs,
    ratios: Ratios,
    by_sentence: BySentence,
) -> Iterator[Gap]:
    others = [at for at in range(len(sides)) if at != odd]
    for at in range(len(sides[odd].sentences)):
        if not sides[odd].core[at] or sides[odd].sizes[at] < SHORTEST:
            continue
        without = [
            w
            for w in others
            if unpaired(by_sentence[odd, w][at]) and not _coarse(sides, ratios, (odd, w))
        ]
        agreeing = len(others) - len(without)
        if len(without) > agreeing:
            holes = [_hole(sides, pairs, by_sentence, ratios, (odd, w)) for w in without]
            absent = [
                0.0 if hole.left_over(at) else _absent(sides, pairs, ratios, (odd, w), at)
                for hole, w in zip(holes, without, strict=True)
            ]
            if median(absent) > SHORTER:
                yield Gap(without[0], odd, at, True, len(without), agreeing, False)


def _coarse(sides: Sequence[Side], ratios: Ratios, key: tuple[int, int]) -> bool:
    """Whether the second side's sentences are much longer than the first's, lengths as usual."""
    has, lacks = (sides[at].sizes for at in key)
    usual = sum(has) / max(1, len(has)) * ratios[key]
    return sum(lacks) / max(1, len(lacks)) > COARSE * usual


def _left_over(side: Side, by_sentence: Mapping[int, Pair]) -> list[int]:
    return [at for at, pair in by_sentence.items() if side.core[at] and unpaired(pair)]


def _hole(
    sides: Sequence[Side],
    pairs: Pairs,
    by_sentence: BySentence,
    ratios: Ratios,
    key: tuple[int, int],
) -> Frame:
    has, lacks = key
    return Frame(sides[has], sides[lacks], by_sentence[key], by_sentence[lacks, has], ratios[key])


def _absent(
    sides: Sequence[Side], pairs: Pairs, ratios: Ratios, key: tuple[int, int], sentence: int
) -> float:
    """How much of the sentence the other side's text is short of: about 1 if it is not there."""
    has, lacks = sides[key[0]], sides[key[1]]
    aligned, ratio = pairs[key], ratios[key]
    at = next(k for k, (mine, _) in enumerate(aligned) if mine[0] <= sentence < mine[1])
    before, behind = at - 1, at + 1
    while before >= 0 and unpaired(aligned[before]) and at - before < AROUND:
        before -= 1
    while behind < len(aligned) and unpaired(aligned[behind]) and behind - at < AROUND:
        behind += 1
    some = aligned[max(before, 0) : behind + 1]
    mine = (some[0][0][0], some[-1][0][1])
    theirs = (some[0][1][0], some[-1][1][1])
    gone = sum(has.sizes[k] for own, other in some if unpaired((own, other)) for k in range(*own))
    return (text_between(has, mine) - text_between(lacks, theirs) / ratio) / max(gone, 1.0)
