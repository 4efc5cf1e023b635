"""Settings: lists, secrets, and what is said of a value that cannot be."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from polyseek.errors import BadInput
from polyseek.settings import read_settings

LISTS = ("languages", "api_key", "more_models")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_split_at_commas_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told, wanted = " one two ,three,\n/my models/four\n", ("one two", "three", "/my models/four")
    assert getattr(read_settings(**{name: told}), name) == wanted
    assert getattr(read_settings(**{name: wanted}), name) == wanted
    monkeypatch.setenv(f"POLYSEEK_{name.upper()}", told)
    assert getattr(read_settings(), name) == wanted


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_nothing(name: str) -> None:
    assert getattr(read_settings(**{name: ""}), name) == ()
    for blank in (" ", ",", "\n"):
        with pytest.raises(BadInput, match=f"^{name} cannot be .*nothing between the commas"):
            read_settings(**{name: blank})


@pytest.mark.parametrize("secret", [{"api_key": "sesame,open"}, {"model_key": "sesame"}])
def test_a_secret_is_not_shown(secret: dict[str, Any]) -> None:
    made = read_settings(**secret)
    assert "sesame" not in f"{made!r} {made!s}"


@pytest.mark.parametrize("value", [["sesame", 5], {"sesame": 1}, b"sesame\xff"])
@pytest.mark.parametrize(
    ("name", "how"),
    [("api_key", "--api-key or POLYSEEK_API_KEY"), ("model_key", "POLYSEEK_MODEL_KEY")],
)
def test_a_secret_that_cannot_be_is_not_shown(name: str, how: str, value: object) -> None:
    with pytest.raises(
        BadInput, match=rf"^{name} cannot be what .*\); set it with {how}$"
    ) as refused:
        read_settings(**{name: value})
    assert "sesame" not in "".join(traceback.format_exception(refused.value))


def test_another_value_that_cannot_be_is_shown() -> None:
    with pytest.raises(BadInput, match=r"^port cannot be 'x' .*; set it with --port or POLYSEEK_P"):
        read_settings(port="x")
    with pytest.raises(BadInput, match=r"^unknown setting 'mode'; did you mean 'model'\?$"):
        read_settings(mode="x")
