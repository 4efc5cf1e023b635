"""Do MTEB's figures come out the same by every way of running a model with polyseek?

A task of retrieval made from XQuAD-R, whose questions are answered by paragraphs of their own
language, is given to mteb in memory; mteb's own data sets live on the hub. It runs several ways:

in process             our class around the model (evaluate/mteb)
endpoint               our class around a client of `polyseek serve` on this machine
OpenAIModel            mteb's own client. It sends OpenAI's fields, so every text is a document
API wrapper            mteb's client of OpenAI-compatible servers, likewise
OpenAIModel, told      the first of them, whose requests say what the texts are
sentence-transformers  mteb's way to run most models, in fp32 on the same weights

    pip install mteb openai tiktoken
    python benchmarks/mteb_local.py                      results/mteb_local.json
    python benchmarks/mteb_local.py --languages en --step 20        sooner, rougher
    python benchmarks/mteb_local.py --precision fp32     results/mteb_local-fp32.json

Both clients of mteb are also made to say that a text may be cut: some paragraphs are longer than
the model takes, and the server would refuse them. Those that are told what the texts are have to
agree with the first; the other two with "documents", which is the first with every text a document:
scores within 0.002, or the run fails.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when it is imported

import mteb
import numpy as np
import tiktoken.registry
from common import data_directory, save_result
from datasets import Dataset
from mteb.abstasks import AbsTaskRetrieval
from mteb.models import SentenceTransformerEncoderWrapper
from mteb.models.model_implementations.openai_models import OpenAIModel
from mteb.models.openai_wrappers import OpenAIAPIEncodeWrapper
from mteb.types import PromptType
from openai import OpenAI
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from serve_load import served

from polyseek.engine.connect import connect
from polyseek.engine.load import load
from polyseek.evaluate.mteb import Encoder
from polyseek.models.sources import locate
from polyseek.models.spec import DEFAULT, find_spec
from polyseek.settings import read_settings

CODES = {
    "ar": "ara-Arab",
    "de": "deu-Latn",
    "el": "ell-Grek",
    "en": "eng-Latn",
    "es": "spa-Latn",
    "hi": "hin-Deva",
    "ru": "rus-Cyrl",
    "th": "tha-Thai",
    "tr": "tur-Latn",
    "vi": "vie-Latn",
    "zh": "zho-Hans",
}
SCORES = ("ndcg_at_10", "mrr_at_10")
MOST = 0.002
"""Between the scores of two ways that should agree."""
BATCH = 64
PEER = "sentence-transformers"
SPEC = find_spec(DEFAULT)


def task_of(root: Path, languages: list[str], step: int) -> AbsTaskRetrieval:
    """XQuAD-R as a task of mteb; every `step`-th question."""

    class XQuADR(AbsTaskRetrieval):
        metadata = mteb.TaskMetadata(
            name="XQuADRInMemory",
            description="Which paragraph answers the question?",
            type="Retrieval",
            category="t2t",
            dataset={"path": "in/memory", "revision": "1"},
            eval_splits=["test"],
            eval_langs={language: [CODES[language]] for language in languages},
            main_score=SCORES[0],
            prompt={"query": "Given a question, retrieve paragraphs that answer it"},
        )

        def load_data(self, **_: object) -> None:
            self.dataset = {each: {"test": _split(root, each, step)} for each in languages}
            self.data_loaded = True

    return XQuADR()


def _split(root: Path, language: str, step: int) -> dict[str, Any]:
    data = json.loads((root / f"{language}.json").read_text("utf-8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    asked = [(qa["question"], f"p{at}") for at, p in enumerate(paragraphs) for qa in p["qas"]]
    questions = {f"q{at}": asked[at] for at in range(0, len(asked), step)}
    return {
        "corpus": Dataset.from_list(
            [{"id": f"p{at}", "text": p["context"]} for at, p in enumerate(paragraphs)]
        ),
        "queries": Dataset.from_list(
            [{"id": name, "text": question} for name, (question, _) in questions.items()]
        ),
        "relevant_docs": {name: {answer: 1} for name, (_, answer) in questions.items()},
        "top_ranked": None,
    }


class Documents(Encoder):
    """Takes every text for a document, as a server does that is told nothing."""

    def asked(self, *_: object) -> tuple[str, str]:
        return "passage", ""


class Cut(OpenAIModel):
    """mteb's client, whose requests say that a text may be cut."""

    def encode(self, inputs: Any, **rest: Any) -> Any:  # noqa: ANN401
        embeddings, fields = self._client.embeddings, self.fields(rest["prompt_type"])
        embeddings.create = partial(type(embeddings).create, embeddings, extra_body=fields)
        return super().encode(inputs, **rest)

    def fields(self, _: PromptType | None) -> dict[str, str]:
        return {"truncate": "end"}


class Told(Cut):
    """And what they are."""

    def fields(self, side: PromptType | None) -> dict[str, str]:
        kind = "document" if side == PromptType.document else "query"
        return {"truncate": "end", "input_type": kind}


class CutWrapper(OpenAIAPIEncodeWrapper):
    """mteb's other client, whose requests say that a text may be cut."""

    def _make_request(self, endpoint: str, payload: dict[str, Any]) -> dict[str, Any]:
        return super()._make_request(endpoint, {**payload, "truncate": "end"})


