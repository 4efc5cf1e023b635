"""The lexical leg in PostgreSQL against the local one: the same passages, the same scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest

from polyseek.errors import BadInput
from polyseek.languages.words import words
from polyseek.lexical import coverage
from polyseek.store import pg_words
from polyseek.store.lexical import LexicalIndex
from polyseek.store.pg_words import LENGTHS, WORDS_SCHEMA, PostgresWords

Passage = tuple[int, str, str]
"""Id, language, words with spaces between them."""

POLICY = Path(__file__).parents[2] / "examples" / "cloud-security-policy"
QUESTIONS = [
    "堡垒机登录失败的常见原因有哪些？",
    "How long are the access logs of the bastion kept?",
    "踏み台サーバーへのログインに失敗した場合はどうすればよいですか",
    "ключи шифрования и пароли",
    "the of and",
    "E-4107",
]
CHUNKS = "CREATE TABLE chunks (id BIGINT PRIMARY KEY, language TEXT, words TEXT)"

_numbers = count()


class Connection:
    """A psycopg connection that takes ? for a value, in autocommit mode."""

    def __init__(self, db: Any) -> None:  # noqa: ANN401 - types are checked alike without psycopg
        self.db = db

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any:  # noqa: ANN401
        return self.db.execute(sql.replace("?", "%s"), parameters or None)


@pytest.fixture(scope="module")
def server(postgres: str) -> Iterator[Connection]:
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as db:
        yield Connection(db)


@pytest.fixture
def db(server: Connection) -> Connection:
    """A schema of its own with an empty table of chunks."""
    name = f"words_{next(_numbers)}"
    server.execute(f"CREATE SCHEMA {name}")
    server.execute(f"SET search_path TO {name}")
    server.execute(CHUNKS)
    server.execute(WORDS_SCHEMA)
    return server


def put(db: Connection, passages: Sequence[Passage]) -> None:
    with db.db.cursor() as cursor:
        cursor.executemany("INSERT INTO chunks VALUES (%s, %s, %s)", passages)
    db.execute("ANALYZE chunks")


def local(passages: Sequence[Passage]) -> LexicalIndex:
    made = LexicalIndex.create(None)
    for id, language, text in passages:
        made.add(id, language, text.split(" ") if text else [])
    made.commit()
    return made


def policy() -> list[Passage]:
    """Every paragraph of the trilingual policy, and some Russian, Thai and Arabic."""
    texts = [
        (language, part)
        for language in ("zh", "en", "ja")
        for path in sorted((POLICY / language).glob("*.md"))
        for part in path.read_text("utf-8").split("\n\n")
    ]
    texts += [
        ("ru", "Ключи шифрования хранятся в хранилище, пароли не хранятся нигде."),
        ("th", "บันทึกการเข้าถึงถูกเก็บไว้เป็นเวลาหนึ่งร้อยแปดสิบวัน"),
        ("ar", "تحفظ سجلات الوصول لمدة مائة وثمانين يوما"),
        ("en", ""),
    ]
    return [(3 * at + 1, code, " ".join(words(text))) for at, (code, text) in enumerate(texts)]


def agree(
    ours: PostgresWords, twin: LexicalIndex, asked: Sequence[str], k: int, only: list[str] | None
) -> int:
    """The same hits in the same order, where scores of tantivy's float32 can tell them apart."""
    found, wanted = ours.search(asked, k, only), twin.search(asked, k, only)
    assert len(found) == len(wanted)
    assert [score for _, score in found] == pytest.approx([s for _, s in wanted], abs=1e-3)
    everything = dict(twin.search(asked, max(len(twin), 1), only))
    assert [score for _, score in found] == pytest.approx(
        [everything[id] for id, _ in found], abs=1e-3
    )
    assert all(
        a[0] == b[0] or a[1] == pytest.approx(b[1], abs=1e-5)
        for a, b in zip(found, wanted, strict=True)
    )
    return len(found)


@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("only", [None, ["zh"], ["en", "ja"], ["xx"]])
def test_real_text_in_several_scripts_agrees(
    db: Connection, k: int, only: list[str] | None
) -> None:
    passages = policy()
    put(db, passages)
    ours, twin = PostgresWords(db), local(passages)
    assert len(ours) == len(twin) == len(passages)
    hits = [agree(ours, twin, words(question), k, only) for question in QUESTIONS]
    assert sum(hits) >= (0 if only == ["xx"] else 3)
    for question in QUESTIONS:
        for word in words(question):
            assert ours.document_frequency(word) == twin.document_frequency(word)
        theirs = coverage(twin, words(question), k, only)
        mine = coverage(cast(Any, ours), words(question), k, only)
        assert sorted(mine.values()) == pytest.approx(sorted(theirs.values()), abs=1e-4)


