"""The model that settings and a knowledge base ask for, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyseek.engine.connect import connect, is_remote
from polyseek.engine.embeds import Embeds
from polyseek.engine.load import load
from polyseek.models.spec import DEFAULT
from polyseek.settings import Settings


def chosen(settings: Settings, stored: Mapping[str, Any]) -> Embeds:
    """The one that is named, or the one that a knowledge base with the fingerprint `stored` was
    made with, which is {} for a new one.

    Raises:
        ModelError, BadInput: as `load` and `connect`.
    """
    if is_remote(settings, stored):
        return connect(settings, stored)
    made_with: Any = str(stored.get("precision", "")).split("-")[0]
    return load(
        settings.model or stored.get("model", DEFAULT),
        settings.model_path,
        backend=settings.backend,
        device=settings.device,
        precision=settings.precision or made_with,
        download=settings.download,
        threads=settings.threads,
    )