def openai_model(kind: type[Cut], address: str) -> Cut:
    """mteb's client of this server.

    It counts a text's tokens by OpenAI's vocabulary, which tiktoken fetches from the network. Here
    a byte is a token and no text is cut by them; the server knows the model's own tokens.
    """
    ranks = {bytes([byte]): byte for byte in range(256)}
    tiktoken.registry.ENCODINGS["bytes"] = tiktoken.Encoding(
        "bytes", pat_str=r"[\s\S]", mergeable_ranks=ranks, special_tokens={}
    )
    client = OpenAI(base_url=f"{address}/v1", api_key="any")
    return kind(DEFAULT, 10**9, "bytes", embed_dim=SPEC.dimensions, client=client)


def sentence_transformers(directory: Path) -> SentenceTransformerEncoderWrapper:
    """The same weights in fp32, and the prompts that mteb gives e5; `directory` is an empty one."""
    for file in locate(SPEC).iterdir():
        (directory / file.name).symlink_to(file)
    # For a model of type "bert" transformers would otherwise take BERT's own tokenizer.
    tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"}
    (directory / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    transformer = Transformer(str(directory), max_seq_length=SPEC.max_tokens)
    pooling = Pooling(SPEC.dimensions, "mean")
    model = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
    prompts = {"query": SPEC.query_prompt, "document": SPEC.passage_prompt}
    return SentenceTransformerEncoderWrapper(model, model_prompts=prompts)


def run(model: Any, task: AbsTaskRetrieval) -> tuple[dict[str, Any], np.ndarray]:  # noqa: ANN401
    """Scores of each language, and all vectors (n, D) in the order in which mteb asks for them."""
    encode, vectors, start = model.encode, [], time.perf_counter()

    def kept(*given: Any, **rest: Any) -> Any:  # noqa: ANN401
        vectors.append(np.asarray(encode(*given, **rest), np.float32))
        return vectors[-1]

    model.encode = kept
    options = {"batch_size": BATCH, "show_progress_bar": False}
    (result,) = mteb.evaluate(
        model, task, cache=None, encode_kwargs=options, show_progress_bar=False
    ).task_results
    scores = {
        each["hf_subset"]: {score: round(each[score], 5) for score in SCORES}
        for each in result.scores["test"]
    }
    return {"scores": scores, "seconds": round(time.perf_counter() - start, 1)}, np.vstack(vectors)


def compared(
    figures: dict[str, Any], made: np.ndarray, like: dict[str, Any], whose: np.ndarray
) -> float:
    """Adds what is between two ways to the figures; returns the largest difference of a score."""
    cosines = (made * whose).sum(1) / np.linalg.norm(made, axis=1) / np.linalg.norm(whose, axis=1)
    apart = max(
        abs(score - like["scores"][language][name])
        for language, row in figures["scores"].items()
        for name, score in row.items()
    )
    figures["least_cosine"] = round(float(cosines.min()), 6)
    figures["scores_apart"] = round(apart, 5)
    return apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--languages", default="en,ru,zh", help="of XQuAD-R (en,ru,zh)")
    parser.add_argument("--step", type=int, default=4, help="take every n-th question only (4)")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    chosen = parser.parse_args()
    task = task_of(data_directory() / "xquad-r", chosen.languages.split(","), chosen.step)
    embedder = load(precision=chosen.precision)
    with served("--precision", chosen.precision) as (port, _), TemporaryDirectory() as empty:
        address = f"http://127.0.0.1:{port}"
        ways: dict[str, tuple[str, Callable[[], Any]]] = {
            "in process": ("", lambda: Encoder(embedder)),
            "documents": ("", lambda: Documents(embedder)),
            "endpoint": (
                "in process",
                lambda: Encoder(connect(read_settings(model_url=f"{address}/v1"), {})),
            ),
            "OpenAIModel": ("documents", lambda: openai_model(Cut, address)),
            "API wrapper": (
                "documents",
                lambda: CutWrapper(address, DEFAULT, modalities=["text"], use_chat_template=False),
            ),
            "OpenAIModel, told": ("in process", lambda: openai_model(Told, address)),
            PEER: ("in process", lambda: sentence_transformers(Path(empty))),
        }
        figures, vectors, apart = {}, {}, {}
        print(f"{'':22s} {'  '.join(SCORES)}  least cosine  scores apart  seconds")
        for way, (like, make) in ways.items():
            figures[way], vectors[way] = run(make(), task)
            if like:
                apart[way] = compared(figures[way], vectors[way], figures[like], vectors[like])
            _show(way, figures[way])
    settings = {"languages": chosen.languages, "step": chosen.step, **embedder.fingerprint}
    name = "mteb_local" if chosen.precision == "int8" else "mteb_local-fp32"
    save_result(name, {**settings, "mteb": mteb.__version__}, figures)
    if chosen.precision == "int8":
        del apart[PEER]  # it is in fp32, so its scores are told and need not be equal
    if wrong := {way: round(by, 5) for way, by in apart.items() if by > MOST}:
        raise SystemExit(f"scores are more than {MOST} apart: {wrong}")


def _show(way: str, figures: dict[str, Any]) -> None:
    rows = figures["scores"].values()
    means = "  ".join(f"{np.mean([row[name] for row in rows]):10.4f}" for name in SCORES)
    told = [str(figures.get(name, "")) for name in ("least_cosine", "scores_apart", "seconds")]
    print(f"{way:22s} {means}  {told[0]:>12s}  {told[1]:>12s}  {told[2]:>7s}")


if __name__ == "__main__":
    main()
