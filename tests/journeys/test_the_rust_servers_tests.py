"""The five integration tests of the Rust server before this one, told anew: its clients' calls in its clients' order.

They run with `enrolment = "first_use"`; the token comes from the letter, because this database does not hold it.
"""

import httpx
import pytest

from tests.people import Device, Person
from tests.server import Server
from tests.totp_app import App

SETTINGS = {"enrolment": "first_use"}
#: What its client (reqwest) sends, and no more.
BARE = {"accept": "*/*"}


@pytest.fixture
def client(device: Device) -> Device:
    """Return a client that keeps no cookies."""
    device.headers = dict(BARE)
    return device


def signed_in_by_link(client: Device, person: Person) -> httpx.Response:
    """Ask for a letter, then GET its link without a cookie."""
    assert client.post("/request/magic", json={"email": person.address}).is_success
    client.cookies.clear()
    return client.ask("GET", f"/verify/magic?token={person.read_letter().token}")


def test_magic_link_flow(client: Device, alice: Person) -> None:
    """A link that is fetched by a program answers with both tokens."""
    verified = signed_in_by_link(client, alice)
    assert verified.is_success, verified.text
    assert {"access_token", "refresh_token"} <= set(verified.json())


def test_refresh_token_flow(client: Device, alice: Person) -> None:
    """A refresh token is exchanged for both tokens."""
    refreshed = client.post("/token/refresh", json={"refresh_token": signed_in_by_link(client, alice).json()["refresh_token"]})
    assert refreshed.is_success, refreshed.text
    assert {"access_token", "refresh_token"} <= set(refreshed.json())


def test_totp_flow(client: Device, alice: Person) -> None:
    """An address enrols without a session, its first code signs in, and a wrong one does not."""
    enrolled = client.post("/totp/enroll", json={"email": alice.address})
    assert enrolled.is_success, enrolled.text
    app = App.of(enrolled.json())
    verified = client.post("/totp/verify", json={"email": alice.address, "code": app.code()})
    assert verified.is_success, verified.text
    assert {"access_token", "refresh_token"} <= set(verified.json())
    assert client.post("/totp/verify", json={"email": alice.address, "code": app.wrong()}).is_client_error


def test_invalid_magic_link(client: Device) -> None:
    """An invented token is the client's mistake."""
    assert client.ask("GET", "/verify/magic?token=nonexistent-token").is_client_error


def test_webauthn_options_and_invalid_complete(client: Device, alice: Person) -> None:
    """An address gets options without a session, and nonsense for an answer is the client's mistake."""
    assert client.post("/webauthn/register/options", json={"email": alice.address}).is_success
    nonsense = {"pending_id": "fake", "response": {"foo": "bar"}}
    assert client.post("/webauthn/register/complete", json=nonsense).is_client_error
    options = client.post("/webauthn/login/options", json={"email": alice.address})
    assert options.is_success or options.is_client_error
    assert client.post("/webauthn/login/complete", json=nonsense).is_client_error


# -- and what has changed


def test_the_start_warns_and_a_gauge_shows(server: Server) -> None:
    """Nobody runs like this without being told."""
    assert server.wait_for_log("first_use")["level"] == "warning"
    assert server.metric("compat_first_use") == 1


def test_an_address_that_is_taken_is_told_so(client: Device, alice: Person) -> None:
    """The second to come is refused, and so is everybody once the mailbox was proven; that much shows (policy a)."""
    app = App.of(client.post("/totp/enroll", json={"email": alice.address}).json())
    tokens = client.post("/totp/verify", json={"email": alice.address, "code": app.code()}).json()
    assert client.post("/totp/enroll", json={"email": alice.address}).status_code == 401
    stepping = client.post("/totp/enroll", json={}, token=tokens["access_token"])
    assert (stepping.status_code, stepping.json()["methods"]) == (401, ["email"])
    alice.sign_in()
    assert client.post("/totp/enroll", json={"email": alice.address}).status_code == 401
    assert client.get("/me", token=tokens["access_token"]).status_code == 401
    assert client.refresh(tokens["refresh_token"]).status_code == 401
    assert client.post("/totp/verify", json={"email": alice.address, "code": app.code(ahead=1)}).status_code == 401


def test_the_holder_of_both_keeps_the_account(client: Device, alice: Person) -> None:
    """Whoever proves the mailbox with the account's own bearer token keeps id and app (SEC-06)."""
    app = App.of(client.post("/totp/enroll", json={"email": alice.address}).json())
    tokens = client.post("/totp/verify", json={"email": alice.address, "code": app.code()}).json()
    before = client.get("/me", token=tokens["access_token"]).json()
    token = alice.link(client).token
    client.cookies.clear()
    done = client.post("/verify/magic", json={"token": token, "confirm_other_device": True}, token=tokens["access_token"])
    assert done.status_code == 200, done.text
    after = client.get("/me", token=done.json()["access_token"]).json()
    assert (after["sub"], after["email_verified"], after["factors"]["totp"]) == (before["sub"], True, True)
    assert before["email_verified"] is False
