"""The flags that several commands share; names, defaults and help come from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from polyseek.settings import Settings, describe, read_settings

if TYPE_CHECKING:
    from polyseek.knowledge_base import KnowledgeBase


def _option(name: str, *flags: str) -> Any:  # noqa: ANN401 - typer's own type is private
    env = f"POLYSEEK_{name.upper()}"
    default = Settings.model_fields[name].default
    shown = str(default) if default not in (None, "", 0, ()) else False
    return typer.Option(
        *(flags or ("--" + name.replace("_", "-"),)),
        help=escape(describe(name)),  # else [gpu] is taken for markup
        envvar=env,
        show_default=shown,
    )


Kb = Annotated[str | None, _option("kb")]
Catalog = Annotated[str | None, _option("catalog")]
Model = Annotated[str | None, _option("model")]
ModelPath = Annotated[Path | None, _option("model_path")]
Download = Annotated[bool | None, _option("download", "--download")]
Backend = Annotated[str | None, _option("backend")]
Device = Annotated[str | None, _option("device")]
Precision = Annotated[str | None, _option("precision")]
Threads = Annotated[int | None, _option("threads")]
ChunkTokens = Annotated[int | None, _option("chunk_tokens")]
Sentences = Annotated[bool | None, _option("sentences", "--sentences/--no-sentences")]
Languages = Annotated[str | None, _option("languages")]
Ray = Annotated[str | None, _option("ray")]
ModelUrl = Annotated[str | None, _option("model_url")]
ModelTokens = Annotated[int | None, _option("model_tokens")]
QueryPrompt = Annotated[str | None, _option("query_prompt")]
PassagePrompt = Annotated[str | None, _option("passage_prompt")]
Instruction = Annotated[str | None, _option("instruction")]
Host = Annotated[str | None, _option("host")]
Port = Annotated[int | None, _option("port")]
ApiKey = Annotated[str | None, _option("api_key")]
Replicas = Annotated[int | None, _option("replicas")]
MoreModels = Annotated[str | None, _option("more_models")]
MemoryGb = Annotated[float | None, _option("memory_gb")]
QueueTokens = Annotated[int | None, _option("queue_tokens")]
MaxTexts = Annotated[int | None, _option("max_texts")]
MaxBodyMb = Annotated[int | None, _option("max_body_mb")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

DataSet = Annotated[
    Path,
    typer.Argument(
        help="A folder of documents with a questions.jsonl, or such a file among them; or a "
        "folder in BEIR's format (corpus.jsonl, queries.jsonl, qrels/)."
    ),
]

Out = Annotated[Path | None, typer.Option("--out", help="Write the whole result here, as JSON.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with charts here.")]
Ungrouped = Annotated[
    bool,
    typer.Option(
        "--ungrouped", help="Show every language version of a passage as a hit by itself."
    ),
]


def opened(**given: Any) -> KnowledgeBase:  # noqa: ANN401 - as parsed
    """Flags that were given win over the environment, and that over the defaults."""
    # Imported here: what a knowledge base is made of takes 0.2 s, and the server needs none of it.
    from polyseek.knowledge_base import KnowledgeBase

    return KnowledgeBase(read_settings(**{n: v for n, v in given.items() if v is not None}))
