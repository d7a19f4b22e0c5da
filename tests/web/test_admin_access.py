"""Who may administer: nobody until it is configured, then keys with a scope and administrators (SEC-90, SEC-96)."""

import pytest

from pwauth_server.app import ROUTES
from pwauth_server.web.route import ADMINISTRATION, Guard
from tests.people import NAVIGATION, Device, Person, at_once, without_id
from tests.server import Server
from tests.web.admin import PATHS, become, fill
from tests.web.raw import request, send

HOST = {"host": "evil.example"}


def test_everything_below_admin_is_guarded() -> None:
    """No route of administration can be forgotten: each names its guard, none is open to scripts of others (SEC-90, SEC-93)."""
    below = [route for route in ROUTES if route.path.startswith("/admin")]
    assert len(below) >= 18
    assert all(route.guard in ADMINISTRATION and not route.cors for route in below)
    assert all((route.guard is Guard.ADMIN_READ) is (route.method == "GET") for route in below)
    assert not [route for route in ROUTES if route.guard in ADMINISTRATION and route not in below]


def test_nothing_is_there_until_it_is_configured(server: Server, alice: Person) -> None:
    """Strangers, the first user and an unlike key see what is nowhere; so does OPTIONS, and nobody is told that Host is wrong."""
    first, gate = alice.sign_in(), server.command("key", "create", "--name", "gate", "--scope", "introspect")
    for method, path in PATHS:
        for token in (None, "x", first.tokens["access_token"], gate, "pwk_" + "A" * 64):
            answer = first.ask(method, path, token=token, json=None if method == "GET" else {})
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), (method, path)
            assert without_id(answer) == without_id(first.ask("GET", "/nowhere"))
        assert first.ask("OPTIONS", path).status_code == first.ask("PUT", path).status_code == 404
        assert first.ask(method, path, headers=HOST).status_code == 404
        if method == "GET":
            assert first.get(path, headers=NAVIGATION).text == first.get("/nowhere", headers=NAVIGATION).text


def test_nobody_becomes_an_administrator_by_being_first(server: Server) -> None:
    """Fifty first sign-ins at once, and not one role (SEC-90)."""
    people = [Person(server) for _ in range(50)]
    letters = [(person.device(), person) for person in people]
    tokens = [person.link(device).token for device, person in letters]
    answers = at_once(
        *[lambda device=device, token=token: device.verify(token) for (device, _), token in zip(letters, tokens, strict=True)]
    )
    assert {answer.status_code for answer in answers} == {200}
    assert server.sql("SELECT DISTINCT roles FROM users") == [("",)]
    assert Device(server).get("/admin/users", token=answers[0].json()["access_token"]).status_code == 404


def test_administration_in_order(server: Server, alice: Person) -> None:
    """A key with its scope opens what it says; everybody else is told apart by 401 and 403 (SEC-90)."""
    reader = server.command("key", "create", "--name", "reader", "--scope", "admin:read")
    writer = server.command("key", "create", "--name", "writer", "--scope", "admin:write")
    gate = server.command("key", "create", "--name", "gate", "--scope", "introspect")
    person = alice.sign_in()
    for method, path in PATHS:
        allowed, other = (reader, writer) if method == "GET" else (writer, reader)
        for token, status in ((None, 401), (gate, 403), (other, 403), (person.tokens["access_token"], 403)):
            answer = person.ask(method, path, token=token, json=None if method == "GET" else {})
            assert answer.status_code == status, (method, path, token)
        assert person.ask(method, path, token=allowed, json=None if method == "GET" else {}).status_code not in {401, 403, 421}
        assert person.ask(method, path, token=allowed, headers=HOST).status_code == 421
        (absolute,) = send(server, request(method, f"http://evil.example{path}", authorization=f"Bearer {allowed}", connection="close"))
        assert absolute.status == 421
        assert person.ask("OPTIONS", path).status_code == 204


