"""A question to passages: policies, parts of scores, words and identifiers. The model is the toy,
which puts a text where its language is as real models do, and knows a few words in translation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from polyseek import Hit, KnowledgeBase
from polyseek.errors import BadInput, FingerprintMismatch, TooLong
from polyseek.scoring import BEST_VERSION, NAMES, PREFERRED
from polyseek.search import question_vector
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
    hits = kb.search(question, k=3, grouped=False)
    assert sorted(paths(hits)) == ["en/login.md", "ja/login.md", "ru/login.md"]


@pytest.mark.parametrize("preferred", ["en", "ja", "ru"])
def test_prefer_puts_its_language_before_its_versions(kb: KnowledgeBase, preferred: str) -> None:
    hits = kb.search("login password server", k=9, policy=f"prefer:{preferred}", grouped=False)
    assert len(hits) == 9
    for hit in hits:
        added = PREFERRED if hit.language == preferred else 0.0
        assert hit.parts.get("preferred", 0.0) == added
    plain = kb.search("login password server", k=9, grouped=False)
    ahead = [paths(found).index(f"{preferred}/login.md") for found in (hits, plain)]
    assert ahead[0] <= ahead[1]


def test_balanced_takes_turns(kb: KnowledgeBase) -> None:
    hits = kb.search("login password server", k=9, policy="balanced", grouped=False)
    for turn in range(3):
        assert sorted(languages(hits)[3 * turn : 3 * turn + 3]) == ["en", "ja", "ru"]
    assert all(path.endswith("login.md") for path in paths(hits)[:3])
    assert sorted(languages(kb.search("cat", k=4, policy="balanced", grouped=False))[:3]) == [
        "en",
        "ja",
        "ru",
    ]


def test_only_finds_nothing_else(kb: KnowledgeBase) -> None:
    assert languages(kb.search("login", k=9, policy="only:ja")) == ["ja"] * 3
    both = kb.search("login", k=9, policy="only:ja,en")
    assert {hit.language for top in both for hit in (top, *top.versions)} == {"en", "ja"}
    alone = kb.search("login", k=9, policy="only:ja,en", grouped=False)
    assert sorted(languages(alone)) == ["en"] * 3 + ["ja"] * 3
    assert kb.search("login", k=9, policy="only:ko") == []


def test_a_policy_changes_no_score_but_prefer(kb: KnowledgeBase) -> None:
    plain = {hit.path: hit.score for hit in kb.search("backup server", k=9, grouped=False)}
    for policy in ("balanced", "only:en,ja,ru"):
        hits = kb.search("backup server", k=9, policy=policy, grouped=False)
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
        assert set(hit.parts) <= {
            *("meaning", "sentence", "document", "language"),
            *("identifiers", "preferred", "versions", "words"),
        }


def test_scores_descend(kb: KnowledgeBase) -> None:
    scores = [hit.score for hit in kb.search("cat dog", k=9)]
    assert all(a >= b for a, b in pairwise(scores))


def test_words_move_passages_within_a_language_only(kb: KnowledgeBase) -> None:
    """In every language the scores are those that the rest gave, in another order at most."""
    hits = kb.search("cat dog password", k=9, grouped=False)
    for language in VERSIONS:
        mine = [hit for hit in hits if hit.language == language]
        given = sorted(round(hit.score - hit.parts["words"], 6) for hit in mine)
        assert sorted(round(hit.score, 6) for hit in mine) == given


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


# Versions.


def test_a_passage_and_its_versions_are_one_hit(kb: KnowledgeBase) -> None:
    hits = kb.search("login password server", k=9)
    assert len(hits) == 3
    assert sorted(path for hit in hits for path in paths((hit, *hit.versions))) == sorted(
        f"{language}/{topic}.md" for language in VERSIONS for topic in ("login", "backup", "pets")
    )
    first = hits[0]
    assert {hit.path for hit in (first, *first.versions)} == {f"{x}/login.md" for x in VERSIONS}
    assert all(not version.versions for version in first.versions)


@pytest.mark.parametrize("question", ["login password server", "вход пароль сервер"])
def test_the_version_in_the_language_of_the_question_stands_for_all(
    kb: KnowledgeBase, question: str
) -> None:
    spoken = "en" if question.isascii() else "ru"
    hits = kb.search(question, k=3, language=spoken)
    assert languages(hits) == [spoken] * 3


@pytest.mark.parametrize("preferred", ["en", "ja", "ru"])
def test_the_preferred_version_stands_for_all(kb: KnowledgeBase, preferred: str) -> None:
    hits = kb.search("login password server", k=3, policy=f"prefer:{preferred}")
    assert languages(hits) == [preferred] * 3
    assert {hit.language for hit in hits[0].versions} == {*VERSIONS} - {preferred}


def test_balanced_lets_each_language_lead_as_often(kb: KnowledgeBase) -> None:
    assert sorted(languages(kb.search("server", k=3, policy="balanced"))) == ["en", "ja", "ru"]


def test_versions_are_scored_together(kb: KnowledgeBase) -> None:
    """Of the best and of the mean of all; the same for every language of the question."""
    first = kb.search("login password server", k=1)[0]
    alone = {hit.path: hit for hit in kb.search("login password server", k=9, grouped=False)}
    own = [
        hit.score - hit.parts["words"]
        for hit in (alone[path] for path in paths((first, *first.versions)))
    ]
    assert first.score - first.parts["words"] == pytest.approx(
        BEST_VERSION * max(own) + (1 - BEST_VERSION) * sum(own) / len(own), abs=1e-5
    )


def test_without_a_version_nothing_changes(tmp_path: Path) -> None:
    kb = made_of(tmp_path, {"a.md": "The cat sleeps.", "b.md": "Собака бежит по улице."})
    assert all(not hit.versions for hit in kb.search("cat", k=2))
    assert kb.search("cat", k=2) == kb.search("cat", k=2, grouped=False)


def test_the_sentence_that_answers_is_marked(tmp_path: Path) -> None:
    text = "# Pets\n\nThe dog runs in the park. The cat eats the fish. A server needs a backup."
    kb = made_of(tmp_path, {"a.md": text})
    hit = kb.search("cat fish", k=1)[0]
    assert hit.sentence is not None
    assert text[slice(*hit.sentence)] == "The cat eats the fish."
    lone = made_of(tmp_path / "lone", {"a.md": "The cat eats the fish."})
    assert lone.search("cat fish", k=1)[0].sentence is None


def test_sentences_can_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("The dog runs in the park. The cat eats the fish.")
    made = KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder(), sentences=False)
    made.index(tmp_path / "docs")
    assert made.search("cat fish", k=1)[0].sentence is None
    assert made.status().fingerprint["sentences"] is False
    with pytest.raises(FingerprintMismatch, match="sentences: False there, True here"):
        KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder(), sentences=True).search("cat")


# Sizes and ties.


@pytest.mark.parametrize("k", [1, 9, 10, 1000, 10**9])
def test_k_may_be_more_than_there_is(kb: KnowledgeBase, k: int) -> None:
    hits = kb.search("cat", k=k, grouped=False)
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
    assert len(kb.search(question, k=9, grouped=False)) == 9


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


def test_balanced_gives_a_language_its_turn_though_its_neighbour_is_left_out(
    tmp_path: Path,
) -> None:
    section = "# Cats\n\n" + "\n\n".join("The cat sleeps. " * 30 for _ in range(4))
    documents = {"en/cats.md": section, "en/more.md": "# More\n\nA cat and a dog."}
    documents |= {f"ja/{n}.md": f"# {n}\n\n{'猫' * n}が眠ります。" for n in range(1, 5)}
    kb = made_of(tmp_path, documents)
    hits = kb.search("cat", k=4, policy="balanced", grouped=False)
    assert languages(hits) == ["ja", "en", "ja", "en"]
    assert paths(hits)[3] == "en/more.md"  # not the passage beside the first


def test_a_question_that_is_too_long_is_told_so_and_an_instruction_by_its_name() -> None:
    told = r"^the question has 7\d\d tokens .* takes 512; ask something shorter$"
    with pytest.raises(TooLong, match=told):
        question_vector(toy_embedder(), "cat " * 700, "")
    with pytest.raises(TooLong, match=r"^the prompt has .*; shorten the instruction$"):
        question_vector(toy_embedder(told="query"), "cat", "find " * 5000)
