"""docs/search.md tells every field of a hit and every part of a score."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from polyseek import Hit, scoring

TEXT = (Path(__file__).parents[1] / "docs" / "search.md").read_text("utf-8")
PARTS, FIELDS = TEXT.split("## ")[1:]


def told(section: str) -> list[str]:
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_the_fields_of_a_hit() -> None:
    in_text = re.findall(r"`(\w+)`", FIELDS)
    assert sorted({*told(FIELDS), "start", "end"}) == sorted(each.name for each in fields(Hit))
    assert {"start", "end"} <= set(in_text)


def test_the_parts_of_a_score() -> None:
    source = Path(scoring.__file__).read_text("utf-8")
    written = re.findall(r'"(\w+)": (?:float|NAMES)|parts\["(\w+)"\]|\.plus\(\s*"(\w+)"', source)
    names = {name for found in written for name in found if name}
    assert sorted(told(PARTS)) == sorted(names)
