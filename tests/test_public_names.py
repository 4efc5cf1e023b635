"""The public names: this list, each with a docstring, and nothing heavy to import them."""

from __future__ import annotations

import inspect
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


def test_importing_is_light() -> None:
    """What takes long to import is imported when it is needed."""
    program = f"import sys, polyseek; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
