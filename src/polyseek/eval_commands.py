"""The commands that measure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyseek import eval_report, terminal
from polyseek.errors import BadInput
from polyseek.flags import (
    Backend,
    ChunkTokens,
    DataSet,
    Device,
    Download,
    Html,
    Instruction,
    Json,
    Model,
    ModelPath,
    ModelUrl,
    Out,
    Precision,
    Sentences,
    Threads,
    Ungrouped,
)
from polyseek.models.sources import cache_directory
from polyseek.models.spec import DEFAULT
from polyseek.policy import HELP, parse_policy
from polyseek.progress import interruptible, watching
from polyseek.settings import Settings, read_settings

if TYPE_CHECKING:
    from polyseek.evaluate.dataset import Dataset


MAKE = (
    "model", "model_path", "model_url", "model_tokens", "query_prompt", "passage_prompt", "backend",
    "device", "precision", "chunk_tokens", "sentences", "languages", "instruction",
)  # fmt: skip
"""Settings that a knowledge base is made by."""
AsItIs = Annotated[
    str | None,
    typer.Option("--kb", help="Measure this knowledge base as it is, and not one in the cache."),
]
Cuts = Annotated[str, typer.Option("--at", help="Among how many first hits, separated by commas.")]
PolicyName = Annotated[str, typer.Option("--policy", help=f"Which languages: {HELP}.")]
ChunkerName = Annotated[
    str,
    typer.Option(
        "--chunker",
        help="Who cuts: structure, which is ours; window, a fixed one; or a library that is "
        "installed: langchain, langchain-markdown, chonkie, semchunk, semantic-text-splitter.",
    ),
]
Against = Annotated[
    Path | None,
    typer.Option("--against", help="An earlier result's --out: show what has changed."),
]


def evaluate(
    dataset: DataSet,
    kb: AsItIs = None,
    cuts: Cuts = "5,10",
    policy: PolicyName = "any",
    chunker: ChunkerName = "structure",
    ungrouped: Ungrouped = False,
    out: Out = None,
    html: Html = None,
    against: Against = None,
    model: Model = None,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
    download: Download = None,
    backend: Backend = None,
    device: Device = None,
    precision: Precision = None,
    threads: Threads = None,
    chunk_tokens: ChunkTokens = None,
    sentences: Sentences = None,
    instruction: Instruction = None,
    json: Json = False,
) -> None:
    """Measure how well questions find their answers, in each language and across languages.

    A line of questions.jsonl: {"question": "…", "answers": ["en/a.md#firewall", "zh/a.md:12-20"]}

    The documents are indexed into a knowledge base in the cache, which the next run finds again.
    """
    given = {name: value for name, value in locals().items() if name in Settings.model_fields}
    settings = {name: value for name, value in given.items() if value is not None}
    put = _Put(dataset, _cuts(cuts), policy, chunker, not ungrouped)
    # Imported here, as all of `evaluate`: the other commands never need it.
    from polyseek.evaluate import record

    record.check(out, html)
    earlier = record.read(against, "eval") if against else None
    _report(_evaluated(put, settings, json), earlier, out, html, json)


@dataclass(frozen=True, slots=True)
class _Put:
    """What is put to what."""

    dataset: Path
    cuts: tuple[int, ...]
    policy: str
    chunker: str
    grouped: bool


def _evaluated(put: _Put, settings: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """The record. What is wrong is said before what takes long."""
    from polyseek.evaluate.chunkers import chunker_called
    from polyseek.evaluate.evaluation import Options
    from polyseek.evaluate.evaluation import evaluate as evaluated
    from polyseek.evaluate.measures import library
    from polyseek.evaluate.read import read_dataset
    from polyseek.evaluate.record import plain
    from polyseek.knowledge_base import KnowledgeBase

    library()
    policy, chunker = parse_policy(put.policy), chunker_called(put.chunker)
    data = read_dataset(put.dataset, cache_directory())
    data.check(policy)
    index = "kb" not in settings
    if index:
        settings["kb"] = _kept(data, read_settings(**settings), put.chunker)
    base = KnowledgeBase(read_settings(**settings), chunker=chunker)
    options = Options(put.policy, put.grouped, cuts=put.cuts)
    with interruptible(), base, watching(quiet=quiet) as watch:
        return dict(plain(evaluated(base, data, options, watch, index=index).record))


def _report(
    made: dict[str, Any],
    earlier: dict[str, Any] | None,
    out: Path | None,
    html: Path | None,
    json: bool,
) -> None:
    from polyseek.evaluate import record
    from polyseek.evaluate.compared import changed, differences
    from polyseek.evaluate.page import page

    if out:
        record.write(out, record.text_of(made))
    rows = differences(earlier, made) if earlier else []
    if html:
        record.write(html, page(made, rows, earlier))
    if json:
        terminal.write_json({**made, "against": rows} if earlier else made)
        return
    eval_report.evaluated(made)
    if earlier:
        eval_report.against(rows, earlier, changed(earlier, made))
    eval_report.written(out, html)


def _cuts(told: str) -> tuple[int, ...]:
    parts = [part.strip() for part in told.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise BadInput(f"--at is {told!r}; it takes whole numbers from 1 on, as in 5,10")
    return tuple(sorted({int(part) for part in parts}))


def _kept(data: Dataset, settings: Settings, chunker: str) -> Path:
    """Where the knowledge base of these documents is kept: one for each way to make it, be it told
    by flags or by the environment."""
    made = {name: str(getattr(settings, name)) for name in MAKE}
    if not settings.model_path and not settings.model_url:
        made["model"] = settings.model or DEFAULT  # the same, whether it is named or not
    documents = [str(path.resolve()) for path in data.documents]
    told = hashlib.sha256(repr((made, chunker, documents)).encode()).hexdigest()
    return cache_directory() / "evaluate" / told[:20]
