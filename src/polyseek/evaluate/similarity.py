"""How near texts are to each other, for a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polyseek.engine.embeds import Embeds
from polyseek.engine.pool import Floats
from polyseek.errors import BadInput


def similarity(
    embedder: Embeds, texts: Sequence[str], given: str = "questions", instruction: str = ""
) -> Floats:
    """Cosines (n, n) float32 of n texts, which are `given` to the model as "questions", as
    "passages", or as in a "search": rows questions and columns passages. `instruction` is told with
    questions.

    Raises:
        BadInput: fewer than two texts, an empty one, or an instruction and the model takes none.
        TooLong: a text has more tokens than the model takes.
    """
    if len(texts) < 2:
        raise BadInput(f"texts to compare: {len(texts)}; give at least two")
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise BadInput(f"text {number} is empty; leave it out")
    embedder.spec.prompt("query", instruction)  # refused where the model takes none
    if given == "passages":
        rows = columns = embedder.embed(texts, "passage")
    else:
        rows = embedder.embed(texts, "query", instruction=instruction)
        columns = embedder.embed(texts, "passage") if given == "search" else rows
    cosines: Floats = np.clip(rows @ columns.T, -1, 1)
    return cosines
