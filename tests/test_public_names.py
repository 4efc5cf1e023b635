"""The public names: this list, each with a docstring, and nothing heavy to import them."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

import polyseek

NAMES = [
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
HEAVY = ("openvino", "torch", "transformers", "huggingface_hub", "py3langid", "typer", "httpx2")


def test_the_list_of_names() -> None:
    assert sorted(polyseek.__all__) == NAMES
    assert list(polyseek.__all__) == sorted(polyseek.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_says_what_it_is(name: str) -> None:
    told = inspect.getdoc(getattr(polyseek, name))
    assert told, f"{name} has no docstring"
    assert not told.startswith(f"{name}("), f"{name} has the docstring that dataclass made"


@pytest.mark.parametrize("name", NAMES)
def test_a_public_method_says_what_it_does(name: str) -> None:
    noun = getattr(polyseek, name)
    own = vars(noun).items() if inspect.isclass(noun) else ()
    methods = [n for n, m in own if not n.startswith("_") and isinstance(m, _METHODS)]
    bare = [method for method in methods if not inspect.getdoc(getattr(noun, method))]
    assert not bare, f"without a docstring: {', '.join(f'{name}.{m}' for m in bare)}"


_METHODS = (type(test_the_list_of_names), classmethod, staticmethod, property)


def test_a_version() -> None:
    parts = polyseek.__version__.split(".")
    assert len(parts) == 3
    assert all(part.isdigit() for part in parts)


def test_a_name_that_is_none() -> None:
    with pytest.raises(AttributeError, match="module 'polyseek' has no attribute 'Docment'"):
        getattr(polyseek, "Docment")  # noqa: B009 - a type checker says the same


def test_the_names_are_seen_before_they_are_imported() -> None:
    assert set(NAMES) <= set(_imported("import polyseek", "dir(polyseek)"))


@pytest.mark.parametrize(
    ("imported", "heavy"),
    [
        ("from polyseek import *", HEAVY),
        ("import polyseek.cli", (*HEAVY[:-2], "fastapi", "faiss", "polyseek.store")),
    ],
)
def test_importing_is_light(imported: str, heavy: tuple[str, ...]) -> None:
    """What takes long to import is imported when it is needed."""
    assert set(_imported(imported, "list(sys.modules)")).isdisjoint(heavy)


def _imported(program: str, told: str) -> list[str]:
    """What `told` is in a new interpreter after `program`."""
    whole = f"import sys, json; {program}; print(json.dumps({told}))"
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout)
    return names
