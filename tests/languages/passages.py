"""Passages for the tests of drift, by the sentences that stand in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polyseek.languages.drift import Version


def passage(
    id: int, document: str, text: str, sentences: Sequence[str], rows: np.ndarray
) -> Version:
    """A passage in the language that its document's name begins with; its sentences stand in its
    text in this order."""
    borders, at = [], 0
    for sentence in sentences:
        start = text.index(sentence, at)
        borders.append((start, at := start + len(sentence)))
    return Version(id, document, document.partition("/")[0], text, tuple(borders), rows)
