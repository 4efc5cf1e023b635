"""The commands `versions`, `link` and `unlink`: which passages say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polyseek import versions_report
from polyseek.flags import Catalog, Json, Kb, ModelPath, ModelUrl, opened
from polyseek.progress import watching

if TYPE_CHECKING:
    from polyseek.knowledge_base import KnowledgeBase


def versions(
    kb: Kb = None,
    catalog: Catalog = None,
    languages: Annotated[
        str,
        typer.Option(
            help="Languages that everything should be in, separated by commas; by default those "
            "that at least one passage in twenty is in."
        ),
    ] = "",
    show: Annotated[
        versions_report.Shown, typer.Option(help="What to report, and to exit with 1 for.")
    ] = versions_report.Shown.all,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
    json: Json = False,
) -> None:
    """Report what has no version in a language, and which versions no longer say the same.

    Exits with 1 if there is anything to report, or no document, so it can guard a repository.
    """
    expected = [code for code in languages.split(",") if code.strip()]
    with (
        opened(kb=kb, catalog=catalog, model_path=model_path, model_url=model_url) as base,
        watching(quiet=json) as watch,
    ):
        found = base.versions(expected, watch)
    raise typer.Exit(1 if versions_report.versions(found, show, json) else 0)


Passage = Annotated[str, typer.Argument(help="A passage, as PATH:LINE.")]


def link(
    one: Passage,
    other: Passage,
    kb: Kb = None,
    catalog: Catalog = None,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
) -> None:
    """State that two passages are versions of each other, where polyseek does not see it.

    It holds as long as both texts stay as they are.
    """
    with opened(kb=kb, catalog=catalog, model_path=model_path, model_url=model_url) as base:
        _state(base, one, other, versions=True)


def unlink(
    one: Passage,
    other: Passage,
    kb: Kb = None,
    catalog: Catalog = None,
    model_path: ModelPath = None,
    model_url: ModelUrl = None,
) -> None:
    """State that two passages are not versions of each other, though polyseek thinks so.

    It holds as long as both texts stay as they are.
    """
    with opened(kb=kb, catalog=catalog, model_path=model_path, model_url=model_url) as base:
        _state(base, one, other, versions=False)


def _state(base: KnowledgeBase, one: str, other: str, *, versions: bool) -> None:
    base.link(one, other, versions=versions)
    versions_report.stated(one, other, versions=versions)
