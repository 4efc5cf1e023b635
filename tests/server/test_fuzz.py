"""The server under requests made from its own description: never an error of its own."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.conftest import Live

CHECKS = (
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)


POSTS = ("/v1/embeddings", "/tokenize")
GETS = ("/v1/models", "/v1/models/{name}", "/health", "/ready", "/metrics")
RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        *(("POST", path, mode) for path in POSTS for mode in (RIGHT, WRONG)),
        *(("GET", path, RIGHT) for path in GETS),
    ],
)
def test_whatever_is_asked(live: Live, method: str, path: str, mode: GenerationMode) -> None:
    described = schemathesis.openapi.from_url(live.address + "/openapi.json")
    operation = described[path][method]
    assert set(live.client.get("/openapi.json").json()["paths"]) == {*POSTS, *GETS}

    @settings(max_examples=80, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=list(CHECKS))

    ask()
