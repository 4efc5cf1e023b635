"""polyseek: search documents in any mix of languages with a question in any language."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyseek.engine.embedder import Embedder
    from polyseek.engine.load import load
    from polyseek.errors import PolyseekError
    from polyseek.ingest import IndexReport
    from polyseek.knowledge_base import KnowledgeBase
    from polyseek.models.spec import ModelSpec
    from polyseek.review import VersionsReport
    from polyseek.settings import Settings
    from polyseek.status import Status
    from polyseek.types import Chunk, Document, Hit

__version__ = "0.1.0"

__all__ = [
    "Chunk",
    "Document",
    "Embedder",
    "Hit",
    "IndexReport",
    "KnowledgeBase",
    "ModelSpec",
    "PolyseekError",
    "Settings",
    "Status",
    "VersionsReport",
    "load",
]

_HOMES = {
    "Chunk": "types",
    "Document": "types",
    "Embedder": "engine.embedder",
    "Hit": "types",
    "IndexReport": "ingest",
    "KnowledgeBase": "knowledge_base",
    "ModelSpec": "models.spec",
    "PolyseekError": "errors",
    "Settings": "settings",
    "Status": "status",
    "VersionsReport": "review",
    "load": "engine.load",
}
"""Where each public name lives. It is imported when it is asked for: all of them take 0.2 s, and
the server needs no store, nor `--help` a model."""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # a checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
