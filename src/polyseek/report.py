"""What the commands print: text for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from polyseek.snippets import answering, safe, snippet, wrapped
from polyseek.terminal import out as _out
from polyseek.terminal import shown as _shown
from polyseek.terminal import write_json as _json

if TYPE_CHECKING:
    from polyseek.engine.pool import Floats
    from polyseek.ingest import IndexReport
    from polyseek.instructing import Moved
    from polyseek.knowledge_base import Status
    from polyseek.models.spec import ModelSpec
    from polyseek.review import Place, VersionsReport
    from polyseek.types import Hit

INDENT = "   "


def _indented(out: Console, text: str, style: str = "", strong: tuple[int, int] = (0, 0)) -> None:
    """Print a paragraph, broken to the terminal's width; characters `strong` stand out."""
    text = safe(text)
    lines = wrapped(text, out.width - len(INDENT)) if out.is_terminal else [text]
    at = 0
    for line in lines:
        at = max(text.find(line, at), at)
        shown = Text(INDENT + line, style=style)
        first, last = (min(max(edge - at, 0), len(line)) for edge in strong)
        shown.stylize("bold green", len(INDENT) + first, len(INDENT) + last)
        out.print(shown)
        at += len(line)


def failed(error: Exception) -> None:
    """One line on stderr."""
    told = " ".join(safe(error).split())
    _out(stderr=True).print(f"[bold red]error:[/] {_shown(told)}")


def serving(address: str, spec: ModelSpec) -> None:
    """Where a server answers, and what with."""
    _out().print(
        f"[bold]{spec.name}[/] ({spec.dimensions} dimensions, up to {spec.max_tokens} tokens) at "
        f"{address}/v1; {address}/docs tells what it takes"
    )


def interrupted() -> None:
    """What a run that was stopped leaves."""
    _out(stderr=True).print("interrupted: what is stored so far stays; run it again to go on")


def indexed(done: IndexReport, path: Path, as_json: bool) -> None:
    """The summary of a run."""
    if as_json:
        _json(asdict(done))
        return
    out = _out()
    for name, reason in done.failed.items():
        out.print(f"[red]failed[/] {_shown(name)}: {_shown(reason.removeprefix(name + ': '))}")
    counts = [
        (len(done.new), "new"),
        (len(done.changed), "changed"),
        (done.unchanged, "unchanged"),
        (len(done.removed), "removed"),
        (len(done.failed), "failed"),
    ]
    told = ", ".join(f"{n} {word}" for n, word in counts if n) or "no documents"
    links = f"; {done.linked} pairs of versions" if done.linked else ""
    rate = f" ({done.tokens / done.seconds:,.0f} tokens/s)" if done.embedded else ""
    out.print(
        f"{_shown(path)}: {told}; {done.embedded} of {done.chunks} passages embedded in "
        f"{done.seconds:.1f} s{rate}{links}"
    )


def found(hits: Sequence[Hit], *, explain: bool, full: bool, as_json: bool) -> None:
    """The passages of a search."""
    if as_json:
        _json([{**asdict(hit), "parts": dict(hit.parts)} for hit in hits])
        return
    out = _out()
    if not hits:
        out.print("Nothing found. `polyseek status` shows what the knowledge base holds.")
    for rank, hit in enumerate(hits, start=1):
        lines = f"{hit.line_start}-{hit.line_end}"
        out.print(
            f"[bold]{rank}[/]  [cyan]{_shown(hit.path)}[/]:{lines}  "
            f"[magenta]{hit.language or '?'}[/]  {hit.score:.3f}"
        )
        if explain:
            parts = "  ".join(f"{name} {value:+.3f}" for name, value in hit.parts.items())
            _indented(out, parts, "dim")
        if hit.headings:
            _indented(out, " > ".join(hit.headings), "bold")
        if full:
            for line in hit.text.splitlines():
                _indented(out, line)
        else:
            told = snippet(hit)
            _indented(out, told, strong=answering(hit, told))
        for version in hit.versions:
            lines = f"{version.line_start}-{version.line_end}"
            _indented(out, f"= {version.language or '?'}  {version.path}:{lines}", "dim")
        out.print()


def status(what: Status, documents: Sequence[str] | None, as_json: bool) -> None:
    """What a knowledge base holds."""
    if as_json:
        listed = {} if documents is None else {"paths": list(documents)}
        _json(asdict(what) | listed)
        return
    out, held = _out(), what.statistics
    rows: Mapping[str, object] = {
        "knowledge base": what.path,
        "documents": held.documents,
        "passages": held.chunks,
        **({"instruction": what.instruction} if what.instruction else {}),
        "languages": ", ".join(
            f"{name or '?'} {n}" for name, n in sorted(held.languages.items(), key=lambda i: -i[1])
        ),
        **{name: value for name, value in what.fingerprint.items()},
    }
    for name, value in rows.items():
        out.print(f"[bold]{name:<16}[/]{_shown(value)}".rstrip())
    for name in documents or ():
        out.print(_shown(name))


def verified(problems: Sequence[str], as_json: bool) -> None:
    """What `verify` found."""
    if as_json:
        _json({"problems": list(problems)})
        return
    out = _out()
    for problem in problems:
        out.print(f"[red]problem[/] {_shown(problem)}")
    if not problems:
        out.print("whole: documents, vectors and indexes agree")


