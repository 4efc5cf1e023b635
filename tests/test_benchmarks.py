"""Every benchmark finds what it imports of ours, and those of languages run from end to end, on a
few pages and with the toy model."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polyseek import Embedder
from polyseek.engine import chosen
from test_review import opened
from toy import GLOSSARY, toy_embedder

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
PAGE = {
    "en": ("Pets", "The `cat_one` has 9 lives. The dog sleeps here.", "The fish eats 30 of them."),
    "ja": ("猫", "猫 `cat_one` は 9 です。犬はここで眠ります。", "魚は30を食べます。"),
    "zh": ("猫", "猫 `cat_one` 有 9 条命。狗在这里睡觉。", "鱼吃掉了其中的 30 个。"),
    "es": ("Gatos", "El gato `cat_one` tiene 9 vidas. Aquí duerme.", "El pez come 30 de ellos."),
}
PAGES = [f"{letter}.md" for letter in "abcdef"]
Run = Callable[..., dict[str, Any]]
"""Name of a benchmark and its arguments -> the figures of each of its results."""


def written(folder: Path) -> None:
    """Some pages of fastapi-docs in four languages, and two questions of XQuAD-R in all."""
    rows = []
    for language, (head, *texts) in PAGE.items():
        for name in PAGES:
            text = f"# {head} {name} {{ #pets }}\n\n" + "\n\n".join(texts) + "\n"
            path = folder / "fastapi-docs" / language / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            place = {"start": 0, "end": len(text), "path": [head]}
            rows.append({"lang": language, "doc": name, "anchor": "pets", **place})
    listed = "\n".join(json.dumps(row) for row in rows)
    (folder / "fastapi-docs" / "sections.jsonl").write_text(listed, "utf-8")
    (folder / "xquad-r").mkdir()
    for language in ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"):
        asked = [
            {"context": f"The {each}, in {language}.", "qas": [{"question": f"Which {each}?"}]}
            for each in ("cat", "dog")
        ]
        told = json.dumps({"data": [{"paragraphs": asked}]})
        (folder / "xquad-r" / f"{language}.json").write_text(told, "utf-8")


def toy(*_: object, **__: object) -> Embedder:
    """In place of the default model."""
    return toy_embedder(glossary=GLOSSARY)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    written(tmp_path)
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("POLYSEEK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.import_module("common"), "DATA", tmp_path)
    monkeypatch.setattr(chosen, "load", toy)

    def run(name: str, *arguments: str, **settings: object) -> dict[str, Any]:
        found: dict[str, Any] = {}
        module = importlib.import_module(name)
        monkeypatch.setattr(module, "load", toy, raising=False)
        monkeypatch.setattr(module, "save_result", lambda name, _, told: found.update({name: told}))
        for setting, value in settings.items():
            monkeypatch.setattr(module, setting, value)
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        module.main()
        return found

    return run


def test_versions(run: Run) -> None:
    found = run("versions", SEEDS=range(1), NEW=1)["versions"]
    assert set(found) == {"fastapi", "xquad-r", "seconds"}
    assert found["fastapi"]["named"]["recall"] > 0.5
    assert found["seconds"]["passages"] == len(PAGE) * len(PAGES)


def test_drift(run: Run) -> None:
    found = run("drift", "--languages", "en,ja", "--seeds", "1", SHARE=2)["drift-pair"]
    assert found["natural"] == []
    assert found["edits"] == {"number": 2, "negation": 1, "missing": 1, "code": 2}
    assert found["recall_by_kind"]["number"] == found["recall_by_kind"]["code"] == 1


def test_language_bias(run: Run) -> None:
    found = run("language_bias", "fastapi", "xquad-r", SHORTEST=1)
    assert set(found) == {"language_bias-fastapi-int8", "language_bias-xquad-r-int8"}
    ways = found["language_bias-fastapi-int8"]
    assert list(ways) == ["plain", "meaning", "passages", "versions", "links"]
    assert ways["versions"]["cross_mrr5"] > 0


def test_scale(run: Run, tmp_path: Path) -> None:
    with opened(tmp_path) as base:
        base.index(tmp_path / "fastapi-docs")
    sizes = ("--sizes", "4", "--languages", "2")
    found = run("scale", "--kb", str(tmp_path / "kb"), *sizes, QUESTIONS=12)["scale"]
    assert list(found) == ["4 in 2, plain", "4 in 2, versions"]
    assert {row["passages"] for row in found.values()} == {4}


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_a_benchmark_finds_what_it_imports_of_ours(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "polyseek" or (BENCHMARKS / f"{package}.py").exists():
            raise
        pytest.skip(f"benchmarks/{name}.py needs {package}, which is not installed")
