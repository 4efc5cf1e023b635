"""The command `loadtest`: its flags, a run, its report."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from polyseek import load_report
from polyseek.errors import BadInput
from polyseek.flags import Json
from polyseek.progress import watching

Concurrency = Annotated[
    str,
    typer.Option(
        help="Callers at once, one step for each number: each waits for its answer before it asks "
        "again. Without it and --rate: 1,4,8,16.",
        show_default=False,
    ),
]
Rate = Annotated[
    str,
    typer.Option(
        help="Requests a second, one step for each number, whatever is answered meanwhile; latency "
        "counts from when a request is due.",
        show_default=False,
    ),
]
Key = Annotated[
    str,
    typer.Option(
        envvar="POLYSEEK_MODEL_KEY",
        help="Key of the endpoint. The variable keeps it out of the list of processes.",
        show_default=False,
    ),
]
Remote = Annotated[
    bool, typer.Option("--remote", help="Allow an address that is not this machine's.")
]
File = Annotated[
    Path | None,
    typer.Option(help="Your own texts in UTF-8, one a line, instead of generated ones."),
]


def loadtest(
    url: Annotated[str, typer.Argument(help="Root of an OpenAI-compatible API, http://HOST/v1.")],
    concurrency: Concurrency = "",
    rate: Rate = "",
    tokens: Annotated[int, typer.Option(help="Of each generated text, at most.")] = 128,
    texts: Annotated[int, typer.Option(min=1, help="Texts of a request.")] = 1,
    file: File = None,
    duration: Annotated[float, typer.Option(help="Seconds that a step is measured.")] = 20.0,
    warmup: Annotated[float, typer.Option(help="Seconds before, under the same load.")] = 3.0,
    timeout: Annotated[float, typer.Option(help="Seconds until a request has failed.")] = 60.0,
    max_requests: Annotated[int, typer.Option(help="Most of the whole run.")] = 100_000,
    model: Annotated[
        str, typer.Option(help="Without it the first that the endpoint lists.", show_default=False)
    ] = "",
    api_key: Key = "",
    remote: Remote = False,
    pid: Annotated[
        int,
        typer.Option(
            help="The server's process, for its memory with that of its children; without it "
            "/metrics is asked.",
            show_default=False,
        ),
    ] = 0,
    svg: Annotated[Path | None, typer.Option(help="Write the chart to this file.")] = None,
    json: Json = False,
) -> None:
    """Measure any OpenAI-compatible embeddings endpoint under load: latencies, rates, errors.

    Exits with 1 if a request failed, or a step had no answer.
    """
    # Imported here: the other commands never need it.
    from polyseek.loadtest.chart import chart
    from polyseek.loadtest.plan import Plan, read_steps, read_target
    from polyseek.loadtest.run import Run, as_json
    from polyseek.loadtest.texts import Generated, read_texts

    steps = read_steps(concurrency or ("" if rate else "1,4,8,16"), rate)
    target = read_target(url, remote=remote)
    plan = Plan(target, steps, model, duration, warmup, timeout, max_requests)
    source = read_texts(file) if file else Generated(tokens)
    if svg and not svg.parent.is_dir():
        raise BadInput(f"--svg {svg}: {svg.parent} is no directory")
    run = Run(plan, source, api_key, texts, pid)
    stopped = True
    with suppress(KeyboardInterrupt), watching(quiet=json) as watch:
        for _ in run.steps(watch):
            pass
        stopped = False
    if svg and any(each.answers for each in run.outcome.steps):
        svg.write_text(chart(run.outcome), "utf-8")
    load_report.loaded(run.outcome, as_json(run.outcome) if json else None, stopped=stopped)
    failed = any(each.errors or not each.answers for each in run.outcome.steps)
    raise typer.Exit(130 if stopped else int(failed))
