"""How the similarities of a few sentences move under different instructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polyseek.engine.embeds import Embeds
from polyseek.errors import BadInput
from polyseek.models.instructions import PROFILES, resolve
from polyseek.models.spec import SPECS, TASK

SENTENCES = (
    "How to fix ImportError in Python?",
    "如何修复 Python 中的 ImportError？",
    "PythonのImportErrorを修正するには？",
    "¿Cómo arreglar ImportError en Python?",
    "How long must invoices be kept?",
    "发票必须保存多久？",
)
"""Two questions, in four languages and in two."""
MOST = 3
"""Pairs that are named for each instruction: those that moved furthest."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The similarities of n sentences under one instruction."""

    name: str
    """The profile or text that was given, or "own": the model without being told. What tells it
    nothing else is named with it: "own, the same as general"."""
    task: str
    similarities: list[list[float]]
    """(n, n) cosines: row, a sentence as a question; column, a sentence as a passage."""
    moves: list[list[float]]
    """(n, n): how much more that is than without being told."""

    def furthest(self) -> list[tuple[int, int, float]]:
        """(question, passage, move) of the pairs of two sentences that moved furthest."""
        pairs = [
            (question, passage, move)
            for question, row in enumerate(self.moves)
            for passage, move in enumerate(row)
            if question != passage
        ]
        return sorted(pairs, key=lambda pair: -abs(pair[2]))[:MOST]


def compare(embedder: Embeds, sentences: Sequence[str], told: Sequence[str] = ()) -> list[Moved]:
    """The sentences without an instruction, then under each of `told`, profiles or texts; by
    default under every profile.

    Raises:
        BadInput: fewer than two sentences, an empty instruction, an unknown profile, or a model
            that takes none.
    """
    spec = embedder.spec
    if TASK not in spec.query_prompt:
        able = [each.name for each in SPECS.values() if TASK in each.query_prompt]
        raise BadInput(
            f"{spec.name} takes no instruction, so nothing can move; name a model that does with "
            f"--model: {', '.join(able)}"
        )
    if len(sentences) < 2:
        raise BadInput(f"sentences to compare: {len(sentences)}; give at least two")
    if not all(name.strip() for name in told):
        raise BadInput("an instruction is empty; name a profile or write a sentence")
    tasks = {name: resolve(name) for name in told} or dict(PROFILES)
    same = [name for name, task in tasks.items() if task == spec.instruction]
    passages = embedder.embed(sentences, "passage")  # (n, D)
    plain = embedder.embed(sentences, "query") @ passages.T  # (n, n)
    found = [_moved(", the same as ".join(["own", *same]), spec.instruction, plain, plain)]
    for name, task in tasks.items():
        if name in same:
            continue
        under = embedder.embed(sentences, "query", instruction=task) @ passages.T
        found.append(_moved(name, task, under, plain))
    return found


def _moved(name: str, task: str, under: np.ndarray, plain: np.ndarray) -> Moved:
    return Moved(name, task, np.round(under, 4).tolist(), np.round(under - plain, 4).tolist())
