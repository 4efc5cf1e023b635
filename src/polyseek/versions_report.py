"""What `versions`, `link` and `unlink` print."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from polyseek.snippets import safe
from polyseek.terminal import INDENT, indented, out, shown, write_json

if TYPE_CHECKING:
    from polyseek.review import Drifted, Place, VersionsReport


class Shown(StrEnum):
    """What `versions` reports."""

    all = "all"
    missing = "missing"
    drifted = "drifted"


def versions(found: VersionsReport, show: Shown, as_json: bool) -> bool:
    """What is missing and what has drifted; whether there was anything of what is shown, or
    nothing to look at."""
    missing, drifted = show != Shown.drifted, show != Shown.missing
    empty = not found.groups
    asked = {"documents": missing, "passages": missing, "drifted": drifted}
    told = {name: value for name, value in asdict(found).items() if asked.get(name, True)}
    anything = any(told.get(name) for name in asked)
    if as_json:
        write_json(told)
        return anything or empty
    to = out()
    for languages, count in found.groups.items():
        where = languages or "other languages, or in none that is known"
        to.print(f"[bold]{count:>7}[/] passages in {shown(where)}")
    if missing:
        _missing(to, found)
    if drifted:
        for drift in found.drifted:
            _drift(to, drift)
    if empty:
        to.print("there are no documents to compare; `polyseek index` some first")
    elif not anything:
        to.print("nothing to report" if show != Shown.all else "complete: nothing is missing")
    return anything or empty


def stated(one: str, other: str, *, versions: bool) -> None:
    """What a person said of two passages, each "path:line"."""
    are = "are versions" if versions else "are no versions"
    holds = "as long as both texts stay as they are"
    out().print(f"{shown(one)} and {shown(other)} {are} of each other, {holds}")


def _missing(to: Console, found: VersionsReport) -> None:
    for path, lacking in found.documents.items():
        to.print(f"[red]no {' '.join(lacking)}[/]  {shown(path)}")
    for each in found.passages:
        where = "  ".join(_where(place) for place in each.places)
        heads = " > ".join(each.places[0].headings)
        _told(to, f"[red]no {' '.join(each.languages)}[/]  {where}", heads)


def _drift(to: Console, drift: Drifted) -> None:
    """A finding and both texts, apart from what stands before: side by side on a terminal; in a
    pipe, where lines are searched for, below each other and whole."""
    to.print()
    _told(to, f"[red]{drift.kind}[/] {drift.confidence:.2f}", _detail(drift))
    sides = (
        (drift.one, f"{_where(drift.one)} (here)"),
        (drift.other, f"{_where(drift.other)} (there)"),
    )
    if to.is_terminal:
        table = Table(box=None, pad_edge=False, padding=(0, 3), width=to.width)
        for _, title in sides:
            table.add_column(title, ratio=1, overflow="fold")
        table.add_row(*(Text(safe(place.text)) for place, _ in sides))
        to.print(table, soft_wrap=False)
        return
    for place, title in sides:
        to.print(title)
        for line in safe(place.text).splitlines():
            to.print(Text((INDENT + line).rstrip()))


def _detail(drift: Drifted) -> str:
    """What differs; of two numbers that stand in each other's place, both."""
    # Imported here: it takes 0.04 s, and no other command needs it.
    from polyseek.languages.facts import facts

    here, there = (facts(place.text).numbers for place in (drift.one, drift.other))
    if drift.kind != "number" or len(here - there) != 1 or len(there - here) != 1:
        return drift.detail
    (own,), (other,) = here - there, there - here
    only, lacking = f"only here: {own}", f"missing here: {other}"
    if drift.detail in (only, lacking, f"{only}; {lacking}", f"{own} <-> {other}"):
        return f"{own} here, {other} there"
    return drift.detail


def _told(to: Console, begin: str, text: str) -> None:
    """A finding and what is said about it: on one line, or below it on a terminal."""
    if to.is_terminal:
        to.print(begin)
        indented(to, text)
    else:
        to.print(f"{begin}  {shown(text)}".rstrip())


def _where(place: Place) -> str:
    return f"[cyan]{shown(place.path)}[/]:{place.line_start}-{place.line_end}"
