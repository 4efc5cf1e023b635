"""Drift between versions: each kind of edit in several languages, and what is no drift.

Sentence vectors are toys: a sentence and its translations share one random direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from polyseek.languages import missing
from polyseek.languages.drift import KINDS, LEAST, Drift, Version, confidence, find_drift
from polyseek.languages.facts import facts, in_words, link, numbers, polarity
from polyseek.languages.sentence_pairs import align_all, texts
from polyseek.languages.wordlists import NEGATION

from .passages import passage

Floats = np.ndarray
Said = Sequence[tuple[str, int]]
"""Sentences with the number of what they mean."""

MEANINGS = np.linalg.qr(np.random.default_rng(1).normal(size=(32, 32)))[0].astype(np.float32)

FRAME: Mapping[str, tuple[str, str]] = {
    "en": ("The server keeps a copy of everything.", "After that the cache is emptied at night."),
    "de": ("Der Server behält von allem eine Kopie.", "Danach wird nachts der Cache geleert."),
    "ja": ("サーバーはすべてのコピーを保持します。", "その後夜間にキャッシュが空になります。"),
    "zh": ("服务器会保留所有内容的一份副本。", "之后每天夜里会把缓存全部清空一次。"),
    "es": ("El servidor guarda una copia de todo.", "Después se vacía la caché por la noche."),
    "ko": ("서버는 모든 것의 사본을 보관합니다.", "그 후 밤마다 캐시를 모두 비웁니다."),
    "fr": ("Le serveur garde une copie de tout.", "Ensuite le cache est vidé pendant la nuit."),
    "ru": ("Сервер хранит копию всех данных.", "После этого ночью кэш очищается."),
    "pt": ("O servidor guarda uma cópia de tudo.", "Depois o cache é esvaziado à noite."),
    "it": ("Il server conserva una copia di tutto.", "Poi la cache viene svuotata di notte."),
}


def version(id: int, language: str, said: Said, document: str = "", text: str = "") -> Version:
    sentences = [sentence for sentence, _ in said]
    rows = np.array([MEANINGS[meaning] for _, meaning in said], np.float32).reshape(-1, 32)
    text = text or "\n\n".join(sentences)
    return passage(id, document or f"{language}/page.md", text, sentences, rows)


def framed(middles: Mapping[str, str]) -> list[Version]:
    """One passage a language: a sentence before, `middles`, one behind; "" leaves it out."""
    found = []
    for id, (language, middle) in enumerate(middles.items()):
        before, behind = FRAME[language]
        said = [(before, 0), (middle, 1), (behind, 2)]
        found.append(version(id, language, [each for each in said if each[0]]))
    return found


def drifts(versions: Sequence[Version], least: float = LEAST) -> list[Drift]:
    return find_drift(versions, [[each.id for each in versions]], least)


def told(versions: Sequence[Version], least: float = LEAST) -> list[tuple[str, str]]:
    """Language and kind of each finding."""
    return [(versions[drift.one].language, drift.kind) for drift in drifts(versions, least)]


NUMBERS = {
    "en": "Backups are deleted after 30 days.",
    "de": "Backups werden nach 30 Tagen gelöscht.",
    "ja": "バックアップは30日後に削除されます。",
    "zh": "备份会在 30 天后被删除。",
}


@pytest.mark.parametrize("language", NUMBERS)
def test_a_number_changed_in_one_language(language: str) -> None:
    versions = framed({**NUMBERS, language: NUMBERS[language].replace("30", "45")})
    (found,) = drifts(versions)
    assert (versions[found.one].language, found.kind) == (language, "number")
    assert found.detail == "only here: 45; missing here: 30"
    assert found.confidence > 0.9


def test_a_pair_tells_of_a_number_but_not_who_is_wrong() -> None:
    versions = framed({"en": NUMBERS["en"], "de": "Backups werden nach 45 Tagen gelöscht."})
    (found,) = drifts(versions)
    assert (found.one, found.other, found.detail) == (0, 1, "30 <-> 45")
    assert found.confidence == pytest.approx(1 - 0.3 * 0.6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It takes 1,000 steps.", "Es braucht 1.000 Schritte."),
        ("It takes 10,000 steps.", "１万ステップかかります。"),
        ("It takes 1.5 million steps.", "150万ステップかかります。"),
        ("In 20,500 cities", "в 20 500 городах"),
        ("It cost $1.5 billion.", "Costó 1500 millones."),
        ("In the 17th century.", "En el siglo XVII."),
        ("In the 1600s.", "17世纪。"),
        ("Take the latest version 2 of it.", "v2 の最新を使います。"),
        ("In the 1990s.", "90年代。"),
        ("In the 1930s, and 1994, at 4 kg.", "20世纪30年代，1994年，4千克。"),
        ("It takes 0.5 seconds.", "Es dauert 0,5 Sekunden."),
        ("There are two ways to do it.", "方法は2つあります。"),
        ("Released on 2024-03-05.", "2024年3月5日に公開。"),
        ("Released on 05.03.2024.", "Released on 2024/3/5."),
        ("Released on 5 March 2024.", "2024년 3월 5일에 공개."),
        ("See `example_one(1)` here.", "`example_one(1)` を参照。"),
        ("[Guide](https://x.org/en/a#b) there.", "[指南](https://x.org/zh/a#c) 在那里。"),
    ],
)
def test_what_is_written_otherwise_is_the_same(one: str, other: str) -> None:
    versions = [version(0, "en", [(one, 1)]), version(1, "ja", [(other, 1)])]
    assert drifts(versions) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It listens on port 8080.", "ポートは80です。"),
        ("It listens on port 8080.", "ポートは81です。"),
        ("The picture has 1080 lines.", "画像は11行です。"),
        ("It was in 1994.", "94年でした。"),
    ],
)
def test_only_decades_and_centuries_stand_for_years(one: str, other: str) -> None:
    versions = [version(0, "en", [(one, 1)]), version(1, "ja", [(other, 1)])]
    assert [found.kind for found in drifts(versions)] == ["number"]


CODE = '# {}\n\n```python\nlimit = load("{}", timeout=3)  # {}\n```\n'


def test_translated_comments_and_strings_are_no_drift() -> None:
    one = version(0, "en", [], text=CODE.format("Load", "my file", "wait"))
    other = version(1, "ja", [], text=CODE.format("読む", "ファイル", "待つ"))
    assert drifts([one, other]) == []


def test_a_changed_line_of_code_is_drift() -> None:
    one = version(0, "en", [], text=CODE.format("Load", "my file", "wait"))
    text = CODE.format("読む", "ファイル", "待つ").replace("=3", "=30")
    found = drifts([one, version(1, "ja", [], text=text)])
    assert [(drift.kind, drift.detail) for drift in found] == [
        ("code", 'limit=load("",timeout=3) <-> limit=load("",timeout=30)')
    ]


PLACEHOLDERS = [
    ("Log in as `u-<staff number>`.", "以 `u-<工号>` 登录。"),
    ("See `GET /users/{user_id}`.", "`GET /users/{用户编号}` を参照。"),
    ("Run `pull --token=YOUR_TOKEN all`.", "`pull --token=你的令牌 all`"),
    ("Run `pull --token=YOUR_TOKEN all`.", "`pull --token=SU_CLAVE all`"),
    ("`Authorization: Bearer <your-token>`", "`Authorization: Bearer <tu-clave>`"),
    ("`Authorization: Bearer '<your-token>'`", "`Authorization: Bearer <tu-clave>`"),
    ("`git clone <url>` it", "`git clone <dirección>`"),
    ("`v<number>` it", "`v<número>`"),
    ("```html\nSee<br>x_y = <b>z</b>\n```", "```html\nSee <br>x_y = z\n```"),
    (
        "```sh\nget -H X:<your-token> a.b?c=1\n```",
        "```sh\nget -H X:<あなたのトークン> a.b?c=1\n```",
    ),
]


@pytest.mark.parametrize(("one", "other"), PLACEHOLDERS)
def test_placeholders_in_code_are_translated(one: str, other: str) -> None:
    assert drifts([version(0, "en", [], text=one), version(1, "zh", [], text=other)]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("`GET /users/{user_id}`", "`GET /users/{user_ids}`"),
        ("`a-<staff>`", "`b-<工号>`"),
        ("`GET /users/{user_id}`", "`GET /users/{item_id}`"),
        ("`List<String> names`", "`List<Integer> names`"),
        ("```java\nList<String> a = f(1);\n```", "```java\nList<Integer> a = f(1);\n```"),
        ("`export DB_URL=1`", "`export DB_DSN=1`"),
        ("`echo $DB_URL now`", "`echo $DB_DSN now`"),
    ],
)
def test_code_around_placeholders_and_names_are_compared(one: str, other: str) -> None:
    found = drifts([version(0, "en", [], text=one), version(1, "zh", [], text=other)])
    assert [drift.kind for drift in found] == ["code"]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [("`max_age`", "`max_ages`", "code"), ("x.org/start", "x.org/end", "link")],
)
def test_names_and_links(old: str, new: str, kind: str) -> None:
    texts = {
        "en": "Set `max_age` as [told](https://x.org/start).",
        "de": "Setze `max_age` wie [hier](https://x.org/start).",
        "ko": "[여기](https://x.org/start)처럼 `max_age` 설정.",
    }
    versions = framed({**texts, "de": texts["de"].replace(old, new)})
    (found,) = drifts(versions)
    assert (found.one, found.kind) == (1, kind)
    assert new.strip("`") in found.detail and old.strip("`") in found.detail


def test_a_word_in_code_may_be_translated_or_left_bare() -> None:
    versions = framed(
        {"en": "Press `Save` in red.", "de": "Drücke `Sichern`.", "fr": "Appuyez sur Save."}
    )
    assert drifts(versions) == []


NEGATED = {
    "en": ("The key is sent to the client.", "The key is not sent to the client."),
    "de": ("Der Schlüssel geht an den Client.", "Der Schlüssel geht nicht an den Client."),
    "ja": ("キーはクライアントに送信されます。", "キーはクライアントに送信されません。"),
    "zh": ("密钥会发送给客户端。", "密钥不会发送给客户端。"),
    "es": ("La clave se envía al cliente.", "La clave no se envía al cliente."),
    "ko": ("키는 클라이언트에 전송됩니다.", "키는 클라이언트에 전송되지 않습니다."),
    "fr": ("La clé est envoyée au client.", "La clé n'est pas envoyée au client."),
    "ru": ("Ключ отправляется клиенту.", "Ключ не отправляется клиенту."),
    "pt": ("A chave é enviada ao cliente.", "A chave não é enviada ao cliente."),
    "it": ("La chiave viene inviata al client.", "La chiave non viene inviata al client."),
}


@pytest.mark.parametrize("language", NEGATED)
@pytest.mark.parametrize("others", [0, 1])
def test_one_language_says_the_opposite(language: str, others: int) -> None:
    texts = {each: NEGATED[each][others ^ (each == language)] for each in NEGATED}
    (found,) = drifts(versions := framed(texts))
    assert (versions[found.one].language, found.kind) == (language, "negation")
    assert texts[language] in found.detail


def test_all_say_no_and_all_say_yes() -> None:
    for which in (0, 1):
        assert told(framed({each: NEGATED[each][which] for each in NEGATED}), 0) == []


@pytest.mark.parametrize(
    ("sentence", "language", "says"),
    [
        ("You must not do that.", "en", 2),
        ("It works not only here.", "en", 1),
        ("必ず設定しなければなりません。", "ja", 1),
        ("設定してはいけません。", "ja", 2),
        ("不仅如此。", "zh", 1),
        ("不会这样。", "zh", 2),
        ("在没有保存之前请等待。", "zh", 1),
        ("现在不支持，以前支持。", "zh", 2),
        ("这里没有、之前有。", "zh", 2),
        ("Der Aufruf gibt `not found` zurück.", "de", 0),
        ("n'importe quel nom", "fr", 1),
        ("Bonvolu ne fari tion.", "eo", None),
    ],
)
def test_polarity(sentence: str, language: str, says: int | None) -> None:
    assert polarity(sentence, language) == says


@pytest.mark.parametrize("groups", [[[0, 2]], [[0, 2], [1, 2]]])
def test_a_negation_at_the_border_of_a_group_is_told_once(groups: list[list[int]]) -> None:
    """The sentence stands in the German passage, and in English in the next one, which is in a
    group with it or in none."""
    en, de = NEGATED["en"][0], NEGATED["de"][1]
    versions = [
        version(0, "en", [(FRAME["en"][0], 0)]),
        version(1, "en", [(en, 1)]),
        version(2, "de", [(FRAME["de"][0], 0), (de, 1)]),
    ]
    found = [each for each in find_drift(versions, groups, 0.1) if each.kind == "negation"]
    told = [(each.one, each.other, each.detail) for each in found]
    assert told == [(1, 2, f"not negated here: {en} / {de}")]


def test_a_negation_that_two_of_three_versions_have_a_sentence_for_is_told_once() -> None:
    texts = {"en": NEGATED["en"][0], "de": NEGATED["de"][1], "ja": ""}
    versions = framed(texts)
    found = [
        each
        for each in find_drift(versions, [[each.id for each in versions]], 0.1)
        if each.kind == "negation"
    ]
    assert [(each.one, each.other) for each in found] == [(0, 1)]


STEPS = {
    "en": "Then the operator confirms the request by hand.",
    "de": "Dann bestätigt der Bediener die Anfrage von Hand.",
    "ja": "次にオペレーターがリクエストを手動で確認します。",
    "zh": "然后操作员会手动确认这个请求的内容。",
}


@pytest.mark.parametrize("language", STEPS)
def test_a_sentence_removed_in_one_language(language: str) -> None:
    versions = framed({**STEPS, language: ""})
    (found,) = drifts(versions)
    assert (versions[found.one].language, found.kind) == (language, "missing")
    assert found.detail.startswith("missing here: ")
    assert STEPS["de" if language == "en" else "en"] in found.detail


def test_a_sentence_that_one_language_alone_has() -> None:
    versions = framed({"en": "", "de": "", "zh": "", "ja": STEPS["ja"]})
    (found,) = drifts(versions)
    assert (found.one, found.detail) == (3, f"only here: {STEPS['ja']}")


def test_of_two_versions_a_missing_paragraph_is_reported() -> None:
    """The paragraphs before and behind are there, and nothing is between them."""
    (found,) = drifts(framed({"en": STEPS["en"], "de": ""}))
    assert (found.one, found.other, found.kind) == (1, 0, "missing")
    assert found.detail == f"missing here: {STEPS['en']}"
    assert found.confidence == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("kept", "known"),
    [
        (FRAME["de"], [("de", "missing")]),
        ((f"{FRAME['de'][0][:-1]} für alle Fälle und immer wieder neu.", FRAME["de"][1]), []),
    ],
)
def test_a_sentence_missing_in_a_paragraph_of_two_versions(
    kept: Sequence[str], known: Sequence[tuple[str, str]]
) -> None:
    """It is reported if the rest is as long as usual; if not, the rest may say it as well."""
    one = [(FRAME["en"][0], 0), (STEPS["en"], 1), (FRAME["en"][1], 2)]
    texts = [" ".join(each for each, _ in one), " ".join(kept)]
    versions = [
        version(0, "en", one, text=texts[0]),
        version(1, "de", [(kept[0], 0), (kept[1], 2)], text=texts[1]),
    ]
    assert told(versions) == known


def test_of_two_versions_what_was_joined_is_not_missing() -> None:
    """The German second sentence says the English second and third."""
    versions = framed({"en": STEPS["en"], "de": ""})
    both = MEANINGS[1] + MEANINGS[2]
    rows = np.stack([MEANINGS[0], both / np.linalg.norm(both)]).astype(np.float32)
    versions[1] = replace(versions[1], vectors=rows)
    assert told(versions) == []


def test_a_short_sentence_that_is_not_cut_as_one_is_not_missing() -> None:
    """It stands in the text, but not among the sentences."""
    versions = framed({**STEPS, "zh": ""})
    text = "\n\n".join([FRAME["zh"][0], STEPS["zh"], FRAME["zh"][1]])
    versions[3] = passage(3, "zh/page.md", text, FRAME["zh"], versions[3].vectors)
    assert drifts(versions) == []


def test_nothing_is_missing_in_a_text_that_nothing_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One Korean sentence as long as three: what it lacks may as well stand in it."""
    versions = [
        version(
            id,
            language,
            [
                (FRAME[language][0], 0),
                (STEPS[language], 1),
                (NUMBERS[language], 2),
                (FRAME[language][1], 3),
            ],
        )
        for id, language in enumerate(STEPS)
    ]
    whole = " ".join([FRAME["ko"][0][:-1], "백업은 30일 후에 삭제되고", FRAME["ko"][1]])
    versions.append(version(len(versions), "ko", [(whole, 0)]))
    assert told(versions) == []
    monkeypatch.setattr(missing, "COARSE", 100.0)
    assert set(told(versions)) == {("ko", "missing")}


