"""What a knowledge base is made with: another model or another way to cut texts, and what is stored
would be compared with what it cannot be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyseek.chunking import Chunker
from polyseek.engine.embeds import Embeds
from polyseek.engine.remote import PRECISION
from polyseek.errors import BadInput, FingerprintMismatch
from polyseek.models.instructions import resolve
from polyseek.models.spec import TASK
from polyseek.settings import Settings

TERMS = 2
"""Raised when the same text gives other words or marks."""
CHUNK_TOKENS = 240
LONGEST = 48
"""Characters of a value in a message."""


def checked(
    stored: Mapping[str, Any], settings: Settings, embedder: Embeds, chunker: Chunker
) -> dict[str, Any]:
    """The fingerprint that these settings, this model and this chunker make; it has to be the
    stored one, if there is one.

    Raises:
        BadInput: the chunks asked for are too long for the model.
        FingerprintMismatch: the knowledge base was made otherwise.
    """
    tokens = settings.chunk_tokens or stored.get("chunk_tokens", CHUNK_TOKENS)
    room = embedder.room("passage")
    if tokens > room:
        raise BadInput(f"chunk_tokens is {tokens}, and {embedder.spec.name} has room for {room}")
    sentences = settings.sentences
    mine = {
        **embedder.fingerprint,
        "chunker": chunker.name,
        "chunk_tokens": tokens,
        "terms": TERMS,
        "sentences": stored.get("sentences", True) if sentences is None else sentences,
    }
    if TASK in embedder.spec.passage_prompt:  # otherwise no stored vector knows of it
        told = resolve(settings.instruction) or stored.get("instruction", "")
        mine["instruction"] = told or embedder.spec.instruction
    different = sorted(name for name in mine if stored and stored.get(name) != mine[name])
    if "precision" in different and mine["precision"] == PRECISION:
        raise FingerprintMismatch(
            f"{settings.kb_shown} was made with {stored['model']} on this machine, and --model-url "
            "or POLYSEEK_MODEL_URL names an endpoint; leave it out, or index into a new directory"
        )
    if different:
        told = "; ".join(
            f"{n}: {_short(stored.get(n))} there, {_short(mine[n])} here" for n in different
        )
        raise FingerprintMismatch(
            f"{settings.kb_shown} was made otherwise ({told}); use it as it was made, or index "
            "into a new directory"
        )
    return mine


def _short(value: object) -> str:
    """Of a digest or a sketch the beginning is enough to tell it from another."""
    told = repr(value)
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}…'"
