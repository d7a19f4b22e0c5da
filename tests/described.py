"""Holds what the server answers against `openapi.yaml`: status, media type and every field."""

import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no types of its own

from pwauth_server.app import ROUTES
from pwauth_server.web import openapi

#: What no route answers: other methods, hosts and framings are refused for all of them alike.
_ANYWHERE = frozenset({405, 421})
_PROBLEM = "application/problem+json"


def check(answer: httpx.Response) -> None:
    """Fail if a program that was written from the description would be surprised by an answer."""
    request = answer.request
    operation = _operation(request.method, request.url.path)
    if operation is None or answer.status_code in _ANYWHERE:
        return
    asked = f"{request.method} {request.url.path}: {answer.status_code}"
    responses = operation["responses"]
    described = responses.get(str(answer.status_code), responses.get("default"))
    assert described is not None, f"{asked} is not described"
    if shared := described.get("$ref"):
        described = _document()["components"]["responses"][shared.rpartition("/")[2]]
    if not answer.content:
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    content = described.get("content", {})
    assert media_type in content, f"{asked} as {media_type} is not described"
    if media_type in {"application/json", _PROBLEM}:
        validator = Draft202012Validator({**content[media_type]["schema"], "components": _document()["components"]})
        fault = next(validator.iter_errors(answer.json()), None)
        assert fault is None, f"{asked}: {fault}"


@cache
def _operation(method: str, path: str) -> dict[str, Any] | None:
    """Return the operation that a path is of, the exact one before templates; None for what is not described."""
    paths = _document()["paths"]
    for template in sorted(paths, key=lambda it: "{" in it):
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path):
            found: dict[str, Any] | None = paths[template].get(method.lower())
            return found
    return None


@cache
def _document() -> dict[str, Any]:
    """Return the description, with answers that have no field but those it names."""
    document = openapi.document(ROUTES)
    for shape in document["components"]["schemas"].values():
        if "properties" in shape:
            shape.setdefault("additionalProperties", False)
    return document

