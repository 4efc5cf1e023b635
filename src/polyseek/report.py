"""What the commands print: text for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from polyseek.snippets import answering, safe, snippet
from polyseek.terminal import indented
from polyseek.terminal import out as _out
from polyseek.terminal import shown as _shown
from polyseek.terminal import write_json as _json

if TYPE_CHECKING:
    from polyseek.engine.pool import Floats
    from polyseek.ingest import IndexReport
    from polyseek.instructing import Moved
    from polyseek.models.spec import ModelSpec
    from polyseek.status import Status
    from polyseek.transfer import Loaded, Manifest
    from polyseek.types import Hit


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


def version(number: str) -> None:
    """Which polyseek this is."""
    _out().print(f"polyseek {number}")


def ending(left: int) -> None:
    """What a server that was told to end still does."""
    requests = "request" if left == 1 else "requests"
    _out(stderr=True).print(f"ending: answering what was admitted, {left} {requests} left")


def indexed(done: IndexReport, path: Path | str, as_json: bool) -> None:
    """The summary of a run."""
    if not done.read:
        told = "there was no document to read; Markdown, plain text and HTML are documents"
        _out(stderr=True).print(f"[yellow]warning:[/] {told}")
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
    if done.others:
        told = ", ".join(f"{count} {_shown(kind)}" for kind, count in done.others.items())
        out.print(f"[dim]not read: {told}; Markdown, plain text and HTML are[/]")


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
            indented(out, parts, "dim")
        if hit.headings:
            indented(out, " > ".join(hit.headings), "bold")
        if full:
            for line in hit.text.splitlines():
                indented(out, line)
        else:
            told = snippet(hit)
            indented(out, told, strong=answering(hit, told))
        for version in hit.versions:
            lines = f"{version.line_start}-{version.line_end}"
            indented(out, f"= {version.language or '?'}  {version.path}:{lines}", "dim")
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
        task = each.task if each.task != each.name else ""
        out.print(f"\n[bold cyan]{_shown(each.name)}[/]  {_shown(task)}".rstrip())
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


def exported(made: Manifest, directory: Path, as_json: bool) -> None:
    """What an export holds."""
    if as_json:
        told = {"counts": dict(made.counts), "bytes": made.bytes, "digest": made.digest}
        _json({"directory": directory, "format": made.format} | told)
        return
    out = _out()
    out.print(
        f"{_shown(directory)}: {_held(made)}; {len(made.files)} files, {made.bytes / 1e6:,.1f} MB"
    )
    out.print(f"digest {made.digest}")


def imported(done: Loaded, path: Path | str, as_json: bool) -> None:
    """What an import did."""
    made = done.manifest
    if as_json:
        told = {"counts": dict(made.counts), "digest": made.digest, "already": done.already}
        _json({"knowledge_base": path} | told)
        return
    out = _out()
    end = "all of it was there before" if done.already else "the copy is the same"
    out.print(f"{_shown(path)}: {_held(made)}; {end}")
    out.print(f"digest {made.digest}")


def _held(made: Manifest) -> str:
    names = {"documents": "documents", "chunks": "passages", "links": "pairs of versions"}
    return ", ".join(f"{made.counts[table]:,} {name}" for table, name in names.items())


def models(rows: Sequence[tuple[ModelSpec, str]], as_json: bool) -> None:
    """The models and where their weights are."""
    if as_json:
        _json([{**asdict(spec), "weights": where or None} for spec, where in rows])
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("model", "weights", "parameters", "dimensions", "tokens", "licence"):
        table.add_column(title, no_wrap=title != "licence")
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
