"""Every kind of credential at every place that takes one: only the diagonal opens."""

from dataclasses import dataclass

import pytest

from tests.people import NAVIGATION, Device, Person
from tests.server import Server
from tests.web.passkey_holder import options
from tests.web.tokens import claims


@dataclass(frozen=True)
class Credentials:
    """One live credential of each kind; all but the keys belong to one person."""

    person: Person
    device: Device
    by_kind: dict[str, str]


KINDS = (
    "access",
    "refresh",
    "link",
    "api key",
    "other api key",
    "session cookie",
    "request cookie",
    "session id",
    "request id",
    "code",
    "pending id",
    "hash",
    "name of ours",
)


@pytest.fixture(scope="module")
def credentials(server: Server) -> Credentials:
    """Return a person with everything that is ever handed out."""
    person = Person(server)
    device, browser = person.sign_in(), person.device()
    token = person.link(browser).token
    browser.press_button(browser.open_link(token))
    request_id = person.request(browser)
    letter = person.read_letter()
    (row,) = server.sql("SELECT hex(token_hash) FROM magic_links WHERE closed_at IS NULL")
    kinds = {
        "access": device.tokens["access_token"],
        "refresh": device.tokens["refresh_token"],
        "link": letter.token,
        "api key": server.command("key", "create", "--name", "gate", "--scope", "introspect"),
        "other api key": server.command("key", "create", "--name", "reader", "--scope", "admin:read"),
        "session cookie": browser.cookies["__Host-pwauth_session"],
        "request cookie": browser.cookies["__Host-pwauth_request"],
        "session id": device.tokens["session_id"],
        "request id": request_id,
        "code": letter.code,
        "pending id": options(device, "login")["pending_id"],
        "hash": row[0],
        "name of ours": "epoch",
    }
    assert set(kinds) == set(KINDS)
    return Credentials(person, device, kinds)


@pytest.mark.parametrize("kind", KINDS)
def test_only_an_access_token_is_a_bearer(credentials: Credentials, kind: str) -> None:
    """Every route of a signed-in person refuses every other kind (SEC-22, SEC-92)."""
    bearer = credentials.by_kind[kind]
    good = kind == "access"
    for method, path in (
        ("GET", "/me"),
        ("GET", "/sessions"),
        ("PATCH", "/me"),
        ("GET", "/webauthn/credentials"),
        ("POST", "/webauthn/register/options"),
    ):
        answer = credentials.person.device().ask(method, path, token=bearer, json={"name": "x"})
        assert (answer.status_code == 200) is good, (method, path)
        assert answer.status_code in {200, 401}
    if not good:
        for method, path in (("DELETE", "/sessions"), ("POST", "/logout"), ("DELETE", f"/sessions/{credentials.by_kind['session id']}")):
            assert credentials.person.device().ask(method, path, token=bearer).status_code == 401


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_session_cookie_is_a_session_cookie(credentials: Credentials, kind: str) -> None:
    """No other secret signs a browser in (SEC-22)."""
    device = credentials.person.device()
    device.cookies["__Host-pwauth_session"] = credentials.by_kind[kind]
    assert device.get("/me").status_code == (200 if kind == "session cookie" else 401)
    device.cookies = {"__Host-pwauth_request": credentials.by_kind[kind]}
    assert device.get("/me").status_code == 401


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "refresh"])
def test_only_a_refresh_token_refreshes(credentials: Credentials, kind: str) -> None:
    """Another kind is 401 and is not taken for a reuse (SEC-22)."""
    answer = credentials.device.post("/token/refresh", json={"refresh_token": credentials.by_kind[kind]})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
    assert credentials.device.get("/me").status_code == 200
    assert credentials.person.server.metric("refresh_reuse_total") == 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "link"])
def test_only_a_link_is_a_link(credentials: Credentials, kind: str) -> None:
    """By POST, by GET and by form nothing else signs in (SEC-15, SEC-22)."""
    secret = credentials.by_kind[kind]
    device = credentials.person.device()
    assert device.verify(secret, confirm_other_device=True).status_code == 401
    assert device.get(f"/verify/magic?token={secret}", headers={"accept": "application/json"}).status_code == 401
    assert device.press_button(device.open_link(secret)).status_code == 401


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "code"])
def test_only_a_code_is_a_code(credentials: Credentials, kind: str) -> None:
    """Nothing else fits where eight signs belong (SEC-22)."""
    answer = credentials.person.device().verify_code(credentials.by_kind["request id"], credentials.by_kind[kind])
    assert answer.status_code in {400, 401}


