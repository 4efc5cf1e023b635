"""A model behind an endpoint that fails in all the ways; its vectors are the toy's."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from fake_endpoint import FakeEndpoint, Fault, Handler, altered, cut, status, wrong
from polyseek.engine.connect import connect
from polyseek.engine.endpoint import Endpoint, Patience
from polyseek.engine.remote import AT_ONCE, INPUTS, RemoteEmbedder
from polyseek.engine.sketch import TEXTS, alike, sketch
from polyseek.errors import BadInput, ModelError, TooLong
from polyseek.models.spec import SPECS, TASK, Role
from polyseek.settings import read_settings
from toy import GLOSSARY, toy_embedder, toy_spec, toy_vector

QUICK = Patience(wait_s=0.001, longest_s=5)
ROLES: tuple[Role, Role] = ("query", "passage")
PROMPTS = {"query_prompt": "query: ", "passage_prompt": "passage: "}
UNSAID: dict[str, Any] = {"query_prompt": None, "passage_prompt": None}


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as fake:
        yield fake


@pytest.fixture
def remote(fake: FakeEndpoint) -> Iterator[RemoteEmbedder]:
    with joined(fake) as remote:
        yield remote


def joined(
    fake: FakeEndpoint, stored: Mapping[str, Any] | None = None, **settings: object
) -> RemoteEmbedder:
    """Connected to the fake, whose requests so far are forgotten."""
    made = connect(read_settings(model_url=fake.url, **PROMPTS | settings), stored or {}, QUICK)
    fake.bodies.clear()
    return made


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(a, b, atol=1e-6))


# What it answers.


def test_the_vectors_are_the_models(remote: RemoteEmbedder) -> None:
    texts = [f"cat number {n}" for n in range(3 * INPUTS + 1)]
    for role in ROLES:
        vectors = remote.embed(texts, role)
        assert vectors.dtype == np.float32
        assert close(vectors, toy_embedder().embed(texts, role))
    assert remote.embed([], "query").shape == (0, 32)


def test_the_prompts_are_put_before(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    remote.embed(["cat"], "query")
    remote.embed(["dog"], "passage")
    assert fake.texts == ["query: cat", "passage: dog"]
    assert fake.bodies[0] == {
        "model": "toy",
        "input": ["query: cat"],
        "encoding_format": "base64",
    }
    with joined(fake, query_prompt=None, passage_prompt=None) as bare:
        bare.embed(["cat"], "query")
    assert fake.texts == ["cat"]


def test_an_instruction_goes_where_the_prompt_says(fake: FakeEndpoint) -> None:
    fake.embedder = toy_embedder(told="query")
    with joined(fake, query_prompt=f"Instruct: {TASK}\\nQuery:") as remote:
        (vector,) = remote.embed(["cat"], "query", instruction="Find the fish")
        assert close(vector, toy_vector("find", "the", "fish", "cat"))
        assert fake.texts == ["Instruct: Find the fish\nQuery:cat"]
        with pytest.raises(BadInput, match="toy takes no instruction for a passage"):
            remote.embed(["cat"], "passage", instruction="Find the fish")


def test_floats_are_taken_where_base64_was_asked_for(
    fake: FakeEndpoint, remote: RemoteEmbedder
) -> None:
    fake.floats_only = True
    assert close(remote.embed(["cat"], "query")[0], toy_vector("cat"))
    fake.faults = [status(400, {"error": {"message": "unknown encoding_format base64"}})]
    assert close(remote.embed(["dog"], "query")[0], toy_vector("dog"))
    remote.embed(["fish"], "query")
    asked = [body["encoding_format"] for body in fake.bodies]
    assert asked == ["base64", "base64", "float", "float"]


def test_floats_are_asked_for_by_all_threads(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    """All first requests are under way when the first of them is refused."""
    together = Barrier(AT_ONCE)

    def refused(handler: Handler, body: dict[str, Any]) -> None:
        together.wait(60)
        handler.answer(400, {"error": {"message": "unknown encoding_format base64"}})

    fake.faults = [refused] * AT_ONCE
    texts = [f"cat number {n}" for n in range(AT_ONCE * INPUTS)]
    assert close(remote.embed(texts, "query"), toy_embedder().embed(texts, "query"))
    assert [body["encoding_format"] for body in fake.bodies[AT_ONCE:]] == ["float"] * AT_ONCE


def test_indexes_out_of_order(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    def shuffled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return random.Random(1).sample(rows, len(rows))

    def without(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"embedding": row["embedding"]} for row in rows]

    texts = ["cat", "dog", "fish", "tree", "server"]
    fake.faults = [altered(shuffled), altered(without)]
    assert close(remote.embed(texts, "query"), toy_embedder().embed(texts, "query"))
    assert close(remote.embed(texts, "query"), toy_embedder().embed(texts, "query"))


def test_progress_and_requests_at_once(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    together, under_way, most = Barrier(AT_ONCE), 0, 0
    lock = Lock()

    def with_others(handler: Handler, body: dict[str, Any]) -> None:
        """Each is answered once as many as possible are there."""
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait(60)
        with lock:
            under_way -= 1
        handler.vectors(body)

    told: list[int] = []
    fake.always = with_others
    remote.embed(["cat"] * 3 * AT_ONCE * INPUTS, "passage", progress=told.append)
    assert told == [INPUTS] * 3 * AT_ONCE
    assert most == AT_ONCE


def test_one_string_is_refused(remote: RemoteEmbedder) -> None:
    with pytest.raises(BadInput, match="got one string: 'cat'"):
        remote.embed("cat", "query")


# What goes well at a second try.


@pytest.mark.parametrize(
    "faults",
    [
        [status(429, retry_after="0")],
        [status(500, "oops"), status(503, "<html>busy</html>"), status(502)],
        [cut],
        [cut, status(429), cut],
    ],
)
def test_it_tries_again(fake: FakeEndpoint, remote: RemoteEmbedder, faults: list[Fault]) -> None:
    fake.faults = list(faults)
    assert close(remote.embed(["cat"], "query")[0], toy_vector("cat"))
    assert len(fake.bodies) == len(faults) + 1


def waits(fake: FakeEndpoint, *faults: Fault) -> list[float]:
    """How long it waits before each further try, in seconds."""
    waited: list[float] = []
    fake.faults = list(faults)
    with Endpoint(fake.url, sleep=lambda s, _: waited.append(s)) as endpoint:
        endpoint.get("/models")
        try:
            endpoint.post("/embeddings", {"model": "toy", "input": ["cat"]})
        except ModelError:
            waited.append(-1)
    return waited


def test_waits_double_and_vary(fake: FakeEndpoint) -> None:
    waited = waits(fake, *[status(500)] * 9)
    assert len(fake.bodies) == 8
    assert waited.pop() == -1
    assert all(0.5 <= wait / (0.5 * 2**n) <= 1.5 for n, wait in enumerate(waited))
    assert len({wait / 2**n for n, wait in enumerate(waited)}) == len(waited) == 7


def test_the_endpoint_says_when(fake: FakeEndpoint) -> None:
    assert waits(fake, status(429, retry_after="7")) == [7.0]
    assert waits(fake, status(503, retry_after="soon"))[0] < 1
    fake.bodies.clear()
    assert waits(fake, status(429, retry_after="3600")) == [-1]  # not an hour
    assert len(fake.bodies) == 1


# What does not.


@pytest.mark.parametrize(
    ("fault", "told", "tries"),
    [
        (status(500, {"error": {"message": "CUDA is lost"}}), "answers 500: CUDA is lost, aft", 8),
        (
            status(401, {"error": "invalid token"}),
            "invalid token; no key was sent: set POLYSEEK",
            1,
        ),
        (status(403, "token too long"), "403: token too long; no key was sent: set", 1),
        (status(429, "tokens per minute: too many"), "429: .*, after 8 tries; it has had more", 8),
        (status(429, "too many tokens", retry_after="90"), "429: .* come again in 90 s: run it", 1),
        (status(503, "busy", retry_after="90"), "503: busy; it asks to come again in 90 s", 1),
        (status(500, "context deadline exceeded"), "500: context deadline exceeded, after 8", 8),
        (status(500, "too many open files"), "500: too many open files, after 8 tries; check", 8),
        (status(400, "unknown field max_tokens"), "answers 400: unknown field max_tokens$", 1),
        (status(404, {"detail": "no toy"}), "404: no toy; --model-url ends with /v1", 1),
        (status(400, {"message": "bad things", "type": "x"}), "answers 400: bad things", 1),
        (status(200, "<html>"), "what is not JSON: '<html>'; is --model-url the root", 1),
        (status(200, {"object": "list"}), "which holds no embeddings", 1),
        (status(200, []), "which holds no embeddings", 1),
        (altered(lambda rows: rows[:-1]), "2 vectors for 3 texts", 1),
        (altered(lambda rows: [*rows, rows[0]]), "4 vectors for 3 texts", 1),
        (altered(lambda rows: [{**row, "index": 0} for row in rows]), r"indexes \[0, 0, 0\]", 1),
        (altered(lambda rows: [{**row, "index": None} for row in rows]), "indexes", 1),
        (wrong(1, [float("nan")] * 32), "no direction", 1),
        (wrong(1, [0.0] * 32), "no direction", 1),
        (wrong(1, base64.b64encode(np.full(32, np.inf, "<f4").tobytes()).decode()), "no dir", 1),
        (wrong(1, [1.0] * 31), "31, 32 dimensions, where all should have 32", 1),
        (wrong(1, []), "0, 32 dimensions", 1),
        (altered(lambda rows: [{**r, "embedding": [1.0] * 8} for r in rows]), "8, 32 dim", 1),
        (wrong(1, "not base64!"), "'not base64!' where a vector was due", 1),
        (wrong(1, {"a": 1}), "where a vector was due", 1),
        (wrong(1, None), "where a vector was due|no direction|dimensions", 1),
    ],
)
def test_it_gives_up(
    fake: FakeEndpoint, remote: RemoteEmbedder, fault: Fault, told: str, tries: int
) -> None:
    fake.always = fault
    with pytest.raises(ModelError, match=told):
        remote.embed(["cat", "dog", "fish"], "query")
    assert len(fake.bodies) == tries


def test_one_failure_ends_all(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    """The others do not wait for their next try."""
    slow = Patience(wait_s=300, longest_s=300)
    fake.faults = [*[status(503)] * (AT_ONCE - 1), status(400, "no")]
    began = time.monotonic()
    with Endpoint(fake.url, patience=slow) as endpoint:
        endpoint.get("/models")
        remote.close()
        remote._endpoint = endpoint
        with pytest.raises(ModelError, match="answers 400: no"):
            remote.embed(["cat"] * INPUTS * AT_ONCE, "query")
    assert time.monotonic() - began < 100


def test_what_is_no_text(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    with pytest.raises(BadInput, match=r"text 1 holds .*, half of a surrogate pair"):
        remote.embed(["cat", "a\ud83d"], "query")
    assert fake.bodies == []


def test_nobody_there() -> None:
    with FakeEndpoint() as gone:
        url = gone.url
    with pytest.raises(ModelError, match=r"Connection refused, after 3 tries; check that the serv"):
        connect(read_settings(model_url=url), {}, QUICK)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://a/v1", "http://", "/v1", "x"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(BadInput, match="give it as http://host:port/v1"):
        connect(read_settings(model_url=url), {})


def test_the_key_is_sent_and_never_shown(fake: FakeEndpoint) -> None:
    with joined(fake, model_key="sesame") as remote:
        remote.embed(["cat"], "query")
        fake.always = status(401)
        with pytest.raises(ModelError, match=r"401: .*the key that was sent is wrong") as refused:
            remote.embed(["cat"], "query")
    assert set(fake.keys) == {"Bearer sesame"}
    assert "sesame" not in str(refused.value)
    assert "sesame" not in repr(read_settings(model_key="sesame"))


# What is too much.


def test_a_server_that_takes_fewer_texts(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    texts = [f"cat {n}" for n in range(INPUTS)]
    fake.most = 9
    assert close(remote.embed(texts, "query"), toy_embedder().embed(texts, "query"))
    fake.bodies.clear()
    remote.embed(texts, "query")
    assert max(len(body["input"]) for body in fake.bodies) <= 9  # it has learnt
    fake.too_many = status(422, {"error": {"message": "too many inputs"}})
    fake.most = 3
    assert close(remote.embed(texts, "query"), toy_embedder().embed(texts, "query"))
    told = "input has 3 texts and this server takes 1 a request; send them in several"
    fake.too_many, fake.most = status(400, {"error": {"message": told}}), 1
    assert close(remote.embed(texts, "query"), toy_embedder().embed(texts, "query"))


def test_a_request_has_an_end(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    remote.spec = toy_spec(max_tokens=100_000)
    remote.embed(["cat " * 5000] * 8, "passage")
    assert sorted(len(body["input"]) for body in fake.bodies) == [2, 3, 3]


def refuses_long(limit: int, code: int, told: str) -> Fault:
    def fault(handler: Handler, body: dict[str, Any]) -> None:
        if max(map(len, body["input"])) > limit:
            handler.answer(code, {"error": {"message": told}})
        else:
            handler.vectors(body)

    return fault


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (400, "This model's maximum context length is 512 tokens"),
        (413, "Input validation error: `inputs` must have less than 512 tokens. Given: 600"),
        (422, "inputs must have less than 512 tokens"),
        (500, "input is too large to process. increase the physical batch size"),
        (400, "the input length exceeds the context length"),
        (400, "input (600 tokens) is larger than the max context size (512 tokens)"),
        (400, "text 0 has 600 tokens with its prompt and multilingual-e5-small takes 512; shorten"),
        (400, "The max allowed tokens per submitted batch is 512. Your batch has 600 tokens"),
    ],
)
def test_a_text_that_the_server_finds_too_long(
    fake: FakeEndpoint, remote: RemoteEmbedder, code: int, told: str
) -> None:
    fake.always = refuses_long(200, code, told)
    texts = ["cat", "dog", "a very long story " + "of a cat " * 30, "fish"]
    with pytest.raises(TooLong, match=r"text 2 is too long for toy: .*begins 'a very long story"):
        remote.embed(texts, "passage")
    fake.bodies.clear()
    remote.embed(["cat"] * INPUTS, "passage")
    assert len(fake.bodies) == 1  # that one text was too long does not make requests smaller


def test_a_text_that_would_be_cut_is_not_sent(fake: FakeEndpoint, remote: RemoteEmbedder) -> None:
    """Many servers cut without a word."""
    with pytest.raises(TooLong, match=r"text 1 may have 720 tokens, and there is room for \d+ of"):
        remote.embed(["cat", "猫" * 600], "passage")
    assert fake.bodies == []
    with joined(fake, model_tokens=2000) as other:
        other.embed(["cat", "猫" * 600], "passage")


# Which model it is.


def test_the_only_model_is_taken(fake: FakeEndpoint) -> None:
    fake.entries = [{"id": "theirs", "max_model_len": 300}]
    with joined(fake) as remote:
        assert (remote.spec.name, remote.spec.max_tokens) == ("theirs", 300)
        assert remote.spec.dimensions == 32
    fake.entries = [{"id": "one"}, {"id": "two"}]
    with pytest.raises(ModelError, match="Name it with --model; it has one, two"):
        joined(fake)
    fake.entries = None
    with pytest.raises(ModelError, match="it does not list its models"):
        joined(fake)
    with joined(fake, model="mine") as remote:
        remote.embed(["cat"], "query")
        assert fake.bodies[0]["model"] == "mine"


@pytest.mark.parametrize("limit", ["many", float("inf"), [1], -5, True])
def test_a_limit_that_is_none_is_not_heeded(fake: FakeEndpoint, limit: object) -> None:
    fake.entries = [{"id": ["a"]}, {"id": "toy", "max_model_len": limit}, {"no": "id"}]
    with joined(fake) as remote:
        assert (remote.spec.name, remote.spec.max_tokens) == ("toy", 512)


def test_a_known_model_brings_its_prompts(
    fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SPECS, "toy", toy_spec())
    for name in ("toy", "polyseek/toy", "/models/toy"):
        fake.entries = [{"id": name, "max_model_len": 100}, {"id": "other"}]
        with joined(fake, model="polyseek/toy", **UNSAID) as remote:
            remote.embed(["cat"], "query")
            assert fake.bodies[0] == {
                "model": name,
                "input": ["query: cat"],
                "encoding_format": "base64",
            }
            assert remote.spec.name == remote.fingerprint["model"] == "toy"
            assert remote.spec.max_tokens == 100  # the server's, which is less
        with joined(fake, {"model": "toy", "query_prompt": "q: "}, **UNSAID) as remote:
            assert remote.spec.query_prompt == "q: "  # as the knowledge base was made
            assert remote.spec.passage_prompt == "passage: "


OURS = {"id": "toy", "max_tokens": 512, "least_dimensions": 32}


def test_our_own_server_puts_the_prompts_and_counts(fake: FakeEndpoint) -> None:
    fake.entries = [OURS]
    with joined(fake, **UNSAID) as remote:
        texts = ["cat", "cats and dogs, and a fish", " ", ""]
        assert close(remote.embed(texts[:2], "query"), toy_embedder().embed(texts[:2], "query"))
        assert fake.texts == texts[:2]
        assert fake.bodies[0]["input_type"] == "query"
        assert remote.count(texts) == [1, 6, 0, 0]
        assert remote.room("passage") == toy_embedder().room("passage") == 509


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("prompt", ["other: ", ""])
def test_our_own_server_takes_no_other_prompts(fake: FakeEndpoint, name: str, prompt: str) -> None:
    """It would not heed them, and the fingerprint would say that it had."""
    fake.entries = [OURS]
    with pytest.raises(BadInput, match=f"^{name} is '{prompt}', and {fake.url} is polyseek's own"):
        joined(fake, **UNSAID | {name: prompt})


def test_the_fingerprint_has_the_prompts_of_our_own_server(
    fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SPECS, "toy", toy_spec())
    fake.entries = [OURS]
    with joined(fake, {"model": "toy", "query_prompt": "q: "}, **UNSAID) as remote:
        assert remote.fingerprint["query_prompt"] == "query: "
        assert remote.fingerprint["passage_prompt"] == "passage: "


def test_the_fingerprint(fake: FakeEndpoint) -> None:
    with joined(fake) as remote, FakeEndpoint() as elsewhere, joined(elsewhere) as moved:
        print_of = remote.fingerprint
        assert print_of == moved.fingerprint  # wherever it is
        assert {**print_of, "weights": ""} == {
            "model": "toy",
            "weights": "",
            "precision": "remote",
            "query_prompt": "query: ",
            "passage_prompt": "passage: ",
            "dimensions": 32,
            "normalize": True,
        }
        assert len(str(print_of["weights"])) < 100
    fake.embedder = toy_embedder(glossary=GLOSSARY)
    with joined(fake, print_of) as other:
        assert other.fingerprint["weights"] != print_of["weights"]


def test_a_sketch_knows_a_model_again() -> None:
    generator = np.random.Generator(np.random.Philox(key=1))
    vectors = np.asarray(generator.standard_normal((len(TEXTS), 1024)), np.float32)
    noise = np.asarray(generator.standard_normal(vectors.shape), np.float32)
    mine = sketch(vectors)
    assert alike(mine, mine)
    assert mine == sketch(3 * vectors)
    for far, same in ((0.001, True), (0.03, True), (0.12, False), (0.5, False), (9, False)):
        assert alike(mine, sketch(vectors + far * noise)) is same, far
    assert not alike(mine, sketch(vectors[::-1]))
    for nonsense in ("", "abc", "sketch:", "sketch:!", "sketch:AAAA", "sketch:AA"):
        assert not alike(mine, nonsense)
        assert not alike(nonsense, mine)


def test_slightly_other_vectors_keep_the_fingerprint(fake: FakeEndpoint) -> None:
    with joined(fake) as remote:
        stored = remote.fingerprint
    exact = fake.embedder.run
    fake.embedder.run = lambda rows: exact(rows).astype(np.float16).astype(np.float32) * 1.01  # type: ignore[method-assign]
    with joined(fake, stored) as again:
        assert again.fingerprint == stored


# What a tokenizer that is here counts.


def test_a_tokenizer_beside(fake: FakeEndpoint, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no tokenizer\.json to count"):
        joined(fake, model_path=tmp_path)
    inner = Tokenizer(models.WordLevel({"cat": 0, "?": 1}, unk_token="?"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.save(str(tmp_path / "tokenizer.json"))
    with joined(fake, model_path=tmp_path) as remote:
        assert remote.count(["cat", "a cat sleeps"]) == [1, 3]
        assert remote.room("query") == 511
        with pytest.raises(TooLong, match=r"text 0 has 512 tokens, and there is room for 511 of"):
            remote.embed(["cat " * 512], "query")


def test_a_text_of_more_tokens_than_bytes_is_not_sent(fake: FakeEndpoint, tmp_path: Path) -> None:
    """Many tokenizers take characters apart before they count."""
    inner = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    inner.normalizer = normalizers.NFKC()
    inner.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    inner.save(str(tmp_path / "tokenizer.json"))
    text = "㌚" * 110
    assert len(text.encode()) == 330
    with (
        joined(fake, model_path=tmp_path) as remote,
        pytest.raises(TooLong, match=r"text 0 has 550 tokens, and there is room for 505 of"),
    ):
        remote.embed([text], "query")
    assert fake.bodies == []