def test_totals_follow_every_change(db: Connection) -> None:
    passages = policy()
    put(db, passages)
    db.execute("DELETE FROM chunks WHERE language = 'ja'")
    db.execute("UPDATE chunks SET words = words || ' zusätzlich' WHERE language = 'en'")
    db.execute("UPDATE chunks SET words = NULL WHERE language = 'th'")
    changed = [
        (id, code, f"{text} zusätzlich" if code == "en" else "" if code == "th" else text)
        for id, code, text in passages
        if code != "ja"
    ]
    ours, twin = PostgresWords(db), local(changed)
    assert len(ours) == len(changed)
    assert ours.document_frequency("zusätzlich") == sum(code == "en" for _, code, _ in changed)
    for question in QUESTIONS:
        agree(ours, twin, words(question), 10, None)


def test_a_change_that_is_rolled_back_counts_nothing(db: Connection) -> None:
    put(db, [(1, "en", "a b")])
    db.execute("BEGIN")
    put(db, [(2, "en", "a c c")])
    assert len(PostgresWords(db)) == 2
    db.execute("ROLLBACK")
    assert len(PostgresWords(db)) == 1


@pytest.mark.parametrize("length", [0, 1, 39, 40, 41, 42, 57, 100, 1000, 30_000])
def test_lengths_count_as_in_tantivy(db: Connection, length: int) -> None:
    passages = [(1, "en", " ".join(["word"] + ["x"] * length)), (2, "en", "word y"), (3, "en", "z")]
    put(db, passages)
    assert agree(PostgresWords(db), local(passages), ["word"], 9, None) == 2


def test_the_lengths_of_a_byte() -> None:
    assert len(LENGTHS) == 256
    assert LENGTHS[:44] == [*range(41), 42, 44, 46]
    assert LENGTHS[48:58] == [56, 60, 64, 68, 72, 76, 80, 84, 88, 96]


@pytest.mark.parametrize(
    "word", ['"', "'", "OR", "{a,b}", "NULL", "\\", "%s", "?", "\x1f", "é", "🎉", "x" * 249]
)
def test_no_character_is_special(db: Connection, word: str) -> None:
    put(db, [(1, "en", "plain"), (2, "en", f"before {word} after")])
    ours = PostgresWords(db)
    assert [id for id, _ in ours.search([word], 9)] == [2]
    assert ours.document_frequency(word) == 1


def test_words_too_long_for_the_index_are_found(db: Connection) -> None:
    long = "é" * 40_000
    put(db, [(1, "en", f"{long} x"), (2, "en", f"{long}é y {'a' * 300}")])
    ours = PostgresWords(db)
    assert [id for id, _ in ours.search([long], 9)] == [1]
    assert [id for id, _ in ours.search([long + "é", "a" * 300], 9)] == [2]
    assert ours.search([long[1:]], 9) == []


def test_nothing_finds_nothing(db: Connection) -> None:
    ours = PostgresWords(db)
    assert (len(ours), ours.search(["x"], 3), ours.document_frequency("x")) == (0, [], 0)
    put(db, [(1, "en", "a")])
    ours = PostgresWords(db)
    assert ours.search([], 3) == ours.search(["", " "], 3) == ours.search(["a"], 3, []) == []
    assert ours.document_frequency("") == 0
    with pytest.raises(BadInput, match="k is 0"):
        ours.search(["a"], 0)


def test_of_too_many_passages_the_rarest_words_choose(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg_words, "MOST", 20)
    passages = [(at, "en", f"the {'rare' if at % 5 == 0 else 'x'} n{at}") for at in range(50)]
    put(db, passages)
    found = PostgresWords(db).search(["the", "rare"], 5)
    assert [id for id, _ in found] == [0, 5, 10, 15, 20]
    agree(PostgresWords(db), local(passages), ["the", "rare"], 5, None)
    assert len(PostgresWords(db).search(["the"], 50)) == 50


def test_counts_come_from_the_index(db: Connection) -> None:
    """Among many passages the table is not read for a rare word."""
    put(db, [(at, "en", f"the n{at} m{at % 7}") for at in range(5000)])
    rows = db.execute(
        "EXPLAIN SELECT id, words FROM chunks WHERE words_of(words) @> words_of(?)", ("n17",)
    ).fetchall()
    plan = "\n".join(row[0] for row in rows)
    assert "chunks_by_word" in plan
    assert "Seq Scan" not in plan
