"""What candidates are worth: every part against its formula, on candidates that are made up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek import candidates as shortlist
from polyseek.candidates import WORDS, Candidates, Question, gather
from polyseek.policy import Policy, parse_policy
from polyseek.scoring import (
    BEST_VERSION,
    NAMES,
    PREFERRED,
    QUESTION_DOCUMENT,
    QUESTION_SENTENCE,
    TITLE_DOCUMENT,
    TITLE_SENTENCE,
    Scored,
    scored,
)
from polyseek.store.arrays import Vectors
from polyseek.store.catalog import Catalog
from polyseek.store.collection import Collection, Recipe, View
from polyseek.store.links import StoredLink
from polyseek.store.members import Sums
from polyseek.store.moments import TRUST
from polyseek.types import Chunk, Document

DIMENSIONS, EACH = 16, 10
LANGUAGES = ("en", "ja", "ru")
ANY = Policy()
IDS = range(1, len(LANGUAGES) * EACH + 1)
"""English 1 to 10, Japanese 11 to 20, Russian 21 to 30."""
SAID = [id for id in IDS if id % 3]
"""Those that have sentences, two each."""


def unit(count: int, seed: int) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSIONS))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def language_of(id: int) -> str:
    return LANGUAGES[(id - 1) // EACH]


def put(catalog: Catalog, language: str, at: int) -> None:
    """Ten passages; Japanese ones lie closer together, and nearer to the question."""
    ids = range(at * EACH + 1, (at + 1) * EACH + 1)
    rows = unit(EACH, seed=at)
    if language == "ja":
        rows += 2 * QUESTION.vector
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    said = {id: ((10 * id, 10 * id + 4), (10 * id + 5, 10 * id + 9)) for id in ids if id in SAID}
    chunks = [
        Chunk(10 * id, 10 * id + 9, f"w{id:03} v{id:03}", 1, 1, language=language) for id in ids
    ]
    chunks = [replace(each, sentences=said.get(each.start // 10, ())) for each in chunks]
    sentences = [unit(len(each.sentences), seed=each.start) for each in chunks]
    catalog.put(Document(f"{language}.md", ""), 1, chunks, rows, "", sentences)


def as_it_is(sums: Sums) -> Recipe:
    return Recipe(lambda vectors, languages: vectors, str.split, "as it is")


QUESTION = Question("w001 of what", "en", unit(1, seed=99)[0])


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    folder = tmp_path_factory.mktemp("scoring")
    with Collection.open(folder, write=True) as collection:
        for at, language in enumerate(LANGUAGES):
            put(collection.catalog, language, at)
        # One topic in three languages, and one in two.
        linked = [(3, 11), (3, 21), (11, 21), (6, 12)]
        collection.catalog.link([StoredLink(*pair, 0.5, 1.0, ("mutual",)) for pair in linked], [])
        with collection.view(as_it_is) as opened:
            yield opened


def candidates(
    view: View,
    *,
    words: Mapping[int, float] | None = None,
    names: Mapping[int, float] | None = None,
    groups: Sequence[Sequence[int]] = (),
    ids: Sequence[int] = IDS,
) -> Candidates:
    """These passages with their true cosines; those of a group are each other's versions."""
    links: dict[int, list[int]] = {id: [] for id in ids}
    for one, other in (pair for group in groups for pair in combinations(group, 2)):
        if language_of(one) != language_of(other):
            links[one].append(other)
            links[other].append(one)
    meaning = dict(zip(ids, (view.prepared(np.array(ids)) @ QUESTION.vector).tolist(), strict=True))
    languages = {id: language_of(id) for id in ids}
    return Candidates(languages, meaning, dict(words or {}), dict(names or {}), links)


def scores_of(each: Sequence[Scored], without: str = "") -> dict[int, float]:
    return {
        one.id: sum(part for name, part in one.parts.items() if name != without) for one in each
    }


def mixed(view: View, weight: float) -> dict[int, float]:
    """Passages with their best sentence, from the vectors themselves."""
    found = candidates(view).meaning
    said = view.sentences(list(IDS))
    best = {id: float(np.max(said.vectors[said.owners == id] @ QUESTION.vector)) for id in SAID}
    return {id: (1 - weight) * found[id] + weight * best.get(id, found[id]) for id in IDS}


# The parts.


