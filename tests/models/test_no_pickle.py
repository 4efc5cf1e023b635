"""No pickle is ever loaded: what can run code is neither imported nor allowed."""

from __future__ import annotations

import ast
from pathlib import Path

import polyseek

SOURCE = Path(polyseek.__file__).parent
FORBIDDEN = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "torch"}
UNPICKLING = {"load", "hub", "jit", "serialization", "package", "export"}
"""What of PyTorch loads pickles or code; its tensors come from safetensors."""


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_nothing_that_unpickles_is_imported() -> None:
    paths = list(SOURCE.rglob("*.py"))
    assert len(paths) > 40
    for path in paths:
        allowed = {"torch"} if path.parent == SOURCE / "engine" / "torch" else set()
        assert imported(ast.parse(path.read_text("utf-8"))) & FORBIDDEN <= allowed, path


def test_pytorch_loads_nothing() -> None:
    paths = list((SOURCE / "engine" / "torch").glob("*.py"))
    assert len(paths) > 4
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "torch":
                assert node.attr not in UNPICKLING, f"{path}:{node.lineno}"
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
                told = {*(node.module or "").split("."), *(alias.name for alias in node.names)}
                assert not told & UNPICKLING, f"{path}:{node.lineno}"


def test_numpy_is_told_to_load_no_objects() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                told = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert told.get("allow_pickle") == "False", f"{path}:{node.lineno}"
