"""Which language versions of a passage no longer say the same, and in what.

The versions of a passage are each other's witnesses: what one alone says, or one alone leaves out,
is drift, the surer the more others agree. Numbers, code and link targets are compared as sets and
looked for in the neighbouring passages too; sentences are aligned, and then compared in whether
they say no, and in whether they have a counterpart.
"""

from __future__ import annotations

import difflib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from polyseek.languages.facts import is_word, may_be_words
from polyseek.languages.meaning import STRANGE, strange
from polyseek.languages.missing import Gap, gaps
from polyseek.languages.negation import Denial, denials, measure
from polyseek.languages.sentence_pairs import Pair, align_all
from polyseek.languages.sides import Sentences, Side, Source, Version, read, spans, texts_of

__all__ = ["KINDS", "LEAST", "Drift", "Version", "find_drift"]

KINDS = {
    "number": 0.7,
    "link": 0.7,
    "code": 0.65,
    "meaning": 0.65,
    "missing": 0.4,
    "negation": 0.25,
}
"""Kind of drift -> how sure it is with one witness; set by hand, in the order of how often
each kind was a false alarm in benchmarks/drift.py. An order, no probability."""
FRAMED = 0.65
"""The same for what is missing, if the blocks around it show so (see `frames`)."""
LEAST = 0.6
"""Confidence from which on a finding is reported. So a missing sentence that its blocks do not
show needs three witnesses. A negation needs evidence from words and vectors (see `negation`); four
witnesses in a collection too small to learn from its vectors."""
AGAINST, AGREEING = 0.6, 2.4
"""What each further witness adds to the log-odds, and one that agrees with the odd version takes.
Versions are translated from each other, so witnesses are far from independent."""
BOTH = 0.6
"""Doubt that remains where a version both lacks something and has something else instead."""
ALIKE = 0.75
"""From which on a word in code is another one misspelt, rather than translated."""

READ, ALIGNED = 0.4, 0.7
"""Shares of the time after which all sentences are read, and aligned, about."""
TOLD = 20
"""Groups after which `watch` is told again."""

Usual = Mapping[tuple[Source, Source], float]
"""How long the second's texts usually are for the first's."""
Told = tuple[float, bool, str, int]
"""Confidence, whether the odd version has it (or lacks it), the fact, a witness."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The version `one` says something else than the others, of which `other` is one."""

    one: int
    other: int
    """Ids of passages."""
    kind: str
    """One of KINDS."""
    confidence: float
    """From 0 to 1; the report's order."""
    detail: str
    """For a person: what stands only here, and what is missing here. Of two versions nobody knows
    which is right, so what each has instead of the other's is told as "3 <-> 5"."""


def find_drift(
    versions: Sequence[Version],
    groups: Sequence[Sequence[int]],
    least: float = LEAST,
    watch: Callable[[float], None] = lambda share: None,
) -> list[Drift]:
    """What the linked passages differ in, surest first.

    `versions` are all passages of the documents in question, those of a document next to each
    other and in its order. A group is the ids of passages that are versions of each other, any
    number of documents and one or several passages of each; in no language do they have to be cut
    at the same places. Findings below `least` are left out. `watch` is told the share that is done,
    from 0 to 1.
    """
    known = read(versions)
    measure(known)
    every = _sides(known, groups)
    compared = [sides for sides in every if len(sides) > 1]
    usual = _ratios(compared)
    found: list[Drift] = []
    watch(READ)
    aligned = _aligned(compared, usual)
    watch(ALIGNED)
    found += _meaning(compared)
    for at, sides in enumerate(compared):
        found += _of_group(sides, aligned, usual)
        if at % TOLD == 0:
            watch(ALIGNED + (1 - ALIGNED) * at / len(compared))
    watch(1.0)
    found.sort(key=lambda drift: (-drift.confidence, drift.one, drift.kind, drift.detail))
    # Sentences at a border are compared in the groups on both sides of it.
    once: dict[tuple[int, int, str, str], Drift] = {}
    for drift in found:
        once.setdefault((drift.one, drift.other, drift.kind, drift.detail), drift)
    return [drift for drift in once.values() if drift.confidence >= least]


