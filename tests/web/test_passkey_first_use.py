"""The four passkey calls of the Rust server, as its clients make them, where `enrolment = "first_use"` allows it."""

from tests.people import Device, Person
from tests.server import Server
from tests.totp_app import App
from tests.web.passkey_holder import enter, key_for, options
from tests.web.tokens import claims

SETTINGS = {"enrolment": "first_use"}


def test_clients_of_old_enrol_and_sign_in(server: Server, device: Device, alice: Person) -> None:
    """By address alone; what they get says that nobody has proven it, and the owner's first letter ends it (SEC-06, SEC-07)."""
    key = key_for(server)
    asked = options(device, "register", email=alice.address)
    body = {"pending_id": asked["pending_id"], "response": key.make(asked["publicKey"])}
    assert device.post("/webauthn/register/complete", json=body).status_code == 200
    assert enter(device, key, email=alice.address).status_code == 200
    said = claims(device.tokens["access_token"])
    assert (said["email_verified"], said["acr"], "email" in said) == (False, "unverified", False)
    assert device.get("/webauthn/credentials").json()["credentials"][0]["name"] == "Google Password Manager"
    token = device.tokens["access_token"]
    app = App.of(device.post("/totp/enroll", json={}, token=token).json())  # the passkey is proof enough for a second factor
    assert device.post("/totp/verify", json={"code": app.code()}, token=token).status_code == 200

    owner = alice.sign_in()
    assert owner.get("/me").json()["sub"] != said["sub"]
    assert owner.get("/webauthn/credentials").json()["credentials"] == []
    assert enter(Device(server), key).status_code == 401
    assert device.post("/totp/verify", json={"email": alice.address, "code": app.code(ahead=1)}).status_code == 401
    assert device.get("/me", token=token).status_code == 401


def test_nobody_enrols_for_an_account_that_somebody_has(server: Server, device: Device, alice: Person) -> None:
    """A proven address, one with a factor, or none at all: 401, and nothing is stored (SEC-01)."""
    alice.sign_in()
    for body in ({"email": alice.address}, {}):
        refused = device.post("/webauthn/register/options", json=body)
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthenticated")
    assert server.sql("SELECT COUNT(*) FROM passkeys JOIN users ON users.id = user_id WHERE email = ?", alice.address) == [(0,)]