def test_a_session_id_is_no_credential(server: Server, alice: Person) -> None:
    """What is shown in lists opens nothing (SEC-92)."""
    person = alice.sign_in()
    for token in (person.tokens["session_id"], person.tokens["refresh_token"], person.get("/me").json()["sub"]):
        assert person.get("/admin/users", token=token).status_code == 401


@pytest.fixture(scope="module")
def admin(server: Server) -> Device:
    """Return the device of an administrator who has just shown a passkey."""
    return become(server, Person(server).sign_in(), acr="phr", amr="hwk user mfa")


def test_an_administrator_reads_with_any_sign_in_but_a_lone_code(server: Server, alice: Person) -> None:
    """Six digits alone are too weak, and so is an account that nobody has proven (SEC-07, SEC-35)."""
    someone = alice.sign_in()
    cases = (("email", "email", 200), ("phr", "hwk user mfa", 200), ("otp", "otp", 403), ("unverified", "hwk user mfa", 403))
    for acr, amr, status in cases:
        become(server, someone, acr=acr, amr=amr)
        assert someone.get("/admin/users").status_code == status, acr


def test_an_administrator_changes_things_with_a_passkey_shown_lately(server: Server, alice: Person, admin: Device) -> None:
    """Ten minutes, and no other factor will do; the refusal says what will (SEC-57, SEC-90; RFC 9470)."""
    target = alice.sign_in().get("/me").json()["sub"]
    assert admin.ask("PATCH", f"/admin/users/{target}", json={"name": "Ann"}, token=admin.tokens["access_token"]).status_code == 200
    for acr, amr, age in (("email", "email", 0), ("mfa", "email otp mfa", 0), ("host", "host", 0), ("phr", "hwk user mfa", 601)):
        tired = become(server, Person(server).sign_in(), acr=acr, amr=amr, age=age)
        for method, path in fill(target):
            if method == "GET":
                continue
            refused = tired.ask(method, path, json={}, token=tired.tokens["access_token"])
            assert (refused.status_code, refused.json()["error"]) == (401, "insufficient_user_authentication"), path
            assert refused.json()["methods"] == ["webauthn"]
            assert "max_age=600" in refused.headers["www-authenticate"]
        assert tired.get("/admin/users").status_code == 200


def test_a_cookie_administers_from_our_own_pages_only(server: Server, admin: Device) -> None:
    """A page of another site may start the request, and is refused (SEC-18, SEC-95)."""
    person = Person(server)
    browser = person.device()
    browser.press_button(browser.open_link(person.link(browser).token))
    become(server, browser, acr="phr", amr="hwk user mfa", address=person.address)
    target = admin.get("/me").json()["sub"]
    for headers in ({}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert browser.ask("PATCH", f"/admin/users/{target}", json={"name": "x"}, headers=headers).status_code == 403
    own = {"origin": server.public_url}
    assert browser.ask("PATCH", f"/admin/users/{target}", json={"name": "x"}, headers=own).status_code == 200


def test_no_role_comes_from_a_body(server: Server, alice: Person) -> None:
    """Unknown fields of changes are refused, and nobody promotes themselves (SEC-91)."""
    person = alice.sign_in()
    extra = {"role": "admin", "roles": ["admin"], "email_verified": True, "is_admin": True, "sub": "x"}
    before = person.get("/me").json()
    assert person.ask("PATCH", "/me", json={"name": "x", **extra}, token=person.tokens["access_token"]).status_code == 400
    for path in ("/request/magic", "/verify/magic", "/verify/magic/code", "/token/refresh"):
        body = {"email": alice.address, "token": "x", "request_id": "x", "code": "AAAA-AAAA", "refresh_token": "x", **extra}
        assert person.post(path, json=body).status_code in {200, 400, 401}
    assert person.get("/me").json() == before
    writer = server.command("key", "create", "--name", "writer", "--scope", "admin:write")
    for field, value in extra.items():
        answer = person.ask("PATCH", f"/admin/users/{before['sub']}", json={"name": "x", field: value}, token=writer)
        assert answer.status_code == (403 if field == "roles" else 400), field
    assert person.get("/me").json() == before
