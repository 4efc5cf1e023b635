"""Which addresses and loads are taken."""

from __future__ import annotations

import pytest

from polyseek.errors import BadInput
from polyseek.loadtest.plan import Plan, Step, Target, read_steps, read_target


@pytest.mark.parametrize(
    ("url", "told", "authority"),
    [
        ("http://127.0.0.1:30000/v1", "http://127.0.0.1:30000/v1", "127.0.0.1:30000"),
        ("http://localhost/v1/", "http://localhost/v1", "localhost"),
        ("http://127.9.9.9:80/v1/embeddings", "http://127.9.9.9/v1", "127.9.9.9"),
        ("https://[::1]/api/v1", "https://[::1]/api/v1", "[::1]"),
        ("https://[::1]:444", "https://[::1]:444", "[::1]:444"),
    ],
)
def test_an_address_on_this_machine(url: str, told: str, authority: str) -> None:
    target = read_target(url, remote=False)
    assert (target.url, target.authority) == (told, authority)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "example.com", "127.example.com", "localhost.example.com", "0.0.0.0"]
)
def test_another_machine_has_to_be_allowed(host: str) -> None:
    with pytest.raises(BadInput, match=r"not this machine.*--remote"):
        read_target(f"http://{host}/v1", remote=False)
    assert read_target(f"http://{host}/v1", remote=True).host == host


@pytest.mark.parametrize(
    "url",
    ["", "localhost:30000/v1", "ftp://localhost/v1", "http://", "http://localhost:99999/v1",
     "http://a:b@localhost/v1", "http://localhost/v1?x=1", "http://localhost/v1 x",
     "http://localhost/v1\r\nX: y"],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadInput, match="give the API's root"):
        read_target(url, remote=True)


def test_steps_are_callers_and_then_rates() -> None:
    assert read_steps("1, 16", "0.5,20") == (
        Step(callers=1), Step(callers=16), Step(rate=0.5), Step(rate=20),
    )  # fmt: skip
    assert [step.name for step in read_steps("1,16", "0.5")] == ["1 caller", "16 callers", "0.5/s"]


@pytest.mark.parametrize(
    ("concurrency", "rate"),
    [("0", ""), ("513", ""), ("1.5", ""), ("x", ""), ("", "0"), ("", "nan"), ("", "-1"), ("", "")],
)
def test_what_is_no_load(concurrency: str, rate: str) -> None:
    with pytest.raises(BadInput):
        read_steps(concurrency, rate)


@pytest.mark.parametrize(
    "given", [{"duration_s": 0}, {"warmup_s": -1}, {"timeout_s": float("nan")}, {"max_requests": 0}]
)
def test_what_is_no_plan(given: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="give it at least"):
        Plan(Target("localhost", 1, False, "/v1"), (Step(callers=1),), **given)  # type: ignore[arg-type]