def _of_group(
    sides: Sequence[Side], aligned: Iterator[list[Pair]], usual: Usual
) -> Iterator[Drift]:
    """What the versions of one group differ in; `aligned` gives the pairs of each two next."""
    pairs: dict[tuple[int, int], Sequence[Pair]] = {}
    ratios: dict[tuple[int, int], float] = {}
    for a, b in combinations(range(len(sides)), 2):
        pairs[a, b] = next(aligned)
        pairs[b, a] = [(there, here) for here, there in pairs[a, b]]
        ratios[a, b] = usual[sides[a].source, sides[b].source]
        ratios[b, a] = 1 / ratios[a, b]
    by_sentence = {key: spans(value) for key, value in pairs.items()}
    for kind in ("number", "code", "link"):
        yield from _facts(sides, kind)
    for gap in gaps(sides, pairs, by_sentence, ratios):
        yield _missing(sides, gap)
    for denial in denials(sides, by_sentence):
        yield _negation(sides, denial)


def _meaning(compared: Sequence[Sequence[Side]]) -> Iterator[Drift]:
    for each in strange(compared):
        odd, other = compared[each.group][each.odd], compared[each.group][each.other]
        told = f"similarity {each.cosine:.2f}, usual {each.usual:.2f}"
        sure = 1 - (1 - KINDS["meaning"]) * STRANGE / each.deviations
        yield Drift(odd.id, other.id, "meaning", sure, told)


def confidence(alone: float, against: int, agreeing: float) -> float:
    """How sure a finding is that is `alone` with one witness, with so many against the odd version
    and with it."""
    odds = math.log(alone / (1 - alone))
    odds += AGAINST * (against - 1) - AGREEING * agreeing
    return 1 / (1 + math.exp(-odds))


def _sides(known: Sequence[Sentences], groups: Sequence[Sequence[int]]) -> Iterator[list[Side]]:
    """Each group's passages by source, each with its neighbours."""
    lines: dict[Source, list[Sentences]] = defaultdict(list)
    place: dict[int, tuple[Source, int]] = {}
    for each in known:
        line = lines[each.version.source]
        place[each.version.id] = each.version.source, len(line)
        line.append(each)
    order = {each.version.id: at for at, each in enumerate(known)}
    for group in groups:
        mine: dict[Source, list[int]] = defaultdict(list)
        for id in sorted(group, key=order.__getitem__):
            source, at = place[id]
            mine[source].append(at)
        yield [
            Side([lines[source][at] for at in own], lines[source][max(0, own[0] - 1) : own[-1] + 2])
            for source, own in mine.items()
        ]


def _aligned(compared: Sequence[Sequence[Side]], usual: Usual) -> Iterator[list[Pair]]:
    """Of each two sides of each group, in order."""
    couples = (each for sides in compared for each in combinations(sides, 2))
    texts = [texts_of(a, b, usual[a.source, b.source]) for a, b in couples]
    return iter(align_all(texts))


def _ratios(compared: Sequence[Sequence[Side]]) -> Usual:
    """How long a document's sentences are for another's: median over their groups. Two made-up
    groups of equal length keep a page of one passage from being its own measure."""
    seen: dict[tuple[Source, Source], list[float]] = defaultdict(lambda: [1.0, 1.0])
    for sides in compared:
        for one, other in combinations(sides, 2):
            seen[one.source, other.source].append(
                sum(other.sizes) / sum(one.sizes) if one.sizes and other.sizes else 1.0
            )
    return {sources: median(ratios) for sources, ratios in seen.items()}


