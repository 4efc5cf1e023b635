"""docs/models.md says what the tables of models and of instructions say."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyseek.models.instructions import PROFILES
from polyseek.models.spec import DEFAULT, SPECS, TASK, ModelSpec

TEXT = (Path(__file__).parents[1] / "docs" / "models.md").read_text("utf-8")


def shown(prompt: str) -> str:
    return "`" + prompt.replace("\n", "\\n") + "`" if prompt else ""


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_model(spec: ModelSpec) -> None:
    least = f"{spec.least_dimensions} to " if spec.least_dimensions else ""
    cells = (
        spec.name + (" (the default)" if spec.name == DEFAULT else ""),
        f"{least}{spec.dimensions}",
        f"{spec.max_tokens:,}",
        shown(spec.query_prompt),
        shown(spec.passage_prompt),
        "yes" if TASK in spec.query_prompt else "no",
        spec.licence,
    )
    assert "| " + " | ".join(cells).replace("  ", " ") + " |" in TEXT


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile(name: str) -> None:
    assert f"| `{name}` | {PROFILES[name]} |" in TEXT
