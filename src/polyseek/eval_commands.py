"""The commands that measure."""

from __future__ import annotations

import hashlib
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
    Instruction,
    Json,
    Kb,
    Model,
    ModelPath,
    ModelTokens,
    ModelUrl,
    PassagePrompt,
    Precision,
    QueryPrompt,
    Sentences,
    Threads,
)
from polyseek.models.sources import cache_directory
from polyseek.policy import HELP, parse_policy
from polyseek.progress import watching
from polyseek.settings import read_settings

if TYPE_CHECKING:
    from polyseek.evaluate.dataset import Dataset


def evaluate(
    dataset: DataSet,
    kb: Kb = None,
    cuts: Annotated[
        str, typer.Option("--at", help="Among how many first hits, separated by commas.")
    ] = "5,10",
    policy: Annotated[str, typer.Option(help=f"Which languages: {HELP}.")] = "any",
    chunker: Annotated[
        str,
        typer.Option(
            help="Who cuts: structure, which is ours; window, a fixed one; or a library that is "
            "installed: langchain, langchain-markdown, chonkie, semchunk, semantic-text-splitter."
        ),
    ] = "structure",
    ungrouped: Annotated[
        bool, typer.Option("--ungrouped", help="Every language version is a hit by itself.")
    ] = False,
    written: Annotated[
        Path | None, typer.Option("--out", help="Write the whole result to this file, as JSON.")
    ] = None,
    shown: Annotated[
        Path | None, typer.Option("--html", help="Write a page with charts to this file.")
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option("--against", help="An earlier result's --out: show what has changed."),
    ] = None,
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
    model_tokens: ModelTokens = None,
    query_prompt: QueryPrompt = None,
    passage_prompt: PassagePrompt = None,
    json: Json = False,
) -> None:
    """Measure how well questions find their answers, in each language and across languages.

    A line of questions.jsonl: {"question": "…", "answers": ["en/network.md#firewall", "zh/a.md:12-20"]}

    The documents are indexed into a knowledge base in the cache; one that --kb names is measured
    as it is.
    """  # noqa: E501 - a line that is to be copied
    settings: dict[str, Any] = {
        "model": model, "model_path": model_path, "model_url": model_url, "download": download,
        "backend": backend, "device": device, "precision": precision, "threads": threads,
        "chunk_tokens": chunk_tokens, "sentences": sentences, "instruction": instruction,
        "model_tokens": model_tokens, "query_prompt": query_prompt,
        "passage_prompt": passage_prompt,
    }  # fmt: skip
    from polyseek.evaluate import record
    from polyseek.evaluate.chunkers import chunker_called
    from polyseek.evaluate.compared import differences
    from polyseek.evaluate.evaluation import Options
    from polyseek.evaluate.evaluation import evaluate as evaluated
    from polyseek.evaluate.measures import library
    from polyseek.evaluate.page import page
    from polyseek.evaluate.read import read_dataset
    from polyseek.knowledge_base import KnowledgeBase

    library()  # what is wrong is said before what takes long
    parse_policy(policy)
    options = Options(policy, not ungrouped, "", _cuts(cuts))
    earlier = record.read(before, "eval") if before else None
    data = read_dataset(dataset, cache_directory())
    where = kb or _kept(data, {**settings, "chunker": chunker})
    given = {name: value for name, value in settings.items() if value is not None}
    base = KnowledgeBase(read_settings(kb=where, **given), chunker=chunker_called(chunker))
    with base, watching(quiet=json) as watch:
        found = evaluated(base, data, options, watch, index=kb is None)
    made = found.record
    rows = differences(earlier, made) if earlier else []
    if written:
        record.write(written, record.text_of(made))
    if shown:
        record.write(shown, page(record.plain(made), rows, earlier))
    if json:
        terminal.write_json(record.plain({**made, "against": rows} if earlier else made))
        return
    eval_report.evaluated(made)
    if earlier:
        eval_report.against(rows, earlier)


def _cuts(told: str) -> tuple[int, ...]:
    parts = [part.strip() for part in told.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise BadInput(f"--at is {told!r}; it takes whole numbers from 1 on, as in 5,10")
    return tuple(sorted({int(part) for part in parts}))


def _kept(data: Dataset, settings: dict[str, Any]) -> Path:
    """Where the knowledge base of these documents is kept: one for each way to make it."""
    made = {name: str(value) for name, value in settings.items() if value is not None}
    told = repr((sorted(made.items()), [str(path.resolve()) for path in data.documents]))
    return cache_directory() / "evaluate" / hashlib.sha256(told.encode()).hexdigest()[:20]