def _facts(sides: Sequence[Side], kind: str) -> Iterator[Drift]:
    """Numbers, code or links that a version alone has, or alone lacks."""
    told: dict[int, list[Told]] = defaultdict(list)
    own = [side.facts.of(kind) for side in sides]
    for fact in sorted(set().union(*own)):
        has = [fact in facts for facts in own]
        if all(has):
            continue
        near = [here or side.has(kind, fact) for here, side in zip(has, sides, strict=True)]
        for odd in range(len(sides)):
            others = [at for at in range(len(sides)) if at != odd]
            if has[odd]:
                against = [at for at in others if not near[at]]
                agreeing = len(others) - len(against)
            else:
                against = [at for at in others if has[at] and not near[odd]]
                agreeing = sum(not near[at] for at in others)
                if kind == "number" and may_be_words(fact):
                    agreeing = len(others) - len(against)
            sure = has[odd] or len(sides) > 2  # of two, the one that has it is told
            if sure and len(against) > agreeing and _telling(kind, fact, has[odd], own, against):
                sureness = confidence(KINDS[kind], len(against), agreeing)
                told[odd].append((sureness, has[odd], fact, against[0]))
    if len(sides) == 2 and len(told) == 2:
        yield _both(sides, kind, told[0], told[1])
    else:
        for odd, items in told.items():
            yield _summed(sides, odd, kind, items)


def _both(sides: Sequence[Side], kind: str, mine: Sequence[Told], theirs: Sequence[Told]) -> Drift:
    """Of two versions, what either alone has, as one finding: each is the other's half."""
    here, there = ([fact for _, _, fact, _ in items] for items in (mine, theirs))
    sure = 1 - (1 - max(item[0] for item in (*mine, *theirs))) * BOTH
    ids = sides[0].owner(kind, here[0]), sides[1].owner(kind, there[0])
    return Drift(*ids, kind, sure, f"{', '.join(here)} <-> {', '.join(there)}")


def _telling(
    kind: str, fact: str, alone: bool, own: Sequence[frozenset[str]], against: Sequence[int]
) -> bool:
    """Words in code may have been translated, or left out; one that is nearly another has not."""
    if kind != "code" or not is_word(fact):
        return True
    if "+" in fact:
        return False  # keys: Ctrl+Espace
    known = {name for at in against for name in own[at]}
    return alone and bool(difflib.get_close_matches(fact, known, 1, ALIKE))


def _summed(sides: Sequence[Side], odd: int, kind: str, items: Sequence[Told]) -> Drift:
    """All that a version differs in of one kind, as one finding."""
    here = [fact for _, alone, fact, _ in items if alone]
    gone = [fact for _, alone, fact, _ in items if not alone]
    sure = max(item[0] for item in items)
    if here and gone:
        sure = 1 - (1 - sure) * BOTH
    told = [f"only here: {', '.join(here)}"] * bool(here)
    told += [f"missing here: {', '.join(gone)}"] * bool(gone)
    one = sides[odd].owner(kind, here[0]) if here else sides[odd].id
    witness = sides[items[0][3]]
    other = witness.owner(kind, gone[0]) if gone else witness.id
    return Drift(one, other, kind, sure, "; ".join(told))


def _missing(sides: Sequence[Side], gap: Gap) -> Drift:
    has, lacks = sides[gap.has], sides[gap.lacks]
    owner = has.owners[gap.sentence]
    told = " ".join(has.sentences[gap.sentence].split())
    sure = confidence(FRAMED if gap.framed else KINDS["missing"], gap.against, gap.agreeing)
    if gap.alone:
        return Drift(owner, lacks.id, "missing", sure, f"only here: {told}")
    return Drift(lacks.id, owner, "missing", sure, f"missing here: {told}")


def _negation(sides: Sequence[Side], denial: Denial) -> Drift:
    """Of two versions nobody knows which is right, so all is told from the first."""
    found = denial.turned() if len(sides) == 2 and denial.odd else denial
    odd, witness = sides[found.odd], sides[found.witness]
    said = " ".join(" ".join(odd.sentences[slice(*found.here)]).split())
    theirs = " ".join(" ".join(witness.sentences[slice(*found.there)]).split())
    told = "negated here only" if found.negated else "not negated here"
    sure = found.confidence
    if sure is None:
        sure = confidence(KINDS["negation"], found.against, found.agreeing)
    ids = odd.owners[found.here[0]], witness.owners[found.there[0]]
    return Drift(*ids, "negation", sure, f"{told}: {said} / {theirs}")
