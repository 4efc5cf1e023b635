"""HTTP to an endpoint: its key, its address, what it says and when it is asked again."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx2
import pytest

from fake_endpoint import FakeEndpoint, Fault, hang, status
from polyseek.engine.endpoint import Endpoint, Patience
from polyseek.engine.refused import waits_s
from polyseek.errors import BadInput, ModelError

QUICK = Patience(wait_s=0.001)


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as fake:
        yield fake


def asked(fake: FakeEndpoint, key: str = "") -> object:
    with Endpoint(fake.url, key, QUICK) as endpoint:
        return endpoint.post("/embeddings", {"model": "toy", "input": ["cat"]})


# Keys.


@pytest.mark.parametrize(
    "key", ["sésame", "sesa\nme", "sesame\n", " sesame", "sesa me", "sesame\x7f"]
)
def test_a_key_that_no_header_carries(fake: FakeEndpoint, key: str) -> None:
    with pytest.raises(
        BadInput, match=r"POLYSEEK_MODEL_KEY\) holds .*set it to the key"
    ) as refused:
        asked(fake, key)
    assert key.strip() not in str(refused.value)
    assert fake.keys == []


@pytest.mark.parametrize("before", ["", "x" * 295])
def test_a_key_that_the_answer_repeats_is_not_shown(fake: FakeEndpoint, before: str) -> None:
    fake.always = status(401, {"error": {"message": before + "sesame is no key"}})
    with pytest.raises(ModelError, match=r"401: x*… is .*key that was sent is wrong") as refused:
        asked(fake, "sesame")
    assert "sesa" not in str(refused.value)


def test_a_password_in_the_address_is_sent_and_never_shown(fake: FakeEndpoint) -> None:
    url = fake.url.replace("//", "//me:s%40same@")
    with Endpoint(url, patience=QUICK) as endpoint:
        endpoint.get("/models")
        with pytest.raises(ModelError, match="no /v1/nothing here") as refused:
            endpoint.get("/nothing")
        assert endpoint.url == fake.url
    assert set(fake.keys) == {"Basic " + base64.b64encode(b"me:s@same").decode()}
    assert "same" not in str(refused.value)
    with pytest.raises(BadInput, match=r"model_url is 'http://…@host:x/v1'"):
        Endpoint("http://me:sesame@host:x/v1")


# Addresses.


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1/v1",
        "http://host:99999/v1",
        "http://host:x/v1",
        "http://a..b/v1",
        f"http://{'a' * 64}/v1",
        "http://host\udc80/v1",
        "http://host/v1?version=2",
        "http://host/v1#part",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(BadInput, match=r"model_url is .*; give it as http://host:port/v1"):
        Endpoint(url)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "nonsense://proxy:1"),
        ("HTTP_PROXY", "http://proxy:port"),
        ("SSL_CERT_FILE", "/not/there"),
    ],
)
def test_an_environment_that_lets_nothing_out(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with (
        Endpoint("http://host.invalid/v1", patience=QUICK) as endpoint,
        pytest.raises(ModelError, match=r"cannot be asked: .*; look at HTTP_PROXY"),
    ):
        endpoint.get("/models")


def test_what_is_no_text(fake: FakeEndpoint) -> None:
    with (
        Endpoint(fake.url, patience=QUICK) as endpoint,
        pytest.raises(BadInput, match=r"^'.udcff' cannot be sent to .*look at the prompts"),
    ):
        endpoint.post("/embeddings", {"model": "toy", "input": ["query\udcff: cat"]})


# Answers.


def test_it_does_not_wait_for_ever(fake: FakeEndpoint) -> None:
    fake.always = hang
    with (
        Endpoint(fake.url, patience=Patience(wait_s=0.001, answer_s=0.05)) as endpoint,
        pytest.raises(ModelError, match=r"no answer in time .*, after 2 tries; check that the ser"),
    ):
        endpoint.post("/embeddings", {"model": "toy", "input": ["cat"]})


def test_it_tries_again_where_no_answer_came(
    fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, late = httpx2.Client.request, iter([httpx2.ReadTimeout("late")])

    def request(client: httpx2.Client, method: str, url: str, json: object) -> httpx2.Response:
        for error in late:
            raise error
        return ask(client, method, url, json=json)

    monkeypatch.setattr(httpx2.Client, "request", request)
    assert isinstance(asked(fake), dict)
    assert len(fake.bodies) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (status(200, "no gzip", content_encoding="gzip"), "not in its content-encoding"),
        (status(400, "no gzip", content_encoding="gzip"), "not in its content-encoding"),
        (status(200, "[" * 100_000), r"what is not JSON: '\[\[\["),
        (status(400, "[" * 100_000), r"answers 400: \[\[\["),
        (status(200, "1" * 5000), "what is not JSON: '111"),
        (status(400, ""), "answers 400: Bad Request"),
        (status(308, "", location="https://b/v1/embeddings"), "points to https://b/v1/emb.*: set"),
    ],
)
def test_an_answer_that_cannot_be_read(fake: FakeEndpoint, fault: Fault, told: str) -> None:
    fake.always = fault
    with pytest.raises(ModelError, match=told):
        asked(fake)
    assert len(fake.bodies) == 1


@pytest.mark.parametrize(
    "told",
    ["", "x", "-3", "nan", "Fri", "Wed, 01 Jan 2020 00:00:00 GMT", "Wed, 01 Jan 2020 00:00:00",
     "Wed, 01 Jan 99999 00:00:00 GMT", "Wed, 01 Jan 9999999999999999999999 00:00:00 GMT"],
)  # fmt: skip
def test_a_time_that_is_over_or_none(told: str) -> None:
    assert waits_s(told) == 0


@pytest.mark.parametrize("zone", [" GMT", " -0000", ""])
def test_a_time_to_come(zone: str) -> None:
    assert waits_s("7.5") == 7.5
    assert waits_s("Wed, 01 Jan 2120 00:00:00" + zone) > 1e9
