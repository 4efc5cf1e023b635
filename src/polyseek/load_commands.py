"""The command `loadtest`: its flags, a run, its report."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyseek import load_report
from polyseek.errors import BadInput
from polyseek.flags import Json
from polyseek.progress import watching

if TYPE_CHECKING:
    from polyseek.loadtest.run import Run


def _option(told: str, *flags: str, **more: Any) -> Any:  # noqa: ANN401 - typer's own is private
    return typer.Option(*flags, help=told, **more)


Url = Annotated[str, typer.Argument(help="Root of an OpenAI-compatible API, http://HOST:PORT/v1.")]
Concurrency = Annotated[
    str,
    _option(
        "Callers at once, one step for each number: each waits for its answer before it asks "
        "again. Without it and --rate: 1,4,8,16.",
        show_default=False,
    ),
]
Rate = Annotated[
    str,
    _option(
        "Requests a second, one step for each number, whatever is answered meanwhile; latency "
        "counts from when a request is due.",
        show_default=False,
    ),
]
Tokens = Annotated[int, _option("Of each generated text, at most.")]
Texts = Annotated[int, _option("Texts of a request.", min=1)]
File = Annotated[
    Path | None, _option("Your own texts in UTF-8, one a line, instead of generated ones.")
]
Duration = Annotated[float, _option("Seconds that a step is measured.")]
Warmup = Annotated[float, _option("Seconds before that, under the same load.")]
Timeout = Annotated[float, _option("Seconds until a request has failed.")]
MaxRequests = Annotated[int, _option("Most of the whole run.")]
Model = Annotated[str, _option("Without it the first that the API lists.", show_default=False)]
Key = Annotated[
    str,
    _option(
        "Key of the API. The variable keeps it out of the list of processes.",
        envvar="POLYSEEK_MODEL_KEY",
        show_default=False,
    ),
]
Remote = Annotated[bool, _option("Allow an address that is not this machine's.", "--remote")]
Pid = Annotated[
    int,
    _option(
        "The server's process, for its memory with that of its children; without it /metrics is "
        "asked.",
        show_default=False,
    ),
]
Svg = Annotated[Path | None, _option("Write a chart of latency over throughput to this file.")]


def loadtest(
    url: Url,
    concurrency: Concurrency = "",
    rate: Rate = "",
    tokens: Tokens = 128,
    texts: Texts = 1,
    file: File = None,
    duration: Duration = 20.0,
    warmup: Warmup = 3.0,
    timeout: Timeout = 60.0,
    max_requests: MaxRequests = 100_000,
    model: Model = "",
    api_key: Key = "",
    remote: Remote = False,
    pid: Pid = 0,
    svg: Svg = None,
    json: Json = False,
) -> None:
    """Measure any OpenAI-compatible embeddings API under load: latencies, rates, errors, memory.

    Exits with 1 if a request failed, or a step had no answer.
    """
    # Imported here: the other commands never need it.
    from polyseek.loadtest.plan import Plan, read_steps, read_target
    from polyseek.loadtest.run import Run
    from polyseek.loadtest.texts import Generated, read_texts

    steps = read_steps(concurrency or ("" if rate else "1,4,8,16"), rate)
    target = read_target(url, remote=remote)
    plan = Plan(target, steps, model, duration, warmup, timeout, max_requests)
    source = read_texts(file) if file else Generated(tokens)
    if svg and not svg.parent.is_dir():
        raise BadInput(f"--svg {svg}: {svg.parent} is no directory")
    raise typer.Exit(_reported(Run(plan, source, api_key, texts, pid), svg, json))


def _reported(run: Run, svg: Path | None, as_json: bool) -> int:
    """The exit code of a run, when what it measured has been told; what was finished, too, if it
    was interrupted."""
    from polyseek.loadtest.chart import chart

    stopped, steps = True, run.outcome.steps
    with suppress(KeyboardInterrupt), watching(quiet=as_json) as watch:
        for _ in run.steps(watch):
            pass
        stopped = False
    if svg and steps:
        svg.write_text(chart(run.outcome), "utf-8")
    load_report.loaded(run.outcome, as_json=as_json, stopped=stopped)
    return 130 if stopped else int(any(step.errors or not step.answers for step in steps))
