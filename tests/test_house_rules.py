"""Rules of the house that no linter knows. An exception is a line in a list, with its reason."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from polyseek.cli import app
from polyseek.settings import Settings

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "polyseek"
MAX_FILE = 300
MAX_FUNCTION = 40

# In pieces, so that this file does not match itself.
REGISTRIES = ("pypi." + "org", "python" + "hosted", "registry." + "npmjs", "conda." + "anaconda")
MACHINES = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "C:" + "\\\\Users")
FORBIDDEN = re.compile("|".join(map(re.escape, (*REGISTRIES, *MACHINES))))
QUOTED = {
    # Answers of a made-up policy and of other people's documents may name any path.
    "examples/": "documents for the search, not code",
}

# A sitecustomize that lets no socket reach another machine.
NO_NETWORK = """
import socket

def refused(*args, **kwargs):
    raise AssertionError(f"an outside host is called: {args}")

class Unplugged(socket.socket):
    def connect(self, address):
        return super().connect(address) if self.family == socket.AF_UNIX else refused(address)

    def connect_ex(self, address):
        return super().connect_ex(address) if self.family == socket.AF_UNIX else refused(address)

    def sendto(self, *args):
        return refused(*args)

socket.socket = Unplugged
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refused
"""

ALL_COMMANDS = """
import sys
from polyseek.cli import main
for arguments in ("index docs", "search cat", "status", "verify", "remove a.md", "models"):
    sys.argv[1:] = arguments.split()
    try:
        main()
    except SystemExit as end:
        assert not end.code, arguments
"""


def sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@cache
def tracked() -> tuple[str, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip(f"no list of tracked files: {listed.stderr.strip()}")
    return tuple(filter(None, listed.stdout.split("\0")))


def test_no_file_is_long() -> None:
    lengths = {path: path.read_text("utf-8").count("\n") for path in sources()}
    assert lengths
    long = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > MAX_FILE]
    assert not long, "\n".join(long)


def test_no_function_is_long() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}: {lines} lines"
        for path in sources()
        for node in functions(path)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION
    ]
    assert not long, "\n".join(long)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_packages_are_one_deep() -> None:
    deep = [path for path in sources() if len(path.relative_to(SOURCE).parts) > 2]
    # Texts and ranges are data, in folders below their room, with a reader beside them.
    code = {path.parent.name for path in deep if path.name != "__init__.py"}
    assert code <= {"torch"}  # the one package that may import PyTorch, which is optional
    assert {path.parent.name for path in deep} <= {"calibration", "torch"}


def test_nothing_prints() -> None:
    """Commands print through report.py; what else prints ends up in somebody's pipe."""
    printing = [
        f"{path}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in ("print", "input", "breakpoint")
    ]
    assert not printing, "\n".join(printing)


def test_the_environment_is_read_in_few_places() -> None:
    """Settings read it through pydantic; the place of the cache is the one other variable. Ray can
    be told to be quiet by variables alone, which are set."""
    reading = {
        path.relative_to(SOURCE).as_posix()
        for path in sources()
        if re.search(r"os\.(environ|getenv)", path.read_text("utf-8"))
    }
    # Ray has no other way to be told that it sends nothing home.
    assert reading <= {"models/sources.py", "distributed/cluster.py"}


def test_no_pickle_is_loaded() -> None:
    loads = re.compile(r"import (pickle|marshal|joblib|dill)\b|allow_pickle=True|torch\.load")
    assert not [path for path in sources() if loads.search(path.read_text("utf-8"))]


def test_no_registry_and_no_machine_is_named() -> None:
    found = [
        f"{name}:{number}: {match.group()}"
        for name in tracked()
        if not name.startswith(tuple(QUOTED))
        for number, line in enumerate(lines_of(ROOT / name), start=1)
        if (match := FORBIDDEN.search(line))
    ]
    assert not found, "\n".join(found)


def lines_of(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):  # deleted but still tracked, or binary
        return []


def test_no_outside_host_is_called(tmp_path: Path) -> None:
    """From the start to the answer; the model is the embedded default, as on a fresh machine."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# Cats\n\nA cat sleeps on the warm server.\n")
    (tmp_path / "docs" / "b.md").write_text("# 猫\n\n猫在温暖的服务器上睡觉。\n")
    done = subprocess.run(
        [sys.executable, "-c", ALL_COMMANDS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plug_is_really_pulled(tmp_path: Path) -> None:
    """The check above would see a connection."""
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    program = "import socket; socket.socket().connect(('127.0.0.1', 9))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert "an outside host is called" in done.stderr


SECRETS = {"model_key"}
"""Others can read a command line, so these come from the environment alone."""


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_has_help_and_a_flag(name: str) -> None:
    assert Settings.model_fields[name].description
    helps = [
        CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
        for command in ("index", "search", "serve")
    ]
    flag = "--" + name.replace("_", "-")
    assert any(re.search(rf"{flag}\b", told) for told in helps) is (name not in SECRETS)
    assert any(f"POLYSEEK_{name.upper()}" in told for told in helps)
