"""From an endpoint's address to an embedder: which model is behind it, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from polyseek.engine.answers import vectors_of
from polyseek.engine.counting import Asked, Counted, Counts, Estimated
from polyseek.engine.endpoint import Endpoint, Patience
from polyseek.engine.refused import Refused
from polyseek.engine.remote import PRECISION, RemoteEmbedder
from polyseek.engine.sketch import TEXTS
from polyseek.engine.tokenize import Tokenizer
from polyseek.errors import BadInput, ModelError
from polyseek.models.sources import available, locate
from polyseek.models.spec import SEARCH, SPECS, ModelSpec
from polyseek.settings import Settings

MAX_TOKENS = 512
"""Of a model that nothing is known of: what most encoders take, and few take less."""

ONLY_REMOTE = ("query_prompt", "passage_prompt", "model_tokens")
"""Settings that a model in this process does not heed: it has its own."""


def is_remote(settings: Settings, stored: Mapping[str, Any]) -> bool:
    """Whether the model of a knowledge base with the fingerprint `stored` is behind an endpoint.

    Raises:
        BadInput: it is not, and settings are given that only an endpoint heeds.
    """
    if settings.model_url or (stored.get("precision") == PRECISION and not settings.model):
        return True
    given = {name: getattr(settings, name) for name in ONLY_REMOTE}
    told = ", ".join(
        f"{name} is {value!r}" for name, value in given.items() if value not in (None, 0)
    )
    if told:
        raise BadInput(
            f"{told}, which only a model behind an endpoint heeds; name the endpoint with "
            "--model-url or POLYSEEK_MODEL_URL, or leave it out"
        )
    return False


def connect(
    settings: Settings, stored: Mapping[str, Any], patience: Patience | None = None
) -> RemoteEmbedder:
    """The model behind `settings.model_url`, as a knowledge base with the fingerprint `stored`
    wants it, which is {} for a new one.

    Raises:
        ModelError: there is none, or it is not the one that is named.
        BadInput: prompts in the settings where the server puts them itself.
    """
    if not settings.model_url:
        raise ModelError(
            f"{settings.kb_shown} was made with {stored['model']} behind an endpoint; give its "
            "address with --model-url or POLYSEEK_MODEL_URL"
        )
    endpoint = Endpoint(settings.model_url, settings.model_key.get_secret_value(), patience)
    try:
        return _connected(endpoint, settings, stored)
    except BaseException:
        endpoint.close()
        raise


def _connected(endpoint: Endpoint, settings: Settings, stored: Mapping[str, Any]) -> RemoteEmbedder:
    entries = _listed(endpoint)
    name = _name(entries, settings.model or str(stored.get("model", "")), endpoint.url)
    entry = next((each for each in entries if each.get("id") == name), {})
    ours = "least_dimensions" in entry and "max_tokens" in entry
    row = row_of(name)
    counts = _counts(row, settings.model_path, endpoint, name, ours)
    told = [row.max_tokens] if row else []
    said = [entry.get(key) for key in ("max_model_len", "max_tokens")]
    told += [limit for limit in said if type(limit) is int and limit > 0]
    spec = replace(
        row or _unknown(name),
        **_prompts(settings, stored, ours, endpoint.url),
        max_tokens=settings.model_tokens or min(told, default=MAX_TOKENS),
        dimensions=row.dimensions if row else _dimensions(endpoint, name),
    )
    known = str(stored.get("weights", ""))
    return RemoteEmbedder(endpoint, name, spec, counts, ours=ours, known=known)


def row_of(name: str) -> ModelSpec | None:
    """The row of a model by any name that servers give it: ours, the hub's, or a path's end."""
    for spec in SPECS.values():
        if name == spec.hub or PurePosixPath(name).name == spec.name:
            return spec
    return None


def _listed(endpoint: Endpoint) -> list[dict[str, Any]]:
    """What GET /models tells of each model; TEI has no such path."""
    try:
        told = endpoint.get("/models")
    except Refused as error:
        if error.status in (404, 405):
            return []
        raise
    found = told.get("data") if isinstance(told, dict) else told
    rows = found if isinstance(found, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


def _name(entries: Sequence[Mapping[str, Any]], wanted: str, url: str) -> str:
    """What the endpoint calls the model that is wanted, or the only one that it has."""
    names = [str(each["id"]) for each in entries]
    if wanted:
        row = row_of(wanted)
        same = [name for name in names if row and row_of(name) is row]
        return wanted if wanted in names or not same else same[0]
    if len(names) == 1:
        return names[0]
    has = f"it has {', '.join(names)}" if names else "it does not list its models"
    raise ModelError(f"which model of {url}? Name it with --model; {has}")


def _prompts(settings: Settings, stored: Mapping[str, Any], ours: bool, url: str) -> dict[str, Any]:
    """Prompts that are not those of the model's row: as the settings have them, else as the
    knowledge base was made. Our own server puts the row's itself, and takes no others.

    Raises:
        BadInput: prompts for our own server.
    """
    asked = {"query_prompt": settings.query_prompt, "passage_prompt": settings.passage_prompt}
    given = {name: prompt for name, prompt in asked.items() if prompt is not None}
    if ours and given:
        told = " and ".join(f"{name} is {prompt!r}" for name, prompt in given.items())
        raise BadInput(
            f"{told}, and {url} is polyseek's own server, which puts the model's prompts before "
            "texts itself; leave out --query-prompt and --passage-prompt, and their variables"
        )
    return {} if ours else {name: stored[name] for name in asked if name in stored} | given


def _dimensions(endpoint: Endpoint, name: str) -> int:
    answer = endpoint.post("/embeddings", {"model": name, "input": [TEXTS[0]]})
    return int(vectors_of(answer, 1, 0, endpoint.url).shape[1])


def _unknown(name: str) -> ModelSpec:
    """A row for a model that has none. What its server does is the server's affair."""
    return ModelSpec(
        name=name,
        architecture="remote",
        pooling="remote",
        query_prompt="",
        passage_prompt="",
        dimensions=0,
        max_tokens=MAX_TOKENS,
        normalize=True,
        parameters=0,
        licence="",
        hub="",
        instruction=SEARCH,
    )


def _counts(
    row: ModelSpec | None, directory: Path | None, endpoint: Endpoint, name: str, ours: bool
) -> Counts:
    if directory is not None:
        if not (directory / "tokenizer.json").exists():
            raise ModelError(
                f"{directory} has no tokenizer.json to count the tokens of {name} with"
            )
        return Counted(Tokenizer(directory))
    if row and available(row):
        return Counted(Tokenizer(locate(row)))
    return Asked(endpoint, name) if ours else Estimated()
