"""The command line: parse, call once, print.

Exit codes: 0 done; 1 done, but something wants attention (a file failed, `verify` found a
problem, `versions` has something to report, nothing was found); 2 wrong input or usage; 3 the
model cannot be used; 4 the knowledge base cannot be used; 5 another process is writing to it;
130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from polyseek import __version__, report
from polyseek.compare_command import compare
from polyseek.errors import BadInput, Locked, ModelError, PolyseekError, StoreError
from polyseek.eval_commands import evaluate
from polyseek.flags import (
    Backend,
    Catalog,
    ChunkTokens,
    Device,
    Download,
    Instruction,
    Json,
    Kb,
    Languages,
    Model,
    ModelPath,
    ModelTokens,
    ModelUrl,
    PassagePrompt,
    Precision,
    QueryPrompt,
    Ray,
    Sentences,
    Threads,
    Ungrouped,
    opened,
)
from polyseek.load_commands import loadtest
from polyseek.model_commands import instruct, models, similarity
from polyseek.policy import HELP
from polyseek.progress import interruptible, watching
from polyseek.serving import serve
from polyseek.transfer_commands import export, load
from polyseek.versions_commands import link, unlink, versions

EXIT = {Locked: 5, BadInput: 2, ModelError: 3, StoreError: 4, PolyseekError: 1}
"""First match wins; Locked is a StoreError."""

app = typer.Typer(
    epilog="Exit codes: 0 done; 1 done, but a file failed, nothing was found, or verify or "
    "versions has something to report; 2 wrong input; 3 model; 4 knowledge base; 5 another "
    "process is writing to it; 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        report.version(__version__)
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Search documents in any mix of languages with a question in any language."""


@app.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Directories and files to index.")],
    kb: Kb = None,
    catalog: Catalog = None,
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
    languages: Languages = None,
    instruction: Instruction = None,
    model_tokens: ModelTokens = None,
    query_prompt: QueryPrompt = None,
    passage_prompt: PassagePrompt = None,
    ray: Ray = None,
    json: Json = False,
) -> None:
    """Bring the knowledge base in step with files: Markdown, plain text, HTML.

    Only what is new or changed is read and embedded; documents whose files are gone are removed.
    Killed in the middle, it goes on where it stopped when it is run again."""
    base = opened(
        kb=kb, catalog=catalog, model=model, model_path=model_path, model_url=model_url,
        download=download, backend=backend, device=device, precision=precision, threads=threads,
        chunk_tokens=chunk_tokens, sentences=sentences, languages=languages,
        instruction=instruction, model_tokens=model_tokens, query_prompt=query_prompt,
        passage_prompt=passage_prompt, ray=ray,
    )  # fmt: skip
    with interruptible(), base, watching(quiet=json) as watch:
        done = base.index(list(paths), watch)
    report.indexed(done, base.path, json)
    raise typer.Exit(1 if done.failed else 0)


Every = Annotated[
    bool,
    typer.Option(
        "--every-passage", help="Show also passages beside a better one in their section."
    ),
]


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="A question, in any language.")],
    kb: Kb = None,
    catalog: Catalog = None,
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 5,
    policy: Annotated[str, typer.Option(help=f"Which languages: {HELP}.")] = "any",
    language: Annotated[
        str, typer.Option(help="Language of the question, if it should not be identified.")
    ] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Show the parts of scores.")] = False,
    every: Every = False,
    ungrouped: Ungrouped = False,
    full: Annotated[bool, typer.Option("--full", help="Show passages whole.")] = False,
    model: Model = None,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
    download: Download = None,
    backend: Backend = None,
    device: Device = None,
    precision: Precision = None,
    threads: Threads = None,
    instruction: Instruction = None,
    json: Json = False,
) -> None:
    """Find the passages that answer a question, whatever language they are written in."""
    with opened(
        kb=kb, catalog=catalog, model=model, model_path=model_path, model_url=model_url,
        download=download, backend=backend, device=device, precision=precision, threads=threads,
        instruction=instruction,
    ) as base:  # fmt: skip
        hits = base.search(question, k, policy, language, every, grouped=not ungrouped)
    report.found(hits, explain=explain, full=full, as_json=json)
    raise typer.Exit(0 if hits else 1)


@app.command()
def status(
    kb: Kb = None,
    catalog: Catalog = None,
    documents: Annotated[bool, typer.Option("--documents", help="List the documents.")] = False,
    json: Json = False,
) -> None:
    """Show what the knowledge base holds and what it was made with."""
    with opened(kb=kb, catalog=catalog) as base:
        report.status(base.status(), base.documents() if documents else None, json)


@app.command()
def verify(
    kb: Kb = None,
    catalog: Catalog = None,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
    json: Json = False,
) -> None:
    """Prove that the knowledge base is whole: documents, vectors and indexes agree."""
    with opened(kb=kb, catalog=catalog, model_path=model_path, model_url=model_url) as base:
        problems = base.verify()
    report.verified(problems, json)
    raise typer.Exit(1 if problems else 0)


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="Documents, or directories of them.")],
    kb: Kb = None,
    catalog: Catalog = None,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
    json: Json = False,
) -> None:
    """Forget documents. Their files stay, and would be indexed again."""
    with opened(kb=kb, catalog=catalog, model_path=model_path, model_url=model_url) as base:
        report.removed(base.remove(names), json)


app.command()(versions)
app.command()(link)
app.command()(unlink)
app.command()(export)
app.command("import")(load)
app.command("eval")(evaluate)
app.command()(compare)
app.command()(instruct)
app.command()(similarity)
app.command()(loadtest)
app.command()(models)
app.command()(serve)


def main() -> None:
    """Run the command line; every error of polyseek's becomes one message and an exit code."""
    try:
        app()
    except PolyseekError as error:
        report.failed(error)
        sys.exit(next(code for kind, code in EXIT.items() if isinstance(error, kind)))
