"""`openapi.yaml` (OpenAPI 3.1), made from the routes and from the models that validate (never by hand)."""

import re
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pwauth_server import __version__
from pwauth_server.web import bodies
from pwauth_server.web.problem_schemas import Problem
from pwauth_server.web.route import ADMINISTRATION, Guard, Route

_REF = "#/components/schemas/{model}"
_TEMPLATE = re.compile(r"<(\w+):\w+>")
_WORD = re.compile(r"\w+")
_SIGNED_IN: list[dict[str, list[str]]] = [{"session": []}, {"cookie": []}]
_SECURITY = {
    Guard.SESSION: _SIGNED_IN,
    Guard.RECENT: _SIGNED_IN,
    Guard.ENROL: _SIGNED_IN,
    Guard.ANYBODY: [{}, *_SIGNED_IN],
    Guard.INTROSPECT: [{"apiKey": []}],
    Guard.ADMIN_READ: [{"apiKey": []}, *_SIGNED_IN],
    Guard.ADMIN_WRITE: [{"apiKey": []}, *_SIGNED_IN],
}

_ALWAYS = {
    400: "The request is malformed.",
    429: "A limit is reached; wait for `Retry-After` seconds.",
}
#: Of every route that takes a body.
_BODY = {
    411: "The body has no `Content-Length`.",
    413: "The body is larger than 64 KiB.",
    415: "The body is of another media type, or compressed.",
}
#: Said once, because most routes answer so.
_SHARED = {400: "Malformed", 411: "LengthRequired", 413: "TooLarge", 415: "UnsupportedMediaType", 429: "RateLimited"}
#: Of every page: most forms end elsewhere.
_PAGE = {303: "It is done, or something has to be done first: `Location` is the page to go on with."}
#: Of every route that writes for whoever sends a cookie.
_COOKIE = {403: "A browser's cookie, sent by another site's page: `cross_origin`."}
#: Of every route of the administration.
_ADMINISTRATION = {
    401: "Neither a live API key nor a live session; or, for a change, no passkey lately: `insufficient_user_authentication`.",
    403: "The key lacks the scope, the person is no administrator, or another site's page sent the cookie.",
    404: "No such thing, or the administration is not configured.",
    421: "`Host` is not a name of this server.",
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the description of every route as a document."""
    models: set[type[BaseModel]] = {Problem}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        models |= {model for model in (route.body, route.form, route.answer, route.instead) if model is not None}
        paths.setdefault(_TEMPLATE.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route)
    _, definitions = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)], ref_template=_REF
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pwauth",
            "version": __version__,
            "summary": "Sign-in without passwords for small teams.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "responses": {name: _refused((_ALWAYS | _BODY)[status]) for status, name in _SHARED.items()},
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-pwauth_session", "description": "A browser's session."},
                "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key (`pwk_…`)."},
            },
        },
    }


def text(routes: Sequence[Route]) -> str:
    """Return the document as YAML."""
    head = "# Made by `make openapi` from the code; do not edit.\n"
    return head + str(yaml.safe_dump(document(routes), sort_keys=False, allow_unicode=True, width=110))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
    }
    parameters = [_parameter(name, "path", "") for name in _TEMPLATE.findall(route.path)]
    parameters += [_parameter(name, "query", meaning) for name, meaning in route.query.items()]
    parameters += _filters(route.filters) if route.filters else []
    if parameters:
        operation["parameters"] = parameters
    if route.guard in _SECURITY:
        operation["security"] = _SECURITY[route.guard]
    shapes = {"application/json": route.body, "application/x-www-form-urlencoded": route.form}
    if content := {kind: {"schema": _ref(shape)} for kind, shape in shapes.items() if shape is not None}:
        operation["requestBody"] = {"required": route.body is None or bodies.needs_any(route.body), "content": content}
    operation["responses"] = _responses(route)
    return operation


def _operation_id(route: Route) -> str:
    """Return what generated clients call it: by method and path, which stay when we name a function anew."""
    return "_".join((route.method.lower(), *_WORD.findall(_TEMPLATE.sub(r"\1", route.path))))


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if 204 not in route.statuses:  # noqa: PLR2004 - an answer without a body takes the place of 200
        schema: dict[str, Any] = {"type": "object" if route.media_type == "application/json" else "string"}
        if route.answer:
            schema = {"anyOf": [_ref(route.answer), _ref(route.instead)]} if route.instead else _ref(route.answer)
        content = {route.media_type: {"schema": schema}} | {kind: {"schema": {"type": "string"}} for kind in route.also}
        responses["200"] = {"description": "Done.", "content": content}
    for status, meaning in sorted(_statuses(route).items()):
        responses[str(status)] = _response(route, status, meaning)
    if route.tag == "Pages":
        responses["default"] = _refused("What was refused, and a way on.", is_page=True)
    return responses


def _response(route: Route, status: int, meaning: str) -> dict[str, Any]:
    """Return one answer besides 200; people are refused on a page, and so is whoever reads and finds nothing."""
    if status < 400:  # noqa: PLR2004 - no error
        return {"description": meaning}
    is_for_people = route.is_for_people or "text/html" in route.also
    if meaning == _BODY.get(status) or (meaning == _ALWAYS.get(status) and not is_for_people):
        return {"$ref": f"#/components/responses/{_SHARED[status]}"}
    return _refused(meaning, is_page=is_for_people or (route.method == "GET" and status == 404))  # noqa: PLR2004 - nothing is here


def _refused(meaning: str, *, is_page: bool = False) -> dict[str, Any]:
    content: dict[str, Any] = {"application/problem+json": {"schema": _ref(Problem)}}
    if is_page:
        content["text/html"] = {"schema": {"type": "string"}}
    return {"description": meaning, "content": content}


def _statuses(route: Route) -> dict[int, str]:
    """Return the statuses besides 200, with their meaning."""
    takes_body = route.body is not None or route.form is not None
    statuses = {
        **(_ALWAYS if route.limits or takes_body else {}),
        **(_BODY if takes_body else {}),
        **(_PAGE if route.tag == "Pages" else {}),
        **(_COOKIE if route.method != "GET" and route.guard in {Guard.SESSION, Guard.RECENT, Guard.ENROL} else {}),
        **route.statuses,
    }
    if route.guard in {Guard.RECENT, Guard.ENROL}:
        statuses.setdefault(401, "Not signed in, or not recently or strongly enough: `insufficient_user_authentication`.")
    if route.guard is Guard.INTROSPECT:
        statuses |= {401: "The API key is missing or wrong.", 403: "The API key lacks the scope."}
    return {**_ADMINISTRATION, **statuses} if route.guard in ADMINISTRATION else statuses


def _parameter(name: str, place: str, meaning: str) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": place, "required": True, "schema": {"type": "string"}}
    return parameter | {"description": meaning} if meaning else parameter


def _filters(shape: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the optional parameters of a query string."""
    properties = shape.model_json_schema()["properties"].items()
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties]


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
