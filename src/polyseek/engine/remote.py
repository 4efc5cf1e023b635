"""A model behind an OpenAI-compatible endpoint: vLLM, SGLang, TEI, Ollama, or ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from threading import Event
from typing import Any

import numpy as np

from polyseek.closing import Closing
from polyseek.engine.answers import vectors_of
from polyseek.engine.counting import INPUT_TYPES, Counts
from polyseek.engine.embeds import Fingerprint
from polyseek.engine.endpoint import Endpoint
from polyseek.engine.pool import Floats, normalize
from polyseek.engine.refused import Refused
from polyseek.engine.sketch import TEXTS, alike, sketch
from polyseek.errors import BadInput, TooLong
from polyseek.models.spec import ModelSpec, Role

PRECISION = "remote"
"""In a fingerprint, where a model in this process has its arithmetic."""
INPUTS = 32
"""Texts of a request; TEI takes no more unless told to."""
CHARACTERS = 65_536
"""Of all texts of a request, but for a single text that has more."""
A_BYTE = 2
"""Most tokens of a byte: where a character is taken apart first, as ㌚ is into エスクード, it has
more tokens than bytes."""
AT_ONCE = 4
"""Requests at a time: enough to keep a server busy, and few enough to leave it to others."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What all requests of one call share."""

    texts: Sequence[str]
    prompt: str
    """Put before every text."""
    rest: Mapping[str, str]
    """Further fields of each request."""
    stop: Event
    """Set once no answer is wanted any more."""


class RemoteEmbedder(Closing):
    """Offers what `engine.embeds.Embeds` says. Vectors are scaled to length 1.

    `spec` is the model's row, or what is known of it; `name` is what the endpoint calls it. `ours`:
    the endpoint is our own server, which puts the prompts before the texts itself. `known`: the
    sketch in the fingerprint that the model is expected to have (engine/sketch).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        name: str,
        spec: ModelSpec,
        counts: Counts,
        *,
        ours: bool = False,
        known: str = "",
    ) -> None:
        self.spec = spec
        self._endpoint = endpoint
        self._name = name
        self._counts = counts
        self._ours = ours
        self._known = known
        self._inputs = INPUTS
        self._form = "base64"

    @property
    def fingerprint(self) -> Fingerprint:
        """As Embeds; the address is not in it, for a model may move."""
        return {
            "model": self.spec.name,
            "weights": self._sketch,
            "precision": PRECISION,
            "query_prompt": self.spec.query_prompt,
            "passage_prompt": self.spec.passage_prompt,
            "dimensions": self.spec.dimensions,
            "normalize": True,
        }

    @cached_property
    def _sketch(self) -> str:
        made = sketch(self.embed(TEXTS, "passage"))
        return self._known if alike(made, self._known) else made

    def count(self, texts: Sequence[str]) -> list[int]:
        """As Embeds."""
        return self._counts.count(texts)

    def room(self, role: Role) -> int:
        """As Embeds."""
        return int(self._limit(role, self.spec.prompt(role)) * self._counts.share)

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        *,
        instruction: str = "",
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        """As Embeds.

        Raises:
            TooLong, BadInput: as Embeds. ModelError: the endpoint cannot be used; what it says.
        """
        if isinstance(texts, str):
            raise BadInput(f"embed takes a list of texts and got one string: {texts[:60]!r}")
        prompt = self.spec.prompt(role, instruction)
        _check_text(texts)
        self._check_lengths(texts, role, prompt)
        rest: dict[str, str] = {}
        if self._ours:
            prompt, rest = "", {"input_type": INPUT_TYPES[role]}
            rest |= {"instruction": instruction} if instruction else {}
        asked = _Asked(texts, prompt, rest, Event())
        vectors = np.empty((len(texts), self.spec.dimensions), np.float32)
        workers = ThreadPoolExecutor(AT_ONCE)
        try:
            made = {workers.submit(self._embed, asked, b): b for b in self._batches(texts)}
            for each in as_completed(made):
                batch = made[each]
                vectors[batch.start : batch.stop] = each.result()
                if progress:
                    progress(len(batch))
        finally:
            asked.stop.set()  # where one has failed nobody waits for the others
            workers.shutdown(cancel_futures=True)
        return normalize(vectors)

    def close(self) -> None:
        """Let go of the connections; they are made again when they are needed."""
        self._endpoint.close()

    def _limit(self, role: Role, prompt: str) -> int:
        """Most tokens of a text behind this prompt."""
        return self.spec.max_tokens - self._counts.around(role, prompt)

    def _check_lengths(self, texts: Sequence[str], role: Role, prompt: str) -> None:
        """Many servers cut a text that is too long without a word; ours does not."""
        if self._ours:
            return
        limit = self._limit(role, prompt)
        doubtful = [at for at, t in enumerate(texts) if A_BYTE * len(t.encode()) > limit]
        most = self._counts.most([texts[at] for at in doubtful])
        for at, tokens in zip(doubtful, most, strict=True):
            if tokens > limit:
                counted = self._counts.share == 1
                has = f"has {tokens}" if counted else f"may have {tokens}"
                how = "" if counted else ", or have it counted: --model-path to a tokenizer.json"
                raise TooLong(
                    f"text {at}",
                    f"{has} tokens, and there is room for {limit} of the {self.spec.max_tokens} "
                    f"that {self.spec.name} takes",
                    f"shorten or chunk it{how}. It begins {texts[at][:60]!r}",
                )

    def _batches(self, texts: Sequence[str]) -> Iterator[range]:
        """Positions of the texts of each request, in order."""
        first, size = 0, 0
        for at, text in enumerate(texts):
            if at > first and (at - first >= self._inputs or size + len(text) > CHARACTERS):
                yield range(first, at)
                first, size = at, 0
            size += len(text)
        if texts:
            yield range(first, len(texts))

    def _embed(self, asked: _Asked, batch: range) -> Floats:
        """The vectors of a batch; in halves if it is too much for the endpoint."""
        form = self._form  # read once: another thread may change it while this request is made
        body: dict[str, Any] = {
            "model": self._name,
            "input": [asked.prompt + asked.texts[at] for at in batch],
            "encoding_format": form,
            **asked.rest,
        }
        try:
            answer = self._endpoint.post("/embeddings", body, asked.stop)
        except Refused as error:
            if form == "base64" and re.search("encoding.?format|base64", error.reason):
                self._form = "float"
                return self._embed(asked, batch)
            if error.too_much and len(batch) > 1:
                half = len(batch) // 2
                if not error.too_long:  # so are the next ones
                    self._inputs = min(self._inputs, half)
                parts = (batch[:half], batch[half:])
                return np.concatenate([self._embed(asked, part) for part in parts])
            if error.too_much:
                raise TooLong(
                    f"text {batch[0]}",
                    f"is too long for {self._name}: {error.reason}",
                    f"shorten or chunk it. It begins {asked.texts[batch[0]][:60]!r}",
                ) from error
            raise
        return vectors_of(answer, len(batch), self.spec.dimensions, self._endpoint.url)


def _check_text(texts: Sequence[str]) -> None:
    """Raises BadInput where a text cannot be sent."""
    for at, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadInput(
                f"text {at} holds {text[error.start : error.end]!r}, half of a surrogate pair, "
                "which is not text: decode it anew"
            ) from error