@pytest.mark.parametrize(
    ("title", "weight", "around"),
    [
        (False, QUESTION_SENTENCE, QUESTION_DOCUMENT),
        (True, TITLE_SENTENCE, TITLE_DOCUMENT),
    ],
)
def test_meaning_sentence_document_and_language(
    view: View, title: bool, weight: float, around: float
) -> None:
    every = scored(view, replace(QUESTION, title=title), candidates(view), ANY)
    parts = {each.id: each.parts for each in every}
    meaning, together = candidates(view).meaning, mixed(view, weight)
    cosines = view.prepared(view.ids).astype(np.float64) @ QUESTION.vector  # (n,)
    spreads = {}
    for language in LANGUAGES:
        trust = TRUST / len(cosines) + (view.languages == language)
        mean = np.average(cosines, weights=trust)
        spreads[language] = mean, np.average((cosines - mean) ** 2, weights=trust) ** 0.5
    overall = np.mean(list(spreads.values()), axis=0)
    assert spreads["ja"][0] > overall[0]
    whole = {}
    for language in LANGUAGES:
        total = view.prepared(view.ids)[view.languages == language].sum(axis=0)
        whole[language] = float(total @ QUESTION.vector / np.linalg.norm(total))
    for id in IDS:
        document = around / (1 + around) * (whole[language_of(id)] - together[id])
        assert parts[id]["document"] == pytest.approx(document, abs=1e-3)  # kept as fp16
        mean, deviation = spreads[language_of(id)]
        near = together[id] + parts[id]["document"]
        even = (near - mean) / deviation * overall[1] + overall[0]
        assert parts[id]["meaning"] == pytest.approx(meaning[id], abs=1e-6)
        assert parts[id]["sentence"] == pytest.approx(together[id] - meaning[id], abs=1e-6)
        assert parts[id]["language"] == pytest.approx(even - near, abs=1e-5)
        assert parts[id]["words"] == 0
        assert set(parts[id]) == {"meaning", "sentence", "document", "language", "words"}
    assert all(parts[id]["sentence"] == 0 for id in IDS if id not in SAID)


def test_a_passage_that_is_all_of_its_document_has_no_document_part(tmp_path: Path) -> None:
    with Collection.open(tmp_path, write=True) as collection:
        rows = unit(3, seed=4)
        chunk = Chunk(0, 1, "a", 1, 1, language="en")
        collection.catalog.put(Document("one.md", ""), 1, [chunk], rows[:1])
        collection.catalog.put(
            Document("two.md", ""), 1, [chunk, replace(chunk, text="b")], rows[1:]
        )
        with collection.view(as_it_is) as opened:
            found = Candidates(
                dict.fromkeys((1, 2, 3), "en"),
                {id: float(rows[id - 1] @ QUESTION.vector) for id in (1, 2, 3)},
                {},
                {},
                {},
            )
            parts = {each.id: each.parts for each in scored(opened, QUESTION, found, ANY)}
    assert parts[1]["document"] == 0
    assert parts[2]["document"] * parts[3]["document"] != 0


def test_a_score_is_the_sum_of_its_parts() -> None:
    one = Scored(1, "en", {"meaning": 0.5, "sentence": -0.25})
    more = one.plus("words", 0.125).plus("sentence", 0.0625).plus("words", 0.125)
    assert more.parts == {"meaning": 0.5, "sentence": -0.1875, "words": 0.25}
    assert (more.score, one.score) == (0.5625, 0.25)


def test_prefer_adds_to_its_language_and_to_no_other(view: View) -> None:
    names = {1: 1.0, 11: 0.5}
    plain = scored(view, QUESTION, candidates(view, names=names), ANY)
    for kind in ("only:ja", "balanced"):
        assert scored(view, QUESTION, candidates(view, names=names), parse_policy(kind)) == plain
    before = scores_of(plain)
    for each in scored(view, QUESTION, candidates(view, names=names), parse_policy("prefer:ja")):
        added = PREFERRED if each.language == "ja" else 0.0
        assert each.parts.get("preferred", 0.0) == added
        assert each.score == pytest.approx(before[each.id] + added)
        assert each.parts.get("identifiers") == {1: NAMES, 11: NAMES / 2}.get(each.id)


# Versions.


def test_versions_stand_together(view: View) -> None:
    """Their score is one: mostly that of the best of them, and the more the more agree."""
    own = scores_of(scored(view, QUESTION, candidates(view), ANY))
    groups = [(1, 11, 21), (2, 12), (13, 23)]
    every = scored(view, QUESTION, candidates(view, groups=groups), ANY)
    got = scores_of(every)
    for group in groups:
        values = [own[id] for id in group]
        wanted = BEST_VERSION * max(values) + (1 - BEST_VERSION) * np.mean(values)
        assert [got[id] for id in group] == pytest.approx([wanted] * len(group))
    alone = set(IDS) - {id for group in groups for id in group}
    assert {id: got[id] for id in alone} == {id: own[id] for id in alone}
    assert {each.id for each in every if "versions" in each.parts} == set(IDS) - alone


@pytest.mark.parametrize("group", [(1, 21, 22), (1, 22, 21)])
def test_a_language_counts_once_in_a_group(view: View, group: Sequence[int]) -> None:
    """One English passage may be what two Russian ones say; the better one speaks for both."""
    own = scores_of(scored(view, QUESTION, candidates(view), ANY))
    got = scores_of(scored(view, QUESTION, candidates(view, groups=[group]), ANY))
    russian = max(own[21], own[22])
    best, mean = max(own[1], russian), (own[1] + russian) / 2
    assert got[1] == pytest.approx(BEST_VERSION * best + (1 - BEST_VERSION) * mean)
    for id in (21, 22):  # which are no versions of each other
        best, mean = max(own[1], own[id]), (own[1] + own[id]) / 2
        assert got[id] == pytest.approx(BEST_VERSION * best + (1 - BEST_VERSION) * mean)


