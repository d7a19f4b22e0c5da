"""`openapi.yaml` is the code's own description, is valid, and leaves no route out."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest
import yaml
from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from pwauth_server.app import ROUTES
from pwauth_server.web import openapi
from pwauth_server.web.route import Route
from tests import described

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "openapi.yaml").read_text()

#: Routes that take from no limit before their handler, and why a stranger gains nothing by it.
UNLIMITED = {
    ("POST", "/token/introspect"): "a program asks for every request of every person behind it; wrong API keys have a limit of their own",
    ("GET", "/auth/forward"): "a proxy asks for every picture of every page; nothing is guessed here, and nothing written",
    ("GET", "/auth/nginx"): "as /auth/forward",
    ("GET", "/"): "reads no more than a session, and people come here when a limit turned them away",
    ("GET", "/health"): "a probe that is refused restarts a server that works",
    ("GET", "/readiness"): "as /health",
    ("GET", "/liveness"): "as /health",
    ("GET", "/metrics"): "answers this machine or a token only, and is needed most under attack",
    ("GET", "/static/<name:str>"): "constant bytes, kept by browsers",
}


def test_the_file_is_what_the_command_prints() -> None:
    """`make openapi` was run after the last change."""
    printed = subprocess.run((sys.executable, "-m", "pwauth_server", "openapi"), cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == FILE


def test_the_file_is_valid() -> None:
    """Generators of clients accept it (OpenAPI 3.1)."""
    document = yaml.safe_load(FILE)
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_a_broken_description_is_seen() -> None:
    """The validator is really asked."""
    document = yaml.safe_load(FILE)
    document["paths"]["/me"]["get"]["responses"]["200"] = {"nonsense": 1}
    with pytest.raises(OpenAPIValidationError):
        validate(document)


def test_every_reference_leads_somewhere() -> None:
    """The validator does not look; two shapes of one name would be written under others, and their users point at nothing."""
    document = yaml.safe_load(FILE)
    assert targets(document) <= {f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named}


def test_a_reference_to_nothing_is_seen() -> None:
    """Wherever it stands."""
    assert targets({"a": [{"$ref": "#/x"}], "b": {"c": {"$ref": "#/y"}}}) == {"#/x", "#/y"}


def test_every_route_is_described() -> None:
    """Method, path, summary and, where something is asked for, its shape."""
    paths = openapi.document(ROUTES)["paths"]
    for route in ROUTES:
        operation = paths[openapi._TEMPLATE.sub(r"{\1}", route.path)][route.method.lower()]
        assert operation["summary"] == route.summary
        assert ("requestBody" in operation) == (route.body is not None or route.form is not None)
    assert sum(len(methods) for methods in paths.values()) == len(ROUTES)


@pytest.mark.parametrize(
    ("status", "content", "fault"),
    (
        (200, {"status": "ok"}, None),
        (200, {"status": "fine"}, "fine"),
        (200, {"status": "ok", "more": 1}, "more"),
        (200, "<p>ok", "text/plain"),
        (418, {"status": "ok"}, "418"),
    ),
)
def test_a_surprising_answer_is_seen(status: int, content: object, fault: str | None) -> None:
    """Devices of all tests hold every answer against the description: status, media type, fields."""
    body = {"text": content} if isinstance(content, str) else {"json": content}
    answer = httpx.Response(status, request=httpx.Request("GET", "http://localhost/health"), **body)
    with pytest.raises(AssertionError, match=fault) if fault else nullcontext():
        described.check(answer)


def test_ids_are_texts_and_times_too() -> None:
    """A client that keeps an id or a moment needs one type for it; only introspection counts seconds, as RFC 7662 has it."""
    for name, shape in openapi.document(ROUTES)["components"]["schemas"].items():
        for field, schema in shape.get("properties", {}).items():
            is_named = field in {"id", "at"} or field.endswith(("_id", "_at", "_time"))
            if is_named and name != "Introspection":
                kinds = {it.get("type") for it in schema.get("anyOf", [schema])} - {"null"}
                assert kinds == {"string"}, (name, field)


def test_operations_have_names_of_their_own() -> None:
    """Generators make a function of each, which must say what it deletes."""
    paths = yaml.safe_load(FILE)["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(names) == len(set(names))
    assert (paths["/me"]["delete"]["operationId"], paths["/totp"]["delete"]["operationId"]) == ("delete_me", "delete_totp")
    assert paths["/sessions/{session_id}"]["delete"]["operationId"] == "delete_sessions_session_id"


def test_every_route_has_limits_or_a_reason() -> None:
    """Nothing can be asked for without end by accident (SEC-60, SEC-64)."""
    assert unlimited(ROUTES) == set(UNLIMITED)


def test_a_route_without_limits_is_seen() -> None:
    """A new one has to be listed above, with its reason (SEC-64)."""
    assert unlimited([Route("GET", "/new", ROUTES[0].handler, "New", "New", limits=())]) == {("GET", "/new")}
    assert unlimited([Route("GET", "/new", ROUTES[0].handler, "New", "New")]) == set()


def targets(part: object) -> set[str]:
    """Return what the references of a part of the document point at."""
    if isinstance(part, Mapping):
        own = {str(part["$ref"])} if "$ref" in part else set()
        return own.union(*map(targets, part.values()))
    return set().union(*map(targets, part)) if isinstance(part, list) else set()


def unlimited(routes: Sequence[Route]) -> set[tuple[str, str]]:
    """Return the routes that take from no limit."""
    return {(route.method, route.path) for route in routes if not route.limits}
