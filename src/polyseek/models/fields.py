"""A JSON file of a model directory. What it lacks or has otherwise than we can use is refused by
file and key: a directory is often incomplete, or made by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polyseek.errors import ModelError


class Fields(Mapping[str, Any]):
    """The object in a file, or one within it."""

    def __init__(self, path: Path, told: Mapping[str, Any]) -> None:
        self.path = path
        self._told = told

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - as it is in the file
        return self._told[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)

    def whole(self, key: str, least: int = 1) -> int:
        """Raises ModelError if it is no whole number from `least` up."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(key, f"a whole number from {least} up")
        return value

    def number(self, key: str) -> float:
        """Raises ModelError if it is no number above 0."""
        value = self.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
            raise self.wrong(key, "a number above 0")
        return float(value)

    def text(self, key: str, default: str = "") -> str:
        """`default` where it is left out or null. Raises ModelError if it is no text."""
        value = self.get(key)
        if not isinstance(value, str | None):
            raise self.wrong(key, "a text")
        return default if value is None else value

    def below(self, key: str) -> Fields:
        """The object under `key`, empty where it is left out or null. Raises ModelError if it is
        none."""
        value = self.get(key)
        if not isinstance(value, dict | None):
            raise self.wrong(key, "an object")
        return Fields(self.path, value or {})

    def wrong(self, key: str, wanted: str) -> ModelError:
        """That what `key` says, or that it is not there, cannot be used."""
        has = f"{key} {self[key]!r}" if key in self else f"no {key}"
        return ModelError(
            f"{self.path} has {has}, and polyseek needs {wanted} there; fetch the model's "
            "directory again, whole, or use another model"
        )


def read_fields(path: Path) -> Fields:
    """The object in a file, empty if there is no such file.

    Raises:
        ModelError: it cannot be read, or holds no object.
    """
    told = read_json(path, {})
    if not isinstance(told, dict):
        raise damaged(path, "it holds no object")
    return Fields(path, told)


def read_json(path: Path, missing: object) -> Any:  # noqa: ANN401 - as it is in the file
    """What a file says; `missing` if there is none.

    Raises:
        ModelError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return missing
    except (OSError, ValueError) as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, why: str) -> ModelError:
    """That a file cannot be used as it is."""
    return ModelError(f"{path} is damaged ({why}); delete it and fetch it again")
