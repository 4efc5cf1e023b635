"""The API on one page that loads nothing from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace;background:#8881;border-radius:4px}"
    "pre{padding:.8rem;overflow-x:auto}td{vertical-align:top;padding:.2rem .8rem .2rem 0}"
    "h2{margin-top:2.5rem}:root{color-scheme:light dark}"
)


def page(described: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI description."""
    told, shown = described["info"], list[str]()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            shown.extend(_operation(method.upper(), path, operation))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(told['title'])}</title>"
        f"<style>{STYLE}</style><h1>{escape(told['title'])} {escape(told['version'])}</h1>"
        f"<p>{escape(told['description'])}</p><p>For programs: "
        f'<a href="openapi.json">openapi.json</a></p>{"".join(shown)}</html>'
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method} {escape(path)}</code></h2><p>{escape(operation['summary'])}. "
    yield f"{escape(operation.get('description', ''))}</p>"
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content:
        yield "<table>"
        for name, field in content["schema"]["properties"].items():
            told = escape(field.get("description", ""))
            needed = " (required)" if name in content["schema"].get("required", ()) else ""
            yield f"<tr><td><code>{escape(name)}</code>{needed}<td>{_values(field)}{told}"
        body = json.dumps(content["example"], ensure_ascii=False)
        yield "</table><pre>" + escape(
            f"curl http://127.0.0.1:30000{path} -H 'Content-Type: application/json' -d '{body}'"
        )
        yield "</pre>"
    statuses = ", ".join(operation["responses"])
    yield f"<p>Answers: {escape(statuses)}</p>"


def _values(field: Mapping[str, Any]) -> str:
    kinds = field.get("anyOf", [field])
    values = [str(value) for kind in kinds for value in kind.get("enum", ())]
    types = [str(kind["type"]) for kind in kinds if kind.get("type") not in (None, "null")]
    return f"<i>{escape(' | '.join(values or dict.fromkeys(types)))}</i>. "
