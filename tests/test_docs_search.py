"""docs/search.md tells every field of a hit and every part of a score."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from polyseek import Hit
from test_review import guides, made

TEXT = (Path(__file__).parents[1] / "docs" / "search.md").read_text("utf-8")
PARTS, FIELDS = TEXT.split("## ")[1:]


def told(section: str) -> list[str]:
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_the_fields_of_a_hit() -> None:
    in_text = re.findall(r"`(\w+)`", FIELDS)
    assert sorted({*told(FIELDS), "start", "end"}) == sorted(each.name for each in fields(Hit))
    assert {"start", "end"} <= set(in_text)


def test_the_parts_of_a_score(tmp_path: Path) -> None:
    files = guides() | {"en/code.md": "# Codes\n\nERR-0012 means that the disk is full.\n"}
    kb = made(tmp_path, files)
    found = [
        *kb.search("a backup of the server"),
        *kb.search("What does ERR-0012 mean?", policy="prefer:en", every_passage=True),
    ]
    assert sorted({name for hit in found for name in hit.parts}) == sorted(told(PARTS))
