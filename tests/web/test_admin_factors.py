"""Administration and factors: real passkeys, real codes, taken away or worth nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest

from tests.authenticator import Authenticator
from tests.people import Device, Person, without_id
from tests.server import Server
from tests.totp_app import App
from tests.web.passkey_holder import add, enter, key_for, options
from tests.web.test_recovery import make, show
from tests.web.test_totp import alone, confirm, enrol

Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def admin(server: Server) -> Ask:
    """Return a function that asks with a key that may do everything here."""
    key = server.command("key", "create", "--name", "admin", "--scope", "admin:read", "--scope", "admin:write")
    return lambda method, path, **rest: Device(server).ask(method, path, token=key, **rest)


@dataclass(frozen=True)
class Owner:
    """Somebody with every factor there is; the device has just shown the passkey, the app's code of now is spent."""

    person: Person
    device: Device
    key: Authenticator
    app: App
    sheet: list[str]


@pytest.fixture
def owner(server: Server, alice: Person) -> Owner:
    """Return alice with a passkey, an app and recovery codes."""
    device, key = alice.sign_in(), key_for(server)
    assert add(device, key, name="laptop").status_code == 200
    assert enter(device, key, token=device.tokens["access_token"]).status_code == 200
    sheet = make(device)
    app = enrol(device)
    assert confirm(device, app.code()).status_code == 200
    return Owner(alice, device, key, app, sheet)


def test_a_disabled_persons_factors_sign_nobody_in(server: Server, owner: Owner, admin: Ask) -> None:
    """Passkey, code, recovery code and whatever is under way: the words of a wrong one, and no revival (SEC-09)."""
    alice, device, key = owner.person, owner.device, owner.key
    sub = device.get("/me").json()["sub"]
    mailbox = alice.sign_in()
    waiting = options(alice.device(), "login", email=alice.address)
    answer_in_hand = {"pending_id": waiting["pending_id"], "response": key.use(waiting["publicKey"])}
    enrolment = options(device, "register", device.tokens["access_token"])
    assert admin("PATCH", f"/admin/users/{sub}", json={"disabled": True}).status_code == 200
    wrong = without_id(alone(alice, owner.app.wrong()))
    server.sql("UPDATE totp SET last_step = 0")
    assert without_id(alone(alice, owner.app.code())) == wrong
    assert enter(alice.device(), key).status_code == enter(alice.device(), key, email=alice.address).status_code == 401
    assert alice.device().post("/webauthn/login/complete", json=answer_in_hand).status_code == 401
    assert show(mailbox, owner.sheet[0]).status_code == 401
    made = {"pending_id": enrolment["pending_id"], "response": key.make(enrolment["publicKey"])}
    assert device.post("/webauthn/register/complete", json=made, token=device.tokens["access_token"]).status_code == 401
    assert admin("PATCH", f"/admin/users/{sub}", json={"disabled": False}).status_code == 200
    assert alice.device().post("/webauthn/login/complete", json=answer_in_hand).status_code == 401
    assert enter(alice.device(), key).status_code == 200


def test_factors_that_were_taken_away_are_gone(server: Server, owner: Owner, admin: Ask) -> None:
    """They sign nobody in, and the owner reads of it, but not where the administrator sits (SEC-58, SEC-91)."""
    alice, device, key = owner.person, owner.device, owner.key
    sub = device.get("/me").json()["sub"]
    shown = admin("GET", f"/admin/users/{sub}").json()
    (passkey,) = shown["passkeys"]
    assert (passkey["name"], shown["totp"], shown["recovery_codes"]) == ("laptop", True, 10)
    assert set(passkey) == {"id", "name", "created_at", "last_used_at", "backed_up", "suspended"}
    assert admin("DELETE", f"/admin/users/{sub}/totp").status_code == 204
    server.sql("UPDATE totp SET last_step = 0")
    assert alone(alice, owner.app.code()).status_code == 401
    assert admin("DELETE", f"/admin/users/{sub}/webauthn/{passkey['id']}").status_code == 204
    assert enter(alice.device(), key).status_code == 401
    server.mail.wait_for(alice.address, 6)  # after the link and three notices of what was added; not always in order
    told = [letter.text for letter in server.mail.to(alice.address) if "From an administrator" in letter.text]
    assert sorted(text.split("\r\n")[2].partition(" of ")[0] for text in told) == [
        "A passkey was removed from your account.",
        "One-time passwords were removed from your account.",
    ]
    assert "127.0.0.1" not in "".join(told)
    for path in ("totp", f"webauthn/{passkey['id']}"):
        assert admin("DELETE", f"/admin/users/{sub}/{path}").status_code == 404


def test_an_administrator_works_with_a_real_passkey(server: Server, owner: Owner) -> None:
    """Shown lately it opens everything; a link does not renew it, and the last passkey stays (SEC-57, SEC-59, SEC-90)."""
    alice, device, key = owner.person, owner.device, owner.key
    server.command("admin", "grant", alice.address)
    sub = device.get("/me").json()["sub"]
    mailbox = alice.sign_in()
    assert mailbox.get("/admin/users").status_code == 200
    refused = mailbox.ask("PATCH", f"/admin/users/{sub}", json={"name": "Ann"}, token=mailbox.tokens["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "insufficient_user_authentication")
    assert enter(mailbox, key, token=mailbox.tokens["access_token"]).status_code == 200
    changed = mailbox.ask("PATCH", f"/admin/users/{sub}", json={"name": "Ann"}, token=mailbox.tokens["access_token"])
    assert (changed.status_code, changed.json()["name"]) == (200, "Ann")
    (passkey,) = changed.json()["passkeys"]
    last = mailbox.ask("DELETE", f"/admin/users/{sub}/webauthn/{passkey['id']}", token=mailbox.tokens["access_token"])
    assert (last.status_code, last.json()["error"]) == (409, "last_factor")
    alone_left = mailbox.ask("DELETE", f"/admin/users/{sub}", token=mailbox.tokens["access_token"])
    assert (alone_left.status_code, alone_left.json()["error"]) == (409, "conflict")
