"""Links: which chunks are versions of each other, why, and what a person said about it.

A link joins two chunks of different languages. Links go with their chunks; a document that is new
or changed is `pending` until its own have been looked for, which a killed run leaves to the next.
Statements name a passage by its document and its text's key, so they outlive ids: when a document
is indexed again they hold for every passage whose text is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from polyseek.store.arrays import Ids
from polyseek.store.database import Statements
from polyseek.store.sentences import AT_ONCE

STATED = "stated"
"""The evidence of a link that a person made."""


@dataclass(frozen=True, slots=True)
class StoredLink:
    """Chunks `one` < `other` are versions of each other."""

    one: int
    other: int
    cosine: float
    """In neutral space, when it was found."""
    margin: float
    """That over what is usual for their nearest neighbours; 0 if a person stated the link."""
    evidence: tuple[str, ...]


def pending(db: Statements) -> list[str]:
    """Paths of the documents whose links have not been looked for, sorted."""
    return [
        path for (path,) in db.execute("SELECT path FROM documents WHERE linked = 0 ORDER BY 1")
    ]


def all_links(db: Statements) -> list[StoredLink]:
    """Every link, in the order of ids."""
    rows = db.execute("SELECT one, other, cosine, margin, evidence FROM links ORDER BY one, other")
    return [
        StoredLink(one, other, cosine, margin, tuple(evidence.split()))
        for one, other, cosine, margin, evidence in rows
    ]


def links_of(db: Statements, ids: Sequence[int] | Ids) -> dict[int, list[int]]:
    """Chunk -> the chunks it is linked with, ascending; only chunks that have links."""
    found: dict[int, list[int]] = {}
    wanted = [int(id) for id in ids]
    for first in range(0, len(wanted), AT_ONCE):
        some = wanted[first : first + AT_ONCE]
        marks = ",".join("?" * len(some))
        rows = db.execute(
            f"SELECT one, other FROM links WHERE one IN ({marks}) UNION ALL "
            f"SELECT other, one FROM links WHERE other IN ({marks})",
            (*some, *some),
        )
        for one, other in rows:
            found.setdefault(one, []).append(other)
    return {one: sorted(others) for one, others in found.items()}


def put_links(db: Statements, links: Sequence[StoredLink]) -> None:
    """Store links; one that is there already gets the new evidence, unless a person stated it."""
    db.executemany(
        "INSERT INTO links VALUES (?, ?, ?, ?, ?) ON CONFLICT (one, other) DO UPDATE SET "
        "cosine = excluded.cosine, margin = excluded.margin, evidence = excluded.evidence "
        f"WHERE links.evidence != '{STATED}'",
        [
            (link.one, link.other, link.cosine, link.margin, " ".join(link.evidence))
            for link in links
        ],
    )


def mark_linked(db: Statements, paths: Sequence[str]) -> None:
    """Note that the links of these documents have been looked for."""
    db.executemany("UPDATE documents SET linked = 1 WHERE path = ?", [(path,) for path in paths])


def state(db: Statements, one: tuple[str, bytes], other: tuple[str, bytes], linked: bool) -> None:
    """Keep what a person said of two passages, each a document's path and a text's key.

    What is no version of `one` is none of what `one` is linked with either: the link to any of
    those would bring it back.
    """
    pairs = [(one, other)]
    if not linked:
        near = links_of(db, _ids(db, one))
        others = sorted({id for ids in near.values() for id in ids} - set(_ids(db, other)))
        pairs += [(_place(db, id), other) for id in others]
    db.executemany(
        "INSERT INTO statements VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (path, key, other_path, other_key) DO UPDATE SET linked = excluded.linked",
        [(*first, *second, int(linked)) for first, second in map(sorted, pairs)],
    )
    apply_statements(db)


def _ids(db: Statements, place: tuple[str, bytes]) -> list[int]:
    rows = db.execute(
        "SELECT chunks.id FROM chunks JOIN documents ON documents.id = document_id "
        "WHERE path = ? AND key = ?",
        place,
    )
    return [id for (id,) in rows]


def _place(db: Statements, id: int) -> tuple[str, bytes]:
    path, key = db.execute(
        "SELECT path, key FROM chunks JOIN documents ON documents.id = document_id "
        "WHERE chunks.id = ?",
        (id,),
    ).fetchone()
    return path, key


def apply_statements(db: Statements) -> None:
    """Make the links what people said, wherever both passages are there."""
    for one, other, linked in list(_stated_pairs(db)):
        pair = min(one, other), max(one, other)
        if linked and one != other:
            put_links(db, [StoredLink(*pair, 1.0, 0.0, (STATED,))])
        else:
            db.execute("DELETE FROM links WHERE one = ? AND other = ?", pair)


def _stated_pairs(db: Statements) -> Iterator[tuple[int, int, bool]]:
    yield from db.execute(
        "SELECT a.id, b.id, statements.linked FROM statements "
        "JOIN documents AS d ON d.path = statements.path "
        "JOIN chunks AS a ON a.document_id = d.id AND a.key = statements.key "
        "JOIN documents AS e ON e.path = other_path "
        "JOIN chunks AS b ON b.document_id = e.id AND b.key = other_key"
    )


def link_faults(db: Statements) -> list[str]:
    """Links within one language, and documents that are still pending."""
    faults = [
        f"chunks {one} and {other} are linked, and both are in language {language!r}"
        for one, other, language in db.execute(
            "SELECT one, other, a.language FROM links JOIN chunks AS a ON a.id = one "
            "JOIN chunks AS b ON b.id = other WHERE a.language = b.language AND evidence != ?",
            (STATED,),
        )
    ]
    waiting = pending(db)
    return [*faults, told_pending(waiting)] if waiting else faults


def told_pending(paths: Sequence[str]) -> str:
    """What is wrong while these documents, at least one, are pending."""
    return (
        f"the versions of {len(paths)} documents have not been looked for, {paths[0]!r} "
        "among them: run `polyseek index` again"
    )
