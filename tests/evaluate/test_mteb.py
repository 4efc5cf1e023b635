"""A model in mteb's hands: roles, instructions, order, texts that are too long or blank."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from polyseek.engine.connect import connect
from polyseek.engine.embedder import Embedder
from polyseek.engine.embeds import Fingerprint
from polyseek.errors import BadInput
from polyseek.models.spec import SPECS, ModelSpec, Role, find_spec
from polyseek.server.app import make_app
from polyseek.settings import read_settings
from server.conftest import listen
from toy import DIMENSIONS, Floats, toy_embedder, toy_spec, toy_vector

pytest.importorskip("mteb", reason="mteb is not installed; pip install mteb")

from mteb import TaskMetadata
from mteb.models import EncoderProtocol
from mteb.models.model_implementations.openai_models import OpenAIModel
from mteb.models.model_implementations.qwen3_models import instruction_template
from mteb.models.openai_wrappers import OpenAIAPIEncodeWrapper
from mteb.types import PromptType

from polyseek.evaluate.mteb import Encoder, meta_of

QUERY, DOCUMENT = PromptType.query, PromptType.document
SIDES = [QUERY, DOCUMENT, None]


def task(prompt: str | dict[str, str] | None = None, kind: str = "Retrieval") -> TaskMetadata:
    """What mteb tells of a task."""
    return TaskMetadata(
        name="Cats",
        description="Where cats sleep.",
        type=kind,
        category="t2t",
        dataset={"path": "in/memory", "revision": "1"},
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
        prompt=prompt,
    )


class Watched(Embedder):
    """The toy, which remembers what it was asked."""

    def __init__(self, toy: Embedder) -> None:
        super().__init__(toy.spec, toy.weights, toy.tokenizer, toy.forward)
        self.prompts: list[str] = []

    def embed(self, texts: Sequence[str], role: Role, **rest: Any) -> Floats:  # noqa: ANN401
        self.prompts.append(self.spec.prompt(role, rest.get("instruction", "")))
        return super().embed(texts, role, **rest)


class Elsewhere:
    """The toy behind an endpoint that refuses blank texts: only what `Embeds` says."""

    def __init__(self, toy: Embedder) -> None:
        self._toy = toy

    @property
    def spec(self) -> ModelSpec:
        return self._toy.spec

    @property
    def fingerprint(self) -> Fingerprint:
        return self._toy.fingerprint

    def count(self, texts: Sequence[str]) -> list[int]:
        return self._toy.count(texts)

    def room(self, role: Role) -> int:
        return self._toy.room(role)

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        *,
        instruction: str = "",
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        assert all(text.strip() for text in texts)
        return self._toy.embed(texts, role, instruction=instruction, progress=progress)


def encoded(
    encoder: Encoder,
    *batches: list[str],
    side: PromptType | None = DOCUMENT,
    **rest: Any,  # noqa: ANN401
) -> Floats:
    """The vectors of these batches, in a task without an instruction of its own."""
    vectors: Floats = encoder.encode(
        [{"text": batch} for batch in batches],
        task_metadata=rest.pop("task_metadata", task("Find the cat")),
        hf_split="test",
        hf_subset="default",
        prompt_type=side,
        **rest,
    )
    return vectors


def test_it_is_an_encoder_of_mteb() -> None:
    assert isinstance(Encoder(toy_embedder()), EncoderProtocol)


@pytest.mark.parametrize("made", [toy_embedder, lambda: Elsewhere(toy_embedder())])
def test_vectors_come_in_the_order_of_the_batches(made: Callable[[], Any]) -> None:
    vectors = encoded(Encoder(made()), ["cat", "dog bed"], ["fish"], ["cat", "bird"])
    expected = [("cat",), ("dog", "bed"), ("fish",), ("cat",), ("bird",)]
    assert vectors.shape == (5, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [toy_vector(*words) for words in expected], atol=1e-6)


@pytest.mark.parametrize(
    ("side", "prompt"), [(QUERY, "query: "), (DOCUMENT, "passage: "), (None, "query: ")]
)
def test_a_side_has_its_prompt_and_a_task_without_sides_that_of_queries(
    side: PromptType | None, prompt: str
) -> None:
    model = Watched(toy_embedder())
    encoded(Encoder(model), ["cat"], side=side)
    assert model.prompts == [prompt]


PROMPTS: list[str | dict[str, str] | None] = [
    "Find the cat",
    {"query": "Find the cat", "document": "A place"},
    {"query": "Find the cat"},
    None,
]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.filterwarnings("ignore:Prompt type", "ignore:No prompt found")
def test_an_instructed_model_is_told_what_mteb_tells_its_own(
    prompt: str | dict[str, str] | None, side: PromptType | None
) -> None:
    """The prompt is the one of mteb's own Qwen3, to the letter."""
    model = Watched(toy_embedder())
    qwen3 = find_spec("Qwen3-Embedding-0.6B")
    prompts = {name: getattr(qwen3, name) for name in ("query_prompt", "passage_prompt")}
    model.spec = replace(model.spec, **prompts)
    encoder = Encoder(model)
    encoded(encoder, ["cat"], side=side, task_metadata=task(prompt))
    theirs = instruction_template(encoder.get_instruction(task(prompt), side), side)
    assert model.prompts == [theirs]


def test_an_instruction_is_in_the_vectors() -> None:
    encoder = Encoder(toy_embedder(told="query"))
    (vector,) = encoded(encoder, ["cat"], side=QUERY, task_metadata=task("warm bed"))
    np.testing.assert_allclose(vector, toy_vector("warm", "bed", "cat"), atol=1e-6)


