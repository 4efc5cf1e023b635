"""A result as one JSON document, with all that is needed to get it again or to doubt it."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polyseek
from polyseek.errors import BadInput

FORMAT = 1
PACKAGES = ("faiss-cpu", "ir-measures", "numpy", "openvino", "tantivy", "tokenizers", "torch")


def made_with() -> dict[str, Any]:
    """When, on what, and with which versions something was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "polyseek": polyseek.__version__,
        "commit": commit(Path(__file__).resolve().parents[3]),
        "machine": machine(),
        "versions": versions(),
    }


def machine() -> dict[str, Any]:
    """The processor, its cores, memory, and how busy they were."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Of packages, by default those that compute; those that are not installed are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def check(*paths: Path | None) -> None:
    """Whether files can be written there; to be asked before what takes long.

    Raises:
        BadInput: there is no such directory, or it is one.
    """
    for path in paths:
        if path and (path.is_dir() or not path.parent.is_dir()):
            what = "is a directory" if path.is_dir() else f"there is no directory {path.parent}"
            raise BadInput(f"{path}: {what}; name a file in a directory that is there")


def write(path: Path, text: str) -> None:
    """A file with this text and a last newline, whole or not at all.

    Raises:
        BadInput: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text.rstrip("\n") + "\n", "utf-8")
        part.replace(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error


def text_of(record: Mapping[str, Any]) -> str:
    """JSON; a figure that there is not is null, which NaN is in no JSON."""
    return json.dumps(plain(record), indent=1, ensure_ascii=False, allow_nan=False)


def read(path: Path, kind: str) -> dict[str, Any]:
    """A record that was written before.

    Raises:
        BadInput: it is none, or of another kind, or of a newer polyseek.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(
            f"{path} is no result of `polyseek {kind}`, for it is no JSON ({error}); give what its "
            "--out has written"
        ) from error
    if not isinstance(found, dict) or found.get("kind") != kind:
        raise BadInput(f"{path} is no result of `polyseek {kind}`; give what its --out has written")
    if found.get("format") != FORMAT:
        raise BadInput(
            f"{path} has the format {found.get('format')} and this polyseek reads {FORMAT}; "
            "make it again"
        )
    return found


def plain(value: Any) -> Any:  # noqa: ANN401 - anything of JSON
    """As JSON takes it: no NaN, no tuples. Nothing is rounded: equal differences have to stay equal
    for a test of signs."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def commit(root: Path) -> str:
    """Of the working copy at `root`, with "+dirty" if something in it is not committed, results of
    benchmarks apart; "" if it is none, as where this package is installed."""
    if not (root / ".git").exists():
        return ""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", ":!benchmarks/results")
    return git("rev-parse", "--short", "HEAD") + ("+dirty" if changed else "")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None
