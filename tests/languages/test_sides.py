"""Passages as they are compared: code that is cut, known borders, which passage has a fact, and
documents in several languages."""

from __future__ import annotations

import numpy as np
import pytest

from polyseek.languages.drift import Version, find_drift
from polyseek.languages.sides import Sentences, Side, read

from .passages import passage

CODE = "```python title='x'\nfirst = load_it(1)\n\nsecond = load_it(2)\n```"
TEXTS = {
    "en": f"It is read at once.\n\n{CODE}\n\nThen wait for 30 seconds.",
    "de": f"Es wird sofort gelesen.\n\n{CODE}\n\nDann 30 Sekunden lang warten.",
}


def bare(id: int, document: str, text: str) -> Version:
    """A passage without sentences."""
    return passage(id, document, text, [], np.zeros((0, 8), np.float32))


def cut(**instead: str) -> list[tuple[str, str]]:
    """Kinds and details of what is found in a page whose passages are cut within its code."""
    versions: list[Version] = []
    for language, text in {**TEXTS, **instead}.items():
        at = text.index("second")
        for part in (text[:at].rstrip(), text[at:]):
            versions.append(bare(len(versions), f"{language}/a.md", part))
    return [(found.kind, found.detail) for found in find_drift(versions, [[0, 2], [1, 3]])]


def test_code_that_is_cut_is_read_as_code_and_prose_as_prose() -> None:
    assert cut() == []
    assert cut(de=TEXTS["de"].replace("30", "45")) == [("number", "30 <-> 45")]
    assert cut(de=TEXTS["de"].replace("(2)", "(3)")) == [
        ("code", "second=load_it(2) <-> second=load_it(3)")
    ]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_ends_of_lines_may_be_written_otherwise(end: str) -> None:
    de = TEXTS["de"].replace("\n", end)
    assert cut(de=de) == []
    assert cut(de=de.replace("30", "45")) == [("number", "30 <-> 45")]
    assert cut(de=de.replace("(2)", "(3)")) == [("code", "second=load_it(2) <-> second=load_it(3)")]


def test_a_cut_block_that_holds_words_holds_words_still() -> None:
    drawn = {name: text.replace("python title='x'", "text") for name, text in TEXTS.items()}
    assert cut(**{**drawn, "de": drawn["de"].replace("load", "lade")}) == []


def test_prose_of_a_passage_that_begins_in_code() -> None:
    """As long as the text, and blank where the code is, so that places mean the same in both."""
    at = TEXTS["en"].index("second")
    said = "Then wait for 30 seconds."
    row = np.eye(1, 8, dtype=np.float32)
    first = bare(0, "en/a.md", TEXTS["en"][:at].rstrip())
    known = read([first, passage(1, "en/a.md", TEXTS["en"][at:], [said], row)])
    side = Side(known[1:], known)
    assert (len(side.prose), side.prose.split()) == (
        len(side.near),
        f"It is read at once. {said}".split(),
    )
    (start,) = side.starts
    assert side.near[start:] == side.prose[start:] == said


def test_a_sentence_is_where_its_border_is() -> None:
    """And not where the same words stand first, which is in the code."""
    said, row = "The copy is kept.", np.eye(1, 8, dtype=np.float32)
    text = f"```\n{said}\n```\n\n{said}"
    at = text.rindex(said)
    known = Sentences(Version(0, "en/a.md", "en", text, ((at, len(text)),), row))
    assert (known.kept, known.starts, known.blocks) == ([said], [at], [1])


@pytest.mark.parametrize(
    ("kind", "fact", "texts"),
    [
        ("code", "max_age", ["See `max_ages`.", "See `max_age`."]),
        ("number", "30", ["It has 1305 parts.", "It has 30 parts."]),
        ("number", "1000", ["It has 1,000,000 parts.", "It has 1,000 parts."]),
        ("link", "x.org/a", ["See https://x.org/ab there.", "See https://x.org/a there."]),
    ],
)
def test_the_passage_that_has_a_fact(kind: str, fact: str, texts: list[str]) -> None:
    """Not one that has it within another."""
    known = read([bare(id, "en/a.md", text) for id, text in enumerate(texts)])
    assert Side(known, known).owner(kind, fact) == 1
    assert Side(known, known).owner(kind, "nowhere") == 0


def test_a_link_within_another_is_another() -> None:
    texts = {"en": "See [it](https://x.org/a).", "de": "Siehe [hier](https://x.org/a-b)."}
    versions = [bare(at, f"{each}/a.md", text) for at, (each, text) in enumerate(texts.items())]
    (found,) = find_drift(versions, [[0, 1]])
    assert (found.kind, found.detail) == ("link", "x.org/a <-> x.org/a-b")


def test_a_document_in_two_languages_is_two_versions() -> None:
    """Its passages of one language are neighbours, whatever stands between them."""
    texts = [
        ("en", "Backups are deleted."),
        ("de", "Backups werden gelöscht, nach 30 Tagen."),
        ("en", "That happens after 30 days."),
    ]
    versions = [
        Version(id, "both.md", language, text, (), np.zeros((0, 8), np.float32))
        for id, (language, text) in enumerate(texts)
    ]
    assert find_drift(versions, [[0, 1]]) == [], "the next English passage has the number"
    (found,) = find_drift(versions[:2], [[0, 1]])
    assert (found.one, found.other, found.detail) == (1, 0, "only here: 30")