class Shown(StrEnum):
    """What `versions` reports."""

    all = "all"
    missing = "missing"
    drifted = "drifted"


def versions(found: VersionsReport, show: Shown, as_json: bool) -> bool:
    """What is missing and what has drifted; whether there was anything of what is shown."""
    missing, drifted = show != Shown.drifted, show != Shown.missing
    anything = bool(
        (missing and (found.documents or found.passages)) or (drifted and found.drifted)
    )
    if as_json:
        _json(asdict(found))
        return anything
    out = _out()
    for languages, count in found.groups.items():
        told = languages or "other languages, or in none that is known"
        out.print(f"[bold]{count:>7}[/] passages in {_shown(told)}")
    if missing:
        for path, lacking in found.documents.items():
            out.print(f"[red]no {' '.join(lacking)}[/]  {_shown(path)}")
        for each in found.passages:
            told = " > ".join(each.places[0].headings)
            where = "  ".join(_where(place) for place in each.places)
            _told(out, f"[red]no {' '.join(each.languages)}[/]  {where}", told)
    if drifted:
        for drift in found.drifted:
            _told(out, f"[red]{drift.kind}[/] {drift.confidence:.2f}", drift.detail)
            _beside(out, drift.one, drift.other)
    if not anything:
        out.print("nothing to report" if show != Shown.all else "complete: nothing is missing")
    return anything


def _told(out: Console, begin: str, text: str) -> None:
    """A finding and what is said about it: on one line, or below it on a terminal."""
    if out.is_terminal:
        out.print(begin)
        _indented(out, text)
    else:
        out.print(f"{begin}  {_shown(text)}".rstrip())


def _where(place: Place) -> str:
    return f"[cyan]{_shown(place.path)}[/]:{place.line_start}-{place.line_end}"


def _beside(out: Console, one: Place, other: Place) -> None:
    """Two passages, side by side."""
    table = Table(box=None, pad_edge=False, padding=(0, 3), width=out.width)
    for place in (one, other):
        table.add_column(_where(place), ratio=1, overflow="fold")
    table.add_row(*(Text(safe(place.text)) for place in (one, other)))
    _out().print(table, soft_wrap=False)


def similar(texts: Sequence[str], cosines: Floats, as_json: bool) -> None:
    """A matrix of cosines, and the texts by number."""
    if as_json:
        _json({"texts": list(texts), "cosines": cosines.round(4).tolist()})
        return
    out = _out()
    for number, text in enumerate(texts, start=1):
        out.print(f"[bold]{number:>3}[/]  {_shown(text)}")
    out.print("\n     " + " ".join(f"[bold]{number:>6}[/]" for number in range(1, len(texts) + 1)))
    for number, row in enumerate(cosines, start=1):
        out.print(f"[bold]{number:>3}[/]  " + " ".join(f"{cosine:6.3f}" for cosine in row))


def instructed(sentences: Sequence[str], found: Sequence[Moved], as_json: bool) -> None:
    """How the similarities of sentences moved: a matrix an instruction, and the furthest pairs."""
    if as_json:
        _json({"sentences": list(sentences), "instructions": [asdict(each) for each in found]})
        return
    out = _out()
    for number, sentence in enumerate(sentences, start=1):
        out.print(f"[bold]{number:>3}[/]  {_shown(sentence)}")
    out.print("rows are these as questions, columns as passages; in each cell their cosine")
    for each in found:
        out.print(f"\n[bold cyan]{_shown(each.name)}[/]  {_shown(each.task)}".rstrip())
        for number, row in enumerate(each.similarities, start=1):
            out.print(f"[bold]{number:>3}[/]  " + " ".join(f"{cosine:6.3f}" for cosine in row))
        moved = [
            f"{question + 1} to {passage + 1} {move:+.3f}"
            for question, passage, move in each.furthest()
            if move
        ]
        if moved:
            out.print(f"     moved furthest: {', '.join(moved)}", style="dim")


def removed(names: Sequence[str], as_json: bool) -> None:
    """Which documents were forgotten."""
    if as_json:
        _json({"removed": list(names)})
        return
    out = _out()
    for name in names:
        out.print(f"removed {_shown(name)}")


def models(rows: Sequence[tuple[ModelSpec, str]], as_json: bool) -> None:
    """The models and where their weights are."""
    if as_json:
        _json([{**asdict(spec), "weights": where or None} for spec, where in rows])
        return
    table = Table(box=None, pad_edge=False)
    for title in ("model", "weights", "size", "dimensions", "tokens", "licence"):
        table.add_column(title, no_wrap=title == "model")
    for spec, where in rows:
        table.add_row(
            spec.name,
            where or "not here",
            f"{spec.parameters / 1e9:.1f} B"
            if spec.parameters > 1e9
            else f"{spec.parameters / 1e6:.0f} M",
            str(spec.dimensions),
            str(spec.max_tokens),
            spec.licence,
        )
    _out().print(table)
    if not all(where for _, where in rows):
        _out().print("--download fetches what is not here, when it is used.")
