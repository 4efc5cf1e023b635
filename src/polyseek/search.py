"""A question to the passages that answer it, whatever their language.

gather    candidates
scored    each candidate's parts, which add up to its score
grouped   versions of one passage in several languages together
arrange   by the policy
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from polyseek.candidates import Candidates, Question, gather
from polyseek.engine.embeds import Embeds
from polyseek.engine.pool import Floats
from polyseek.errors import BadInput, TooLong
from polyseek.policy import Policy
from polyseek.scoring import Scored, scored
from polyseek.store.rows import Row
from polyseek.store.view import View
from polyseek.types import Hit

NEIGHBOURS = 2
"""Passages of one section that are at most so many apart are shown once, by the best of them."""

Group = list[Scored]
"""The versions of one passage; the first stands for them all, and has their score."""


def check_question(question: str, k: int) -> None:
    """Refuse what cannot be searched for.

    Raises:
        BadInput: the question is empty, or `k` less than 1.
    """
    if not question.strip():
        raise BadInput("the question is empty; ask something")
    if k < 1:
        raise BadInput(f"k is {k}; ask for at least 1 hit")


def question_vector(embedder: Embeds, question: str, instruction: str) -> Floats:
    """The model's vector (D,) of a question.

    Raises:
        TooLong: it has more tokens than the model takes.
    """
    try:
        vector: Floats = embedder.embed([question], "query", instruction=instruction)[0]
    except TooLong as error:
        if error.which != "text 0":  # but the instruction
            raise
        raise TooLong("the question", error.has, "ask something shorter") from error
    return vector


def search(
    view: View,
    question: Question,
    k: int,
    policy: Policy,
    *,
    every_passage: bool = False,
    grouped: bool = True,
) -> list[Hit]:
    """The `k` best passages of the view, best first, each with its versions.

    Of neighbours in one section only the best is shown, unless `every_passage` is wanted. Not
    `grouped`: every passage by itself, and versions do not count.
    """
    found = ranked(view, question, k, policy, grouped=grouped)
    groups = arranged(found, question, policy) if policy.kind != "balanced" else found
    apart = iter(groups) if every_passage else _apart(view, groups)
    # Languages take turns among what is shown: one whose pick was left out would have lost its.
    chosen = _balanced(list(apart), question.language) if policy.kind == "balanced" else apart
    shown = [_with_rows(view, group) for group in islice(chosen, k)]
    marked = _best_sentences(view, question, [row for rows in shown for _, row in rows])
    return [_hit(rows, marked) for rows in shown]


def ranked(
    view: View, question: Question, k: int, policy: Policy, *, grouped: bool = True
) -> list[Group]:
    """Every candidate for `k` hits in its group, best group first, best version first."""
    if not len(view.ids):
        return []
    found = gather(view, question, k, policy, grouped=grouped)
    together = scored(view, question, found, policy)
    by_id = {each.id: each for each in together}
    groups: list[Group] = []
    taken: set[int] = set()
    for first in together:
        if first.id not in taken:
            versions = [by_id[id] for id in _versions(first.id, found, taken)]
            groups.append([first, *sorted(versions, key=lambda each: (-each.score, each.id))])
            taken.update(each.id for each in groups[-1])
    return groups


def _versions(first: int, found: Candidates, taken: Collection[int]) -> list[int]:
    """The versions of a passage that are not taken: those linked with it, and, for languages that
    are not among these, those linked with them. No further: where borders differ from language to
    language, chains of links would lead through the whole page."""
    versions = [id for id in found.links.get(first, ()) if id not in taken]
    spoken = {found.languages[id] for id in (first, *versions)}
    for near in list(versions):
        for id in found.links.get(near, ()):
            if found.languages[id] not in spoken and id not in taken and id not in versions:
                versions.append(id)
    return versions


def arranged(groups: Sequence[Group], question: Question, policy: Policy) -> list[Group]:
    """The groups, each with the version in front that stands for it: in the language that the
    policy or else the question names, or else the best."""
    order = [*(policy.languages if policy.kind == "prefer" else ()), question.language]
    if policy.kind == "only":
        groups = [[each for each in group if each.language in policy.languages] for group in groups]
    return [_led_by(group, order) for group in groups if group]


def _led_by(group: Group, languages: Sequence[str]) -> Group:
    """The group, led by its version in the first of these languages that it has."""
    for language in languages:
        for each in group:
            if each.language == language:
                return _with_score([each, *(one for one in group if one is not each)], group[0])
    return _with_score(list(group), group[0])


def _with_score(group: Group, best: Scored) -> Group:
    """The group, whose first gets the score of the best: it stands for all of them."""
    first = group[0]
    gain = best.score - first.score
    return [first.plus("versions", gain) if gain else first, *group[1:]]


def _balanced(groups: Sequence[Group], spoken: str) -> list[Group]:
    """Groups so that each language leads as many: languages take turns, in the order of their best
    groups, of equal ones that of the question first, and each takes the best group left that it
    has a version in."""
    left = list(groups)
    order = dict.fromkeys(
        language
        for group in groups
        for language in sorted(
            {each.language for each in group}, key=lambda each: (each != spoken, each)
        )
    )
    out: list[Group] = []
    while left:
        for language in order:
            for at, group in enumerate(left):
                if any(each.language == language for each in group):
                    out.append(_led_by(left.pop(at), [language]))
                    break
    return out


def _apart(view: View, groups: Iterable[Group]) -> Iterator[Group]:
    """The groups, without those that are led by a neighbour, in its section, of what came before.

    A section of a few passages would fill the first hits with itself, and the same section in
    another language would not be among them. Ids of a document's passages follow each other.
    """
    before: list[Row] = []
    for group in groups:
        first, *rest = view.rows([each.id for each in group])
        near = first.chunk.headings and any(
            abs(other.id - first.id) <= NEIGHBOURS
            and (other.path, other.chunk.headings) == (first.path, first.chunk.headings)
            for other in before
        )
        if not near:
            before += [first, *rest]
            yield group


def _with_rows(view: View, group: Group) -> list[tuple[Scored, Row]]:
    return list(zip(group, view.rows([each.id for each in group]), strict=True))


def _best_sentences(
    view: View, question: Question, rows: Sequence[Row]
) -> Mapping[int, tuple[int, int]]:
    """Passage -> start and end, within it, of its sentence that is nearest to the question."""
    said = view.sentences([row.id for row in rows])
    best: dict[int, tuple[int, int]] = {}
    scores = said.vectors @ question.vector if len(said.owners) else np.empty(0)  # (s,)
    # The best of each comes last; of equal ones the first.
    for at in np.lexsort((-np.arange(len(scores)), scores)).tolist():
        start, end = said.borders[at].tolist()
        best[int(said.owners[at])] = start, end
    return best


def _hit(rows: Sequence[tuple[Scored, Row]], marked: Mapping[int, tuple[int, int]]) -> Hit:
    """The first of a group, with the others as its versions."""
    first, *versions = [_passage(scored, row, marked.get(row.id)) for scored, row in rows]
    return replace(first, versions=tuple(versions))


def _passage(scored: Scored, row: Row, sentence: tuple[int, int] | None) -> Hit:
    start = row.chunk.start
    return Hit(
        path=row.path,
        title=row.title,
        text=row.chunk.text,
        score=scored.score,
        language=row.chunk.language,
        line_start=row.chunk.line_start,
        line_end=row.chunk.line_end,
        start=start,
        end=row.chunk.end,
        headings=row.chunk.headings,
        context=row.chunk.context,
        sentence=None if sentence is None else (start + sentence[0], start + sentence[1]),
        parts=scored.parts,
    )