def test_versions_share_preference_and_identifiers(view: View) -> None:
    found = candidates(view, groups=[(5, 25)], names={25: 1.0})
    own = scores_of(scored(view, QUESTION, candidates(view, names={25: 1.0}), ANY))
    got = scores_of(scored(view, QUESTION, found, parse_policy("prefer:ru")))
    values = own[5], own[25] + PREFERRED
    wanted = BEST_VERSION * max(values) + (1 - BEST_VERSION) * sum(values) / 2
    assert (got[5], got[25]) == pytest.approx((wanted, wanted))


# Words.


def alike(found: Candidates, id: int) -> str:
    """Whose order a passage is in: its language's, or the question's if a version is in that."""
    spoken = {found.languages[each] for each in (id, *found.links[id])}
    return QUESTION.language if QUESTION.language in spoken else found.languages[id]


groupings = st.lists(
    st.tuples(*(st.sampled_from([*IDS][at * EACH : (at + 1) * EACH]) for at in range(3))),
    max_size=6,
    unique_by=(lambda group: group[0], lambda group: group[1], lambda group: group[2]),
).flatmap(lambda groups: st.tuples(*(st.sets(st.sampled_from(group)) for group in groups)))
shares = st.dictionaries(st.sampled_from(IDS), st.floats(0, 1))


@given(words=shares, names=shares, groups=groupings, kind=st.sampled_from(["any", "prefer:ja"]))
def test_words_reorder_those_they_speak_for(
    view: View,
    words: dict[int, float],
    names: dict[int, float],
    groups: Sequence[set[int]],
    kind: str,
) -> None:
    found = candidates(view, words=words, names=names, groups=[sorted(each) for each in groups])
    every = scored(view, QUESTION, found, parse_policy(kind))
    assert sorted(each.id for each in every) == [*IDS]
    before, after = scores_of(every, without="words"), scores_of(every)
    assert all(one.score >= other.score - 1e-12 for one, other in pairwise(every))
    orders: dict[str, list[int]] = defaultdict(list)
    for each in every:
        orders[alike(found, each.id)].append(each.id)
    for ids in orders.values():
        # The same scores, given out anew ...
        assert sorted(after[id] for id in ids) == pytest.approx(sorted(before[id] for id in ids))
        # ... in the order of both, where any version's words count.
        shared = {id: max(words.get(x, 0.0) for x in (id, *found.links[id])) for id in ids}
        both = {id: before[id] + WORDS * shared[id] for id in ids}
        for one, other in pairwise(ids):
            assert after[one] - after[other] < 1e-9 or both[one] >= both[other] - 1e-9


def test_words_decide_where_versions_had_one_score(view: View) -> None:
    """What has the words comes before two versions, and gets the score that both of them had."""
    found = candidates(view, groups=[(3, 12)], ids=[3, 6, 12])
    found = replace(found, meaning={3: 0.9, 6: 0.7, 12: 0.9})
    value = scores_of(scored(view, QUESTION, found, ANY))
    assert value[3] - WORDS < value[6] < value[3] == pytest.approx(value[12])
    lifted = scored(view, QUESTION, replace(found, words={6: 1.0}), ANY)
    assert [each.id for each in lifted] == [6, 3, 12]


def test_words_of_one_language_move_no_other(view: View) -> None:
    plain = scored(view, QUESTION, candidates(view), ANY)
    before = scores_of(plain)
    last = [each.id for each in plain if each.language == "ja"][-1]
    after = scores_of(scored(view, QUESTION, candidates(view, words={last: 1.0}), ANY))
    assert after[last] > before[last]
    assert {id: after[id] for id in IDS if language_of(id) != "ja"} == {
        id: before[id] for id in IDS if language_of(id) != "ja"
    }
    japanese = [id for id in IDS if language_of(id) == "ja"]
    assert Counter(round(after[id], 9) for id in japanese) == Counter(
        round(before[id], 9) for id in japanese
    )


# Candidates.


@pytest.mark.parametrize("kind", ["any", "only:en", "balanced"])
def test_the_versions_of_candidates_are_candidates(
    view: View, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(shortlist, "SHORTLIST", 3)
    alone = gather(view, QUESTION, 1, parse_policy(kind), grouped=False)
    few = set(alone.languages)
    assert len(few) == 9, "three in each language"
    assert alone.links == {id: [] for id in few}
    found = gather(view, QUESTION, 1, parse_policy(kind))
    assert set(found.languages) == set(found.meaning) == set(found.links)
    linked = {3: [11, 21], 11: [3, 21], 21: [3, 11], 6: [12], 12: [6]}
    joined = {other for id in few for other in linked.get(id, [])}
    assert joined - few
    assert set(found.languages) == few | joined
    assert found.links == {id: linked.get(id, []) for id in found.links}
    truth = candidates(view).meaning
    assert found.meaning == pytest.approx({id: truth[id] for id in found.meaning}, abs=1e-6)
    assert found.languages == {id: language_of(id) for id in found.languages}
    assert set(found.words) <= {1}