def test_two_sentences_merged_into_one_are_not_missing() -> None:
    versions = framed(STEPS)
    merged = f"{FRAME['de'][0][:-1]}, und {STEPS['de']}"
    versions[1] = version(1, "de", [(merged, 0), (FRAME["de"][1], 2)])
    both = MEANINGS[0] + MEANINGS[1]
    rows = np.stack([both / np.linalg.norm(both), MEANINGS[2]]).astype(np.float32)
    versions[1] = replace(versions[1], vectors=rows)
    assert drifts(versions) == []


def test_other_borders_are_no_drift() -> None:
    """The last sentence of one English passage begins the second of the German ones."""
    en = [(FRAME["en"][0], 0), (NUMBERS["en"], 1), (FRAME["en"][1], 2)]
    de = [(FRAME["de"][0], 0), (NUMBERS["de"], 1), (FRAME["de"][1], 2)]
    versions = [
        version(0, "en", en[:2]),
        version(1, "en", en[2:]),
        version(2, "de", de[:1]),
        version(3, "de", de[1:]),
    ]
    assert find_drift(versions, [[0, 2], [1, 3]], 0.1) == []


def test_neighbours_belong_to_the_same_document() -> None:
    """The number that is missing in German stands in the next document only."""
    versions = [
        version(0, "en", [(NUMBERS["en"], 1)]),
        version(1, "de", [("Backups werden bald gelöscht.", 1)]),
        version(2, "de", [(NUMBERS["de"], 1)], "de/other.md"),
    ]
    assert [d.detail for d in find_drift(versions, [[0, 1]])] == ["only here: 30"]


