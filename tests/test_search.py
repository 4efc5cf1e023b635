"""A question to passages: policies, parts of scores, words and identifiers. The model is the toy,
which puts a text where its language is as real models do, and knows a few words in translation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek import Hit, KnowledgeBase
from polyseek.errors import BadInput, TooLong
from polyseek.search import NAMES, PREFERRED, _reorder
from toy import GLOSSARY, toy_embedder

BIAS = {"en": 0.5, "ja": 0.5, "ru": 0.5, "zh": 0.5}

# Language -> topic -> text: translations by the toy's glossary, of a few words each.
VERSIONS = {
    "en": {
        "login": "The login password of the server.",
        "backup": "A backup of the server.",
        "pets": "The cat and the dog and the fish.",
    },
    "ru": {
        "login": "Пароль и вход на сервер.",
        "backup": "Это копия, сервер её хранит.",
        "pets": "Кошка и собака, и рыба.",
    },
    "ja": {
        "login": "サーバーのログインのパスワードです。",
        "backup": "サーバーのバックアップです。",
        "pets": "猫と犬と魚がいます。",
    },
}


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    folder = tmp_path_factory.mktemp("search")
    for language, topics in VERSIONS.items():
        for topic, text in topics.items():
            path = folder / "docs" / language / f"{topic}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    made = opened(folder)
    made.index([folder / "docs"])
    assert made.status().statistics.languages == {"en": 3, "ja": 3, "ru": 3}
    return made


def opened(folder: Path) -> KnowledgeBase:
    embedder = toy_embedder(glossary=GLOSSARY, bias=BIAS)
    return KnowledgeBase.open(folder / "kb", embedder=embedder, languages=[*VERSIONS])


def made_of(folder: Path, documents: dict[str, str]) -> KnowledgeBase:
    for name, text in documents.items():
        path = folder / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    kb = opened(folder)
    kb.index([folder / "docs"])
    return kb


def languages(hits: Sequence[Hit]) -> list[str]:
    return [hit.language for hit in hits]


def paths(hits: Sequence[Hit]) -> list[str]:
    return [hit.path for hit in hits]


# Policies.


@pytest.mark.parametrize("question", ["login password server", "вход пароль сервер"])
def test_any_finds_every_language_version_first(kb: KnowledgeBase, question: str) -> None:
    hits = kb.search(question, k=3)
    assert sorted(paths(hits)) == ["en/login.md", "ja/login.md", "ru/login.md"]


@pytest.mark.parametrize("preferred", ["en", "ja", "ru"])
def test_prefer_puts_its_language_before_its_versions(kb: KnowledgeBase, preferred: str) -> None:
    hits = kb.search("login password server", k=9, policy=f"prefer:{preferred}")
    assert len(hits) == 9
    plain = {hit.path: hit.score for hit in kb.search("login password server", k=9)}
    for hit in hits:
        added = PREFERRED if hit.language == preferred else 0.0
        assert hit.parts.get("preferred", 0.0) == added
        assert hit.score == pytest.approx(plain[hit.path] + added)


def test_balanced_takes_turns(kb: KnowledgeBase) -> None:
    hits = kb.search("login password server", k=9, policy="balanced")
    for turn in range(3):
        assert sorted(languages(hits)[3 * turn : 3 * turn + 3]) == ["en", "ja", "ru"]
    assert all(path.endswith("login.md") for path in paths(hits)[:3])
    assert sorted(languages(kb.search("cat", k=4, policy="balanced"))[:3]) == ["en", "ja", "ru"]


def test_only_finds_nothing_else(kb: KnowledgeBase) -> None:
    assert languages(kb.search("login", k=9, policy="only:ja")) == ["ja"] * 3
    assert (
        sorted(languages(kb.search("login", k=9, policy="only:ja,en"))) == ["en"] * 3 + ["ja"] * 3
    )
    assert kb.search("login", k=9, policy="only:ko") == []


def test_a_policy_changes_no_score_but_prefer(kb: KnowledgeBase) -> None:
    plain = {hit.path: hit.score for hit in kb.search("backup server", k=9)}
    for policy in ("balanced", "only:en,ja,ru"):
        hits = kb.search("backup server", k=9, policy=policy)
        assert {hit.path: hit.score for hit in hits} == pytest.approx(plain)


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("all", "unknown policy 'all'"),
        ("prefer", "unknown policy 'prefer'"),
        ("prefer:en,ja", "unknown policy"),
        ("only:", "unknown policy"),
        ("any:en", "unknown policy"),
        ("only:klingon", "unknown language 'klingon'"),
    ],
)
def test_a_policy_that_is_none(kb: KnowledgeBase, policy: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        kb.search("login", policy=policy)


# Scores.


@pytest.mark.parametrize("policy", ["any", "prefer:ja", "balanced", "only:en"])
@pytest.mark.parametrize("question", ["the cat", "猫 サーバー", "E-4711 login"])
def test_parts_add_up_to_the_score(kb: KnowledgeBase, question: str, policy: str) -> None:
    hits = kb.search(question, k=9, policy=policy)
    assert hits
    for hit in hits:
        assert sum(hit.parts.values()) == pytest.approx(hit.score, abs=1e-6)
        assert set(hit.parts) <= {"meaning", "words", "identifiers", "preferred"}


def test_scores_descend(kb: KnowledgeBase) -> None:
    scores = [hit.score for hit in kb.search("cat dog", k=9)]
    assert all(a >= b for a, b in pairwise(scores))


def test_words_move_passages_within_a_language_only(kb: KnowledgeBase) -> None:
    """In every language the scores are those that meaning gave, in another order at most."""
    hits = kb.search("cat dog password", k=9)
    for language in VERSIONS:
        mine = [hit for hit in hits if hit.language == language]
        meant = sorted(round(hit.parts["meaning"], 6) for hit in mine)
        got = sorted(round(hit.parts["meaning"] + hit.parts["words"], 6) for hit in mine)
        assert got == meant


def test_words_decide_where_meaning_hardly_does(tmp_path: Path) -> None:
    """a.md is nearer by a little; b.md has the very word of the question."""
    kb = made_of(
        tmp_path,
        {
            "a.md": "# Дом\n\nОна тихо и долго спит дома одна, 猫.",
            "b.md": "# Дом\n\nОна тихо и долго спит у себя дома одна, кошка.",
            "c.md": "# Дом\n\nСобака бежит по улице.",
        },
    )
    first, second = kb.search("кошка", k=2, language="ru")
    assert (first.path, second.path) == ("b.md", "a.md")
    assert first.parts["meaning"] < second.parts["meaning"]
    assert first.parts["words"] == pytest.approx(-second.parts["words"])


def test_an_identifier_counts_in_every_language(tmp_path: Path) -> None:
    filler = {f"en/{n}.md": f"The server number {n} is up." for n in range(200)}
    kb = made_of(
        tmp_path,
        filler
        | {
            "ja/code.md": "猫の画面に BST-4711 と表示されます。",
            "ru/code.md": "Кошка видит BST-4711 на экране.",
            "en/other.md": "The dog sees BST-4712 on the screen.",
        },
    )
    hits = kb.search("What does BST-4711 mean for a fish?", k=300, language="en")
    named = {hit.path: hit.parts["identifiers"] for hit in hits if "identifiers" in hit.parts}
    assert set(named) == {"ja/code.md", "ru/code.md"}
    assert all(0 < gain <= NAMES + 1e-6 for gain in named.values())
    assert "identifiers" not in kb.search("What is on the screen?", k=1)[0].parts


dense_scores = st.dictionaries(
    st.integers(0, 40), st.floats(-1, 1, allow_nan=False), min_size=1, max_size=20
)


@given(dense=dense_scores, data=st.data())
def test_reordering_keeps_the_scores(dense: dict[int, float], data: st.DataObject) -> None:
    alike = data.draw(st.lists(st.sampled_from(sorted(dense)), unique=True))
    by_word = data.draw(st.dictionaries(st.integers(0, 40), st.floats(0, 1)))
    moved = _reorder(dense, by_word, alike)
    assert set(moved) == set(alike)
    assert Counter(moved.values()) == Counter(dense[id] for id in alike)
    assert _reorder(dense, by_word, list(reversed(alike))) == moved
    # Without words nothing moves.
    still = _reorder(dense, {}, alike)
    assert all(still[id] == dense[id] for id in alike)


@given(dense=dense_scores)
def test_more_of_both_is_never_lower(dense: dict[int, float]) -> None:
    best = max(dense, key=lambda id: (dense[id], -id))
    moved = _reorder(dense, {best: 1.0}, list(dense))
    assert moved[best] == max(dense.values())


# Sizes and ties.


@pytest.mark.parametrize("k", [1, 9, 10, 1000, 10**9])
def test_k_may_be_more_than_there_is(kb: KnowledgeBase, k: int) -> None:
    hits = kb.search("cat", k=k)
    assert len(hits) == min(k, 9)
    assert len(set(paths(hits))) == len(hits)


@pytest.mark.parametrize("k", [0, -3])
def test_k_of_nothing(kb: KnowledgeBase, k: int) -> None:
    with pytest.raises(BadInput, match=f"k is {k}"):
        kb.search("cat", k=k)


def test_an_empty_collection(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    kb = opened(tmp_path)
    kb.index([tmp_path / "docs"])
    for policy in ("any", "prefer:en", "balanced", "only:en"):
        assert kb.search("cat", policy=policy) == []


def test_ties_are_stable(tmp_path: Path) -> None:
    """Equal passages in the order in which they came in, every time."""
    kb = made_of(tmp_path, {f"{n:02}.md": "# Cat\n\nThe same cat." for n in range(30)})
    first = kb.search("cat", k=30)
    assert paths(first) == [f"{n:02}.md" for n in range(30)]
    assert len({hit.score for hit in first}) == 1
    for k in (5, 17, 30):
        assert kb.search("cat", k=k) == first[:k]
    assert opened(tmp_path).search("cat", k=30) == first


def test_fewer_hits_are_the_first_of_more(kb: KnowledgeBase) -> None:
    more = kb.search("dog", k=9)
    for k in range(1, 9):
        assert kb.search("dog", k=k) == more[:k]


def test_neighbours_in_a_section_are_shown_once(tmp_path: Path) -> None:
    section = "# Cats\n\n" + "\n\n".join(f"The cat number {n} sleeps. " * 30 for n in range(4))
    kb = made_of(tmp_path, {"cats.md": section, "dogs.md": "# Dogs\n\nThe dog has no cat."})
    every = kb.search("cat", k=10, every_passage=True)
    shown = kb.search("cat", k=10)
    assert len([hit for hit in every if hit.path == "cats.md"]) > len(
        [hit for hit in shown if hit.path == "cats.md"]
    )
    assert shown[0] == every[0]
    assert set(paths(shown)) == {"cats.md", "dogs.md"}


# Questions.


def test_the_language_of_the_question_may_be_given(kb: KnowledgeBase) -> None:
    assert kb.search("cat", language="en") == kb.search("cat", language="EN")
    given = kb.search("cat", k=9, language="ru")
    assert [hit.score for hit in given] != [
        hit.score for hit in kb.search("cat", k=9, language="ja")
    ]
    with pytest.raises(BadInput, match="unknown language 'xx'"):
        kb.search("cat", language="xx")


@pytest.mark.parametrize("question", ["", "  \n", "\t"])
def test_an_empty_question(kb: KnowledgeBase, question: str) -> None:
    with pytest.raises(BadInput, match="the question is empty; ask something"):
        kb.search(question)


def test_a_question_that_is_too_long(kb: KnowledgeBase) -> None:
    with pytest.raises(TooLong, match=r"600 tokens|60[0-9] tokens.*512|512"):
        kb.search("cat " * 600)


@pytest.mark.parametrize(
    "question",
    [
        "?",
        "…",
        "🐈",
        "12345",
        "\0",
        "a" * 500,
        "🏳️‍🌈 cat",
        "AND OR NOT",
        '"(cat:*"',
        "٣",
        "\u202ecat",
    ],
)
def test_odd_questions_are_answered(kb: KnowledgeBase, question: str) -> None:
    """No character is an operator, and none breaks the way to an answer."""
    assert len(kb.search(question, k=9)) == 9


def test_a_hit_says_where_it_stands(tmp_path: Path) -> None:
    text = "---\ntitle: Pets\n---\n\n# Cats\n\nThe cat.\n\n## Food\n\nThe cat eats\nthe fish.\n"
    kb = made_of(tmp_path, {"sub/pets.md": text})
    hit = kb.search("cat eats fish", k=1)[0]
    assert hit.path == "sub/pets.md"
    assert text[hit.start : hit.end] == hit.text
    lines = text.splitlines()[hit.line_start - 1 : hit.line_end]
    assert "\n".join(lines) == hit.text
    assert hit.text.endswith("the fish.")
    assert hit.title == "Pets"
