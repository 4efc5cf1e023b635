"""Our models for MTEB, the benchmark of embedding models that the package `mteb` runs.

    import mteb
    from polyseek.engine.load import load
    from polyseek.evaluate.mteb import Encoder

    mteb.evaluate(Encoder(load("multilingual-e5-small")), mteb.get_tasks(tasks=["SciFact"]))

Nothing else imports this file: mteb, and PyTorch with it, is not in the base install.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

import numpy as np
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction
from mteb.types import Licenses, PromptType
from tqdm.auto import tqdm

from polyseek.engine.embedder import Embedder
from polyseek.engine.embeds import Embeds
from polyseek.engine.pool import Floats
from polyseek.errors import BadInput
from polyseek.models.spec import TASK, Role

Batches = Iterable[Mapping[str, Sequence[str]]]
Progress = Callable[[int], None]


class Encoder(AbsEncoder):  # type: ignore[misc]  # types are checked alike without mteb
    """A model as mteb's `EncoderProtocol` wants it, in this process or behind an endpoint.

    `similarity` and `similarity_pairwise` are mteb's own, by cosine.
    """

    def __init__(self, model: Embeds) -> None:
        self.model = model
        self.mteb_model_meta = meta_of(model)

    def encode(
        self,
        inputs: Batches,
        *,
        task_metadata: TaskMetadata,
        hf_split: str,
        hf_subset: str,
        prompt_type: PromptType | None = None,
        batch_size: int = 0,
        show_progress_bar: bool = False,
        **unknown: Any,  # noqa: ANN401
    ) -> Floats:
        """Vectors (n, D) float32 of the n texts of all batches, in their order. A text that is too
        long is cut at its end. `batch_size` is mteb's; the engine makes batches of its own.

        Raises:
            BadInput: an argument that would change the vectors, such as `precision`.
        """
        if unknown:
            raise BadInput(
                f"encode takes no {min(unknown)!r}; leave it out of encode_kwargs, for vectors are "
                "float32 and the prompts those of the model and the task"
            )
        texts = [text for batch in inputs for text in batch["text"]]
        role, instruction = self.asked(task_metadata, prompt_type)
        with tqdm(total=len(texts), leave=False, disable=not show_progress_bar) as bar:
            if isinstance(self.model, Embedder):
                return self.model.embed(
                    texts, role, instruction=instruction, truncate="end", progress=bar.update
                )
            return self._by_endpoint(texts, role, instruction, bar.update)

    def asked(self, task: TaskMetadata, prompt_type: PromptType | None = None) -> tuple[Role, str]:
        """The role of a task's texts, and what a model that is told is told they are for.

        Where a task has no two sides (`prompt_type` is None) all texts are queries: so the card of
        e5 has it for symmetric tasks, and mteb's own Qwen3.
        """
        spec = self.model.spec
        role: Role = "passage" if prompt_type == PromptType.document else "query"
        if TASK not in (spec.query_prompt if role == "query" else spec.passage_prompt):
            return role, ""
        told = self.get_instruction(task, prompt_type)
        if isinstance(told, dict):  # one for each side, and no side: mteb's Qwen3 takes the first
            told = next(iter(told.values()))
        # mteb puts no prompt where a task has no instruction; passages are what has none.
        return (role, told) if told else ("passage", "")

    def _by_endpoint(
        self, texts: Sequence[str], role: Role, instruction: str, progress: Progress
    ) -> Floats:
        """As `encode`; blank texts, which servers refuse, get zeros, as in mteb's own client."""
        room = self.model.room(role) - sum(self.model.count([instruction]))
        written = [at for at, text in enumerate(texts) if text.strip()]
        counts = self.model.count([texts[at] for at in written])
        fitting = [
            texts[at] if tokens <= room else self._cut(texts[at], room)
            for at, tokens in zip(written, counts, strict=True)
        ]
        vectors = np.zeros((len(texts), self.model.spec.dimensions), np.float32)
        vectors[written] = self.model.embed(
            fitting, role, instruction=instruction, progress=progress
        )
        return vectors

    def _cut(self, text: str, room: int) -> str:
        """The longest beginning of at most `room` tokens of a text that has more."""
        more = bisect_right(
            range(len(text)), room, key=lambda end: self.model.count([text[:end]])[0]
        )
        return text[: more - 1]


def meta_of(model: Embeds) -> ModelMeta:
    """What mteb files results under. The revision stands for everything that changes a vector, so
    results of another precision or other weights are not taken for these."""
    spec, licence = model.spec, model.spec.licence.lower()
    made = json.dumps(model.fingerprint, sort_keys=True).encode()
    return ModelMeta(
        loader=None,
        name=spec.hub or f"local/{spec.name}",
        revision=f"polyseek-{hashlib.sha256(made).hexdigest()[:16]}",
        release_date=None,
        languages=None,
        n_parameters=spec.parameters or None,
        memory_usage_mb=None,
        max_tokens=spec.max_tokens,
        embed_dim=spec.dimensions,
        license=licence if licence in get_args(Licenses) else None,
        open_weights=bool(spec.hub) or None,
        public_training_code=None,
        public_training_data=None,
        framework=[],
        reference=f"https://huggingface.co/{spec.hub}" if spec.hub else None,
        similarity_fn_name=ScoringFunction.COSINE,
        use_instructions=bool(spec.query_prompt),
        training_datasets=None,
    )
