"""Language versions: on collections whose translations are known because they were made so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyseek.languages.nearest import NEAREST
from polyseek.languages.neighbours import Floats
from polyseek.languages.versions import ENOUGH, OUTSTANDING, Link, Passage, find_links

DIMENSIONS = 64
LANGUAGES = ("en", "ja", "ru")


@dataclass(frozen=True)
class World:
    """Passages, their vectors, and the meanings that each of them has."""

    passages: list[Passage]
    vectors: Floats
    meanings: list[frozenset[int]]

    def links(self, fresh: Sequence[str] | None = None) -> list[Link]:
        return find_links(self.passages, self.vectors, fresh)

    def truth(self, passage: int) -> frozenset[int]:
        return self.meanings[[p.id for p in self.passages].index(passage)]

    def shuffled(self, seed: int) -> World:
        order = np.random.default_rng(seed).permutation(len(self.passages)).tolist()
        return World(
            [self.passages[i] for i in order],
            self.vectors[order],
            [self.meanings[i] for i in order],
        )

    def without(self, document: str) -> World:
        kept = [i for i, p in enumerate(self.passages) if p.document != document]
        return World(
            [self.passages[i] for i in kept],
            self.vectors[kept],
            [self.meanings[i] for i in kept],
        )


def world(
    documents: Mapping[str, Sequence[Sequence[int]]], seed: int = 0, noise: float = 0.5
) -> World:
    """Documents by name ("ja/x"), each a list of passages, each a list of the meanings in it.

    A meaning is a random direction; a passage's vector is the sum of its meanings' and of noise
    of `noise` times their length. Nothing but the vectors, the order and the marks can tell.
    """
    rng = np.random.default_rng(seed)
    top = 1 + max(m for passages in documents.values() for p in passages for m in p)
    directions = rng.standard_normal((top, DIMENSIONS)) / DIMENSIONS**0.5
    passages: list[Passage] = []
    vectors, meanings = [], []
    for name, contents in documents.items():
        for ordinal, inside in enumerate(contents):
            kept = frozenset(f"mark{m}" for m in inside)
            passages.append(
                Passage(len(passages) + 1, name, ordinal, name.partition("/")[0], 1, kept)
            )
            own = rng.standard_normal(DIMENSIONS) * noise / DIMENSIONS**0.5
            vectors.append(directions[list(inside)].sum(axis=0) + own)
            meanings.append(frozenset(inside))
    rows = np.array(vectors, np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return World(passages, rows, meanings)


def single(first: int, last: int) -> list[list[int]]:
    return [[m] for m in range(first, last)]


def parallel() -> World:
    """Two documents in three languages, one in two, and one that nobody has translated."""
    return world(
        {
            "en/a": single(0, 8),
            "ja/k": single(0, 8),
            "ru/z": single(0, 8),
            "en/b": single(10, 15),
            "ja/l": single(10, 15),
            "ru/y": single(10, 15),
            "en/c": single(20, 24),
            "ru/x": single(20, 24),
            "ja/alone": single(30, 36),
        }
    )


def test_translations_are_linked_and_nothing_else() -> None:
    found = parallel()
    links = found.links()
    assert all(found.truth(x.one) == found.truth(x.other) for x in links)
    # Eight and five meanings in three pairs of languages, four in one.
    assert len(links) == 8 * 3 + 5 * 3 + 4
    alone = {p.id for p in found.passages if p.document == "ja/alone"}
    assert not alone & {end for x in links for end in (x.one, x.other)}


def test_a_link_tells_its_cosine_its_margin_and_its_evidence() -> None:
    found = parallel()
    row = {p.id: at for at, p in enumerate(found.passages)}
    language = np.array([p.language for p in found.passages])
    for link in found.links():
        one, other = row[link.one], row[link.other]
        cosines = found.vectors @ found.vectors[[one, other]].T
        near = [
            np.sort(cosines[language == language[there], side])[-NEAREST:].mean()
            for side, there in ((0, other), (1, one))
        ]
        assert link.cosine == pytest.approx(cosines[other, 0], abs=1e-5)
        assert link.margin == pytest.approx(link.cosine / np.mean(near), rel=1e-4)
        assert link.evidence == ("mutual", "document", "order", "marks")


def test_borders_may_differ() -> None:
    """A passage may hold what two of the other language hold, and need not begin where they do."""
    found = world(
        {
            "en/a": [[0], [1], [2, 3], [4], [5], [6], [7]],
            "ja/a": [[0, 1], [2], [3], [4], [5], [6, 7]],
            "en/b": single(10, 16),
            "ja/b": single(10, 16),
        },
        noise=0.2,
    )
    ends = {p.id: f"{p.document}:{p.ordinal}" for p in found.passages}
    links = {(ends[x.one], ends[x.other]) for x in found.links() if ends[x.one][:4] == "en/a"}
    places = {(int(one[5:]), int(other[5:])) for one, other in links}
    assert places == {(0, 0), (1, 0), (2, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 5)}


def test_a_document_that_only_touches_on_the_same_is_not_a_version() -> None:
    """One passage in six is the same; the nearest document is still no translation."""
    found = world({"en/a": single(0, 6), "ja/b": [[0], *single(10, 15)], "ja/c": single(20, 26)})
    assert found.links() == []


def test_marks_tell_two_documents_of_one_form_apart() -> None:
    """As pages on headers and on cookies are that say the same of both."""
    documents = {"en/a": single(0, 4), "ja/b": single(0, 4), "en/c": single(10, 14)}
    found = world({**documents, "ja/d": single(20, 24)}, noise=0.9)
    assert found.links()
    other = [
        p._replace(marks=frozenset(f"{m}{k}{p.language}" for m in p.marks for k in range(20)))
        for p in found.passages
    ]
    assert find_links(other, found.vectors) == []


def test_single_passages_need_no_order() -> None:
    contents = {f"{lang}/{lang}{m}": [[m]] for lang in LANGUAGES for m in range(30)}
    for missing in ("en/en3", "ja/ja4", "ru/ru5", "ru/ru3"):
        del contents[missing]
    found = world(contents, noise=0.3)
    links = found.links()
    assert all(found.truth(x.one) == found.truth(x.other) for x in links)
    assert len(links) == 30 * 3 - 3 - 2 - 2
    assert {x.evidence for x in links} == {("mutual", "marks")}


def test_names_help_where_vectors_do_not_suffice() -> None:
    """Half of the Japanese document has been rewritten."""
    contents = {"en/x.md": single(0, 6), "ja/x.md": [[0], [1], *single(10, 14)]}
    contents |= {f"{lang}/{n}.md": single(n, n + 6) for lang in ("en", "ja") for n in (20, 30)}
    found = world(contents, noise=0.3)
    ends = {p.id: p for p in found.passages}

    def of_x(links: Sequence[Link]) -> list[tuple[int, tuple[str, ...]]]:
        return [
            (ends[x.one].ordinal, x.evidence) for x in links if ends[x.one].document == "en/x.md"
        ]

    assert [place for place, _ in of_x(found.links())] == [0, 1]
    assert all("names" in evidence for _, evidence in of_x(found.links()))
    hidden = [p._replace(document=p.document.replace("ja/x", "ja/other")) for p in found.passages]
    assert of_x(find_links(hidden, found.vectors)) == []


def test_few_passages_stand_out_from_nothing() -> None:
    """With one passage in each language the nearest is no evidence, the cosine alone is."""
    near = world({"en/a": [[0]], "ja/b": [[0]]}, noise=0.3)
    far = world({"en/a": [[0, 1, 2]], "ja/b": [[0, 3, 4]]}, noise=0.1)
    assert len(near.links()) == 1
    assert 0.2 < float(far.vectors[0] @ far.vectors[1]) < 2 * ENOUGH
    assert far.links() == []


@pytest.mark.parametrize(("cosine", "linked"), [(0.4, 0), (0.45, 1)])
def test_a_subject_in_common_is_not_enough_among_strangers(cosine: float, linked: int) -> None:
    """Four passages in each language, all at right angles but for one pair: its margin is 4."""
    rows = np.eye(8, dtype=np.float32)
    rows[4, [0, 4]] = cosine, (1 - cosine**2) ** 0.5
    names = ["en"] * 4 + ["ja"] * 4
    passages = [Passage(i, f"{i}", 0, name, 0, frozenset()) for i, name in enumerate(names)]
    # Without marks the agreement is a half.
    assert (cosine * OUTSTANDING * 0.5 >= ENOUGH) == bool(linked)
    links = find_links(passages, rows)
    assert [(x.one, x.other) for x in links] == [(0, 4)] * linked
    assert all(x.margin == pytest.approx(4.0) for x in links)


@pytest.mark.parametrize("n", [0, 1])
def test_too_little_to_link(n: int) -> None:
    found = World([Passage(1, "a", 0, "en", 0, frozenset())] * n, np.ones((n, 3), np.float32), [])
    assert found.links() == []
    assert found.links(["a"]) == []


def test_a_new_document_gets_its_links_and_touches_no_others() -> None:
    found = parallel()
    ends = {p.id: p.document for p in found.passages}
    everything = found.links()
    for document in sorted(set(ends.values())):
        new = found.links([document])
        mine = [x for x in everything if document in (ends[x.one], ends[x.other])]
        assert_alike(new, mine)
        before = found.without(document).links()
        assert [(x.one, x.other) for x in before] == [
            (x.one, x.other) for x in everything if x not in mine
        ]
    assert found.links(["unknown"]) == []


worlds = st.builds(
    lambda seed, noise, cut: world(
        {
            "en/a": single(0, 7),
            "ja/a": single(cut, 7),
            "ru/q": [[0, 1], *single(2, 7)],
            "en/b": single(10, 13),
            "ru/b": [*single(10, 13), [15, 16]],
            "ja/c": single(20, 24),
            "en/d": [[30]],
            "ja/d": [[30]],
        },
        seed,
        noise,
    ),
    st.integers(0, 1000),
    st.floats(0.1, 3.0),
    st.integers(0, 3),
)


@settings(max_examples=40, deadline=None)
@given(worlds, st.integers(0, 1000))
def test_the_order_of_the_passages_does_not_matter(found: World, seed: int) -> None:
    assert_alike(found.shuffled(seed).links(), found.links())


@settings(max_examples=40, deadline=None)
@given(worlds)
def test_with_everything_fresh_it_is_the_whole(found: World) -> None:
    names = sorted({p.document for p in found.passages})
    assert_alike(found.links(names), found.links())
    ends = {p.id: p.document for p in found.passages}
    some = names[::2]
    mine = [x for x in found.links() if ends[x.one] in some or ends[x.other] in some]
    assert_alike(found.links(some), mine)


@settings(max_examples=40, deadline=None)
@given(worlds)
def test_links_cross_languages_and_keep_the_order_of_documents(found: World) -> None:
    passage = {p.id: p for p in found.passages}
    links = found.links()
    assert [(x.one, x.other) for x in links] == sorted({(x.one, x.other) for x in links})
    places: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for x in links:
        one, other = passage[x.one], passage[x.other]
        assert x.one < x.other
        assert one.language != other.language
        pair = (one.document, other.document)
        places.setdefault(pair, []).append((one.ordinal, other.ordinal))
    for cells in places.values():
        assert [there for _, there in sorted(cells)] == sorted(there for _, there in cells)


def assert_alike(got: list[Link], want: list[Link]) -> None:
    """The same links; figures may differ in the last digit with the order of sums."""
    assert [(x.one, x.other, x.evidence) for x in got] == [
        (x.one, x.other, x.evidence) for x in want
    ]
    figures = [np.array([(x.cosine, x.margin) for x in links]) for links in (got, want)]
    assert np.allclose(figures[0], figures[1], atol=1e-4)
