"""What is true of every answer, whatever was asked."""

import json
import re
from typing import Any

import httpx
import pytest
import yaml

from pwauth_server.app import ROUTES
from tests.people import NAVIGATION, Device, Person
from tests.server import Server
from tests.web.raw import request, send

#: Otherwise the administration is nowhere.
SETTINGS = {"admin_emails": "boss@people.example"}
PATHS = sorted({re.sub(r"<\w+:str>", "x", route.path) for route in ROUTES} | {"/openapi.yaml", "/docs"})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CREDENTIAL_PATHS = (
    "/me",
    "/sessions",
    "/token/refresh",
    "/token/revoke",
    "/token/introspect",
    "/verify/magic",
    "/verify/magic/code",
    "/logout",
    "/webauthn/register/options",
    "/webauthn/login/complete",
    "/webauthn/credentials",
)
PROBLEM_FIELDS = {"type", "title", "status", "detail", "error", "request_id"}


def check_headers(headers: Any) -> None:
    """Look for what every answer must carry."""
    assert re.fullmatch(r"[A-Za-z0-9-]{1,64}", headers["x-request-id"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "server" not in headers
    assert "strict-transport-security" not in headers  # plain http: a browser would be locked out


def check_problem(answer: httpx.Response) -> dict[str, Any]:
    """Return an RFC 9457 answer after a look at its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    content: dict[str, Any] = answer.json()
    assert set(content) >= PROBLEM_FIELDS
    assert content["status"] == answer.status_code
    assert content["request_id"] == answer.headers["x-request-id"]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", content["error"])
    assert not re.search(r"Traceback|Error:|\.py|Exception|sanic|sqlite|pydantic", answer.text, re.IGNORECASE)
    return content


@pytest.mark.parametrize("path", PATHS)
def test_every_method_on_every_route_answers_in_form(device: Device, path: str) -> None:
    """Whatever is asked, headers protect it, an id names it and an error is a problem document (SEC-75, SEC-95)."""
    for method in METHODS:
        answer = device.ask(method, path)
        check_headers(answer.headers)
        assert answer.status_code < 500
        if answer.status_code >= 400 and method != "HEAD":
            check_problem(answer)
        if answer.status_code == 405:
            assert method not in answer.headers["allow"].split(", ")
        if method == "OPTIONS":
            # To a proxy any 2xx means that somebody may pass.
            assert answer.status_code == (405 if path.startswith("/auth/") else 204)
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_a_body(device: Device, path: str) -> None:
    """HEAD tells what GET would, for every route that has GET, and is 405 elsewhere."""
    get, head = device.ask("GET", path), device.ask("HEAD", path)
    assert head.content == b""
    assert head.status_code == get.status_code
    if path not in {"/metrics", "/"}:
        assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("path", CREDENTIAL_PATHS)
def test_what_depends_on_a_credential_is_never_stored(alice: Person, path: str) -> None:
    """Good and bad answers alike are no-store (SEC-26)."""
    laptop = alice.sign_in()
    for method in ("GET", "POST", "PATCH", "DELETE"):
        for token in (None, laptop.tokens["access_token"]):
            answer = laptop.ask(method, path, json={"token": "x", "name": "x"}, token=token)
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["pragma"] == "no-cache"


def test_credentials_in_a_url_are_ignored(alice: Person) -> None:
    """Only the Authorization header and the body carry credentials (SEC-26)."""
    laptop = alice.sign_in()
    access, refresh = laptop.tokens["access_token"], laptop.tokens["refresh_token"]
    assert laptop.ask("GET", f"/me?access_token={access}").status_code == 401
    assert laptop.ask("GET", f"/token/refresh?refresh_token={refresh}").status_code == 405
    assert laptop.ask("POST", f"/token/refresh?refresh_token={refresh}").status_code == 400
    assert laptop.ask("POST", f"/token/refresh?refresh_token={refresh}", json={}).status_code == 400
    assert laptop.ask("POST", f"/token/revoke?token={access}").status_code == 400
    assert laptop.get("/me").status_code == 200


def test_an_id_of_the_client_is_kept_if_it_is_harmless(server: Server, device: Device) -> None:
    """Letters, digits and dashes pass; whatever could break a log line is replaced (SEC-73)."""
    for given in ("abc-123", "A" * 64, "0"):
        assert device.get("/health", headers={"x-request-id": given}).headers["x-request-id"] == given
    for given in ("", "A" * 65, "a b", "a_b", "a.b", "é".encode().decode("latin-1"), '{"event":"login_ok"}', "a;b"):
        (answer,) = send(server, request("GET", "/health", connection="close", x_request_id=given or " ").replace(b"\xc3", b"c"))
        assert answer.headers["x-request-id"] != given
        check_headers(answer.headers)


@pytest.mark.parametrize(
    "path",
    (
        "//request/magic",
        "/request/magic/",
        "/request%2Fmagic",
        "/REQUEST/MAGIC",
        "/request/magic%00",
        "/./request/magic",
        "/request/magic;x=1",
        "/request//magic",
    ),
)
def test_another_spelling_of_a_path_is_another_path(server: Server, path: str) -> None:
    """No variant slips past the limits of a route: there is nothing behind it (SEC-64)."""
    content = request("POST", path, b'{"email":"a@paths.example"}', content_type="application/json", connection="close")
    (answer,) = send(server, content)
    assert answer.status == 404
    check_headers(answer.headers)
    assert json.loads(answer.body)["error"] == "not_found"


def test_errors_echo_no_input_whoever_asks(device: Device) -> None:
    """No path, markup or value comes back, for a browser neither (SEC-75)."""
    marker = "<script>zq7391qz</script>"
    for answer in (
        device.get(f"/{marker}"),
        device.get("/sessions/zq7391qz", headers=NAVIGATION),
        device.ask("DELETE", f"/sessions/{marker}", headers=NAVIGATION),
        device.post("/request/magic", json={"email": marker}, headers=NAVIGATION),
        device.post("/request/magic", json={marker: marker}, headers=NAVIGATION),
        device.post("/verify/magic", json={"token": marker}, headers=NAVIGATION),
        device.post("/verify/magic/code", json={"request_id": marker, "code": marker}, headers=NAVIGATION),
        device.post("/token/refresh", json={"refresh_token": marker}, headers=NAVIGATION),
        device.get("/me", token=marker, headers=NAVIGATION),
        device.get("/me", headers={"cookie": f"__Host-pwauth_session={marker}"}),
    ):
        assert 400 <= answer.status_code < 500
        check_problem(answer)
        assert "zq7391qz" not in answer.text


@pytest.mark.parametrize("path", ("/<script>zq7391qz</script>", "/account/zq7391qz", "/static/zq7391qz"))
def test_what_is_nowhere_is_a_page_for_a_browser(device: Device, path: str) -> None:
    """Whoever reads gets a page, a program its problem (SEC-75)."""
    page = device.get(path, headers=NAVIGATION)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>Nothing is here</h1>" in page.text
    assert "zq7391qz" not in page.text
    assert page.text == device.get("/nowhere", headers=NAVIGATION).text
    for accept in ("application/json", "*/*", "application/json, text/html"):
        assert check_problem(device.get(path, headers=NAVIGATION | {"accept": accept}))["error"] == "not_found"


def test_the_description_is_served_and_true(device: Device) -> None:
    """``/openapi.yaml`` lists every route that exists, and ``/docs`` needs no foreign host."""
    described = yaml.safe_load(device.get("/openapi.yaml").text)
    assert described["openapi"].startswith("3.1")
    for route in ROUTES:
        assert route.method.lower() in described["paths"][re.sub(r"<(\w+):str>", r"{\1}", route.path)]
    page = device.get("/docs", headers=NAVIGATION)
    assert "<code>access_token refresh_token token_type expires_in session_id " in page.text
    assert page.headers["content-type"].startswith("text/html")
    assert all(not re.match(r"(https?:)?//", target) for target in re.findall(r'(?:src|href)="([^"]*)"', page.text))


def test_health_tells_that_the_database_answers(device: Device) -> None:
    """Probes get small JSON and need no credential."""
    for path in ("/health", "/readiness", "/liveness"):
        answer = device.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_problem_is_valid_json_to_the_last_byte(device: Device) -> None:
    """A client may parse every error with any JSON parser."""
    assert json.loads(device.get("/nowhere").content)["error"] == "not_found"