def test_the_finding_names_the_passage_that_has_it() -> None:
    versions = [
        version(0, "en", [(FRAME["en"][0], 0)]),
        version(1, "en", [(NUMBERS["en"], 1)]),
        version(2, "de", [(FRAME["de"][0], 0), (NUMBERS["de"].replace("30", "45"), 1)]),
    ]
    found = find_drift(versions, [[0, 1, 2]])
    assert [(d.one, d.other, d.detail) for d in found] == [(1, 2, "30 <-> 45")]


def test_nothing_to_compare() -> None:
    assert find_drift([], []) == []
    assert drifts([version(0, "en", [("Alone.", 0)])]) == []
    assert drifts([version(0, "en", []), version(1, "de", [])]) == []


def test_more_witnesses_make_it_surer() -> None:
    sure = [confidence(KINDS["missing"], against, 0) for against in (1, 2, 4, 7)]
    assert sure == sorted(sure) and sure[0] < LEAST < sure[-1]
    assert confidence(0.7, 1, 0) == pytest.approx(0.7)
    assert confidence(0.7, 4, 1) < confidence(0.7, 4, 0)


def test_facts_of_markdown() -> None:
    found = facts("1. Run `a_b` on port 80, see [x](../y.md#z) {#top}\n\n```sh\nrun --fast=1\n```")
    assert found.numbers == {"80"}
    assert found.code == {"a_b", "run--fast=1"}
    assert found.links == {"../y.md"}