@pytest.mark.parametrize("kind", KINDS)
def test_introspection_wants_the_right_key_and_an_access_token(credentials: Credentials, kind: str) -> None:
    """Its key is a key of that scope; whatever is no live access token is inactive, in the same bytes (SEC-22, SEC-27)."""
    device, secret = credentials.person.device(), credentials.by_kind[kind]
    asked = device.post("/token/introspect", json={"token": secret}, token=credentials.by_kind["api key"])
    assert asked.status_code == 200
    if kind == "access":
        assert asked.json()["active"] is True
        assert asked.json()["sub"] == claims(secret)["sub"]
    else:
        assert asked.content == b'{"active":false}'
    expected = {"api key": 200, "other api key": 403}.get(kind, 401)
    assert device.post("/token/introspect", json={"token": "x"}, token=secret).status_code == expected


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_pending_id_is_a_pending_id(credentials: Credentials, kind: str) -> None:
    """Nothing else names a challenge, and naming one is no answer to it (SEC-22, SEC-40)."""
    device, body = credentials.person.device(), {"pending_id": credentials.by_kind[kind], "response": {}}
    assert device.post("/webauthn/login/complete", json=body).status_code == 401
    registered = device.post("/webauthn/register/complete", json=body, token=credentials.by_kind["access"])
    assert (registered.status_code, registered.json()["error"]) == (401, "ceremony_over")


@pytest.mark.parametrize("kind", KINDS)
def test_administration_wants_its_own_key(credentials: Credentials, kind: str) -> None:
    """A key of another scope and a person without the role are told apart from nonsense, and none of them gets in (SEC-22, SEC-90)."""
    expected = {"other api key": 200, "api key": 403, "access": 403}.get(kind, 401)
    device = credentials.person.device()
    assert device.get("/admin/users", token=credentials.by_kind[kind]).status_code == expected
    assert device.ask("DELETE", "/admin/sessions/x", token=credentials.by_kind[kind]).status_code == (403 if expected != 401 else 401)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"access", "refresh"}])
def test_revoking_anything_else_revokes_nothing(credentials: Credentials, kind: str) -> None:
    """Only the tokens of a session end it; an id or a hash of it does not (SEC-27, SEC-92)."""
    device = credentials.person.device()
    assert device.post("/token/revoke", json={"token": credentials.by_kind[kind]}).status_code == 200
    assert credentials.device.get("/me").status_code == 200
    device.cookies["__Host-pwauth_session"] = credentials.by_kind["session cookie"]
    assert device.get("/me", headers=NAVIGATION).status_code == 200


def test_a_cookie_may_not_write_for_another_site(credentials: Credentials) -> None:
    """Every write by cookie must come from our own pages (SEC-18, SEC-95)."""
    device = credentials.person.device()
    device.cookies["__Host-pwauth_session"] = credentials.by_kind["session cookie"]
    own = credentials.person.server.public_url
    for headers in (
        {},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": own},
        {"origin": "null"},
    ):
        assert device.ask("PATCH", "/me", json={"name": "evil"}, headers=headers).status_code == 403
        assert device.ask("DELETE", "/sessions", headers=headers).status_code == 403
        assert device.ask("POST", "/logout", form={}, headers=headers).status_code == 403
    assert device.ask("PATCH", "/me", json={"name": "me"}, headers={"origin": own}).status_code == 200


def test_a_cookie_that_is_there_twice_is_refused(credentials: Credentials) -> None:
    """One of the two was tossed in by somebody else (SEC-95)."""
    cookie = f"__Host-pwauth_session={credentials.by_kind['session cookie']}"
    answer = credentials.person.device().get("/me", headers={"cookie": f"{cookie}; a=b; {cookie}"})
    assert answer.status_code == 400
    assert credentials.person.device().get("/me", headers={"cookie": f"a=b; {cookie}"}).status_code == 200
