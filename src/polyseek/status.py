"""What `status` tells of a knowledge base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyseek.store.rows import Statistics


@dataclass(frozen=True, slots=True)
class Status:
    """What a knowledge base holds and what it was made with."""

    path: Path | str
    """Its directory, or its address without secrets."""
    statistics: Statistics
    fingerprint: Mapping[str, Any]
    generation: int
    instruction: str = ""
    """What questions are for, if that was said when it was indexed."""