def test_numbers_in_names_are_none() -> None:
    assert numbers("OAuth2 and x86_64 need Python 3.10 on 64 bits") == {"3.10", "64"}
    assert numbers("٣٠ दिन १२") == {"30", "12"}


def test_words_for_numbers() -> None:
    assert in_words("2", "Beide Wege") and in_words("3", "三つ") and not in_words("3", "zwei")
    assert in_words("11", "noviembre") and not in_words("11", "novedades")


def test_links_of_sites_in_languages() -> None:
    assert link("https://ja.x.org/a/") == link("http://www.x.org/a#b") == "x.org/a"
    assert link("https://x.org/zh-CN/a") == "x.org/a" and link("../a.md") == "../a.md"


def test_alignment_skips_and_merges() -> None:
    size = np.full(4, 40, np.float32)
    rows = MEANINGS[:4]
    none = np.zeros((4, 3), np.float32)
    assert align_all([texts(rows, rows[[0, 1, 3]], (size, size[:3]), 1.0, none)])[0] == [
        ((0, 1), (0, 1)),
        ((1, 2), (1, 2)),
        ((2, 3), (2, 2)),
        ((3, 4), (2, 3)),
    ]
    both = (rows[1] + rows[2]) / np.linalg.norm(rows[1] + rows[2])
    merged = np.stack([rows[0], both, rows[3]])
    sizes = np.array([40, 80, 40], np.float32)
    (found,) = align_all([texts(rows, merged, (size, sizes), 1.0, none)])
    assert ((1, 3), (1, 2)) in found


def test_every_language_of_the_tables_is_used() -> None:
    assert set(NEGATED) == set(NEGATION)
    assert {polarity(text, language) for language, (_, text) in NEGATED.items()} == {2}
    assert {polarity(text, language) for language, (text, _) in NEGATED.items()} == {0}