@pytest.mark.parametrize("made", [toy_embedder, lambda **of: Elsewhere(toy_embedder(**of))])
def test_a_text_that_is_too_long_is_cut_at_its_end(made: Callable[..., Any]) -> None:
    encoder = Encoder(made(max_tokens=5))  # prompt, start and end take three
    vectors = encoded(encoder, ["cat dog fish bird", "cat dog", "cat"])
    expected = [toy_vector("cat", "dog"), toy_vector("cat", "dog"), toy_vector("cat")]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_a_text_is_cut_further_for_an_instruction() -> None:
    encoder = Encoder(Elsewhere(toy_embedder(told="query", max_tokens=7)))
    (vector,) = encoded(encoder, ["cat dog fish"], side=QUERY, task_metadata=task("warm bed"))
    np.testing.assert_allclose(vector, toy_vector("warm", "bed", "cat", "dog"), atol=1e-6)


def test_a_blank_text_behind_an_endpoint_has_zeros() -> None:
    vectors = encoded(Encoder(Elsewhere(toy_embedder())), ["", "cat"], [" "])
    np.testing.assert_allclose(vectors[1], toy_vector("cat"), atol=1e-6)
    assert not vectors[[0, 2]].any()


def test_what_would_change_vectors_is_refused() -> None:
    with pytest.raises(BadInput, match="encode takes no 'precision'"):
        encoded(Encoder(toy_embedder()), ["cat"], precision="int8")


def test_similarity_is_the_cosine() -> None:
    made = encoded(Encoder(toy_embedder()), ["cat", "cat dog", "fish"])
    scores = Encoder(toy_embedder()).similarity(made * 3, made)
    np.testing.assert_allclose(np.asarray(scores), made @ made.T, atol=1e-5)


def test_results_are_filed_under_the_model_and_what_changes_a_vector() -> None:
    plain, other = meta_of(toy_embedder()), meta_of(toy_embedder(bias={"en": 0.1}))
    assert plain.name == "polyseek/toy"
    assert (plain.embed_dim, plain.max_tokens, plain.license) == (32, 512, "apache-2.0")
    assert plain.revision == meta_of(toy_embedder()).revision != other.revision


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a server with the toy for a model."""
    monkeypatch.setitem(SPECS, "toy", toy_spec())
    app = make_app(read_settings(model="toy"), lambda *_, **__: toy_embedder())
    server, thread, address = listen(app)
    yield address
    server.should_exit = True
    thread.join(20)


def wrapper(address: str, **given: Any) -> OpenAIAPIEncodeWrapper:  # noqa: ANN401
    """mteb's client of OpenAI-compatible servers."""
    return OpenAIAPIEncodeWrapper(address, "toy", modalities=["text"], **given)


@pytest.mark.parametrize("side", SIDES)
def test_mtebs_wrapper_gets_the_vectors_of_documents(address: str, side: PromptType | None) -> None:
    vectors = encoded(
        wrapper(address, use_chat_template=False),
        ["cat", "dog bed", "fish"],
        ["bird"],
        side=side,
        batch_size=2,
        show_progress_bar=False,
    )
    expected = toy_embedder().embed(["cat", "dog bed", "fish", "bird"], "passage")
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "texts", "told"),
    [
        ({"use_chat_template": True}, ["cat"], "input is missing"),
        ({"use_chat_template": False, "max_length": 8}, ["cat"], "'truncate_prompt_tokens'"),
        ({"use_chat_template": False}, ["cat", ""], "text 1 of it is empty"),
        ({"use_chat_template": False}, ["cat " * 600], "603 tokens .* takes 512"),
    ],
)
def test_what_mtebs_wrapper_asks_and_we_have_not_is_refused_by_name(
    address: str, given: dict[str, Any], texts: list[str], told: str
) -> None:
    with pytest.raises(RuntimeError, match=told):
        encoded(wrapper(address, **given), texts, show_progress_bar=False)


def test_mtebs_openai_model_gets_the_vectors_of_documents_and_leaves_out_blank_texts(
    address: str,
) -> None:
    openai = pytest.importorskip("openai", reason="openai is not installed")
    tiktoken = pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    letters = {bytes([byte]): byte for byte in range(256)}  # OpenAI's own is on the network
    tiktoken.registry.ENCODINGS["bytes"] = tiktoken.Encoding(
        "bytes", pat_str=r"[\s\S]", mergeable_ranks=letters, special_tokens={}
    )
    with openai.OpenAI(base_url=f"{address}/v1", api_key="any") as client:
        model = OpenAIModel("toy", 1000, "bytes", embed_dim=DIMENSIONS, client=client)
        vectors = encoded(model, ["cat", " ", "dog bed"], side=QUERY)
    expected = toy_embedder().embed(["cat", "dog bed"], "passage")
    np.testing.assert_allclose(vectors[[0, 2]], expected, atol=1e-6)
    assert not vectors[1].any()


def test_our_class_behind_our_server_gets_the_same_vectors(address: str) -> None:
    texts = ["cat", "dog bed", "cat dog " * 300]
    with connect(read_settings(model_url=f"{address}/v1"), {}) as model:
        for side in SIDES:
            there, here = (encoded(Encoder(m), texts, side=side) for m in (model, toy_embedder()))
            np.testing.assert_allclose(there, here, atol=1e-6)
