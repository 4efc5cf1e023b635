"""The commands `export` and `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polyseek import report
from polyseek.flags import Catalog, Json, Kb, ModelPath, ModelUrl, opened
from polyseek.progress import watching

To = Annotated[Path, typer.Argument(metavar="DIR", help="A directory that is new or empty.")]
From = Annotated[Path, typer.Argument(metavar="DIR", help="What `polyseek export` wrote.")]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Let the export take the place of what is there. It is lost."),
]


def export(directory: To, kb: Kb = None, catalog: Catalog = None, json: Json = False) -> None:
    """Write the knowledge base to Parquet files that pandas, DuckDB and others read.

    All of it: documents, passages, vectors, sentences, links, and what people said of links. So
    `polyseek import` makes the same knowledge base elsewhere without embedding anything again.
    Others may search and index meanwhile. Needs pip install 'polyseek[parquet]'.

    polyseek export backup --kb kb
    """
    # Imported here, as in `opened`: the other commands never need it.
    from polyseek.transfer import export as write

    with opened(kb=kb, catalog=catalog) as base, watching(quiet=json) as watch:
        manifest = write(base, directory, watch)
    report.exported(manifest, directory, json)


def load(
    directory: From,
    kb: Kb = None,
    catalog: Catalog = None,
    replace: Replace = False,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
    json: Json = False,
) -> None:
    """Make an empty knowledge base the copy of an export.

    Every file is checked first, and the copy is compared with the original before it counts: it
    holds everything or nothing. Nothing is embedded, yet the model has to be there, for what makes
    languages comparable. Stopped in the middle, it can be run again.

    polyseek import backup --kb elsewhere
    """
    from polyseek.transfer import load as read

    with (
        opened(kb=kb, catalog=catalog, model_path=model_path, model_url=model_url) as base,
        watching(quiet=json) as watch,
    ):
        done = read(base, directory, replace=replace, watch=watch)
    report.imported(done, base.path, json)
