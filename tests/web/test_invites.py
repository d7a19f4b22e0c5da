"""Where only guests sign up: invited, until a day, by the letters that everybody gets."""

import re
import time
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from tests.people import Device, Person, at_once
from tests.server import Server

SETTINGS = {"signup": "invite"}
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def admin(server: Server) -> Ask:
    """Return a function that asks with a key that may do everything here."""
    key = server.command("key", "create", "--name", "admin", "--scope", "admin:read", "--scope", "admin:write")
    return lambda method, path, **rest: Device(server).ask(method, path, token=key, **rest)


def invite(admin: Ask, address: str, **more: object) -> httpx.Response:
    """Invite an address."""
    return admin("POST", "/admin/invites", json={"email": address, **more})


def test_only_guests_get_letters(server: Server, alice: Person, admin: Ask) -> None:
    """Everybody gets the same answer; whoever is not invited no letter, and no account (SEC-08)."""
    stranger = Person(server)
    assert invite(admin, alice.address).status_code == 200
    alice.read_letter()
    answers = [Device(server).post("/request/magic", json={"email": person.address}) for person in (stranger, alice)]
    assert answers[0].status_code == answers[1].status_code == 200
    assert answers[0].json().keys() == answers[1].json().keys()
    headers = [{name for name in answer.headers if name not in {"x-request-id", "content-length"}} for answer in answers]
    assert headers[0] == headers[1]
    assert Device(server).verify(alice.read_letter().token, confirm_other_device=True).status_code == 200
    assert server.mail.to(stranger.address) == []
    assert server.sql("SELECT COUNT(*) FROM users WHERE email = ?", stranger.address) == [(0,)]


def test_an_invitation_carries_nothing_that_signs_in(server: Server, alice: Person, admin: Ask) -> None:
    """Its letter leads to the sign-in page; neither it nor the id of the invitation is a token anywhere (SEC-15)."""
    made = invite(admin, alice.address, expires_in_days=3).json()
    letter = alice.read_letter()
    assert letter.message["subject"] == "An invitation to Passwordless Auth"
    assert letter.link == f"{server.public_url}/signin"
    assert not re.search(r"pw[a-z]_|token=|[A-Z0-9]{4}-[A-Z0-9]{4}", letter.text)
    for text in (made["id"], f"pwm_{'A' * 64}"):
        assert Device(server).verify(text, confirm_other_device=True).status_code == 401
        assert Device(server).verify_code(text, "AAAA-AAAA").status_code == 401
    assert server.sql("SELECT COUNT(*) FROM magic_links WHERE email = ?", alice.address) == [(0,)]


def test_an_invitation_is_used_once(server: Server, alice: Person, admin: Ask) -> None:
    """Signing up uses it up; whoever leaves must be invited again (SEC-09)."""
    made = invite(admin, alice.address).json()
    alice.read_letter()
    device = alice.sign_in()
    assert made["id"] not in admin("GET", "/admin/invites?limit=100").text
    refused = invite(admin, alice.address)
    assert (refused.status_code, refused.json()["error"]) == (409, "conflict")
    assert device.ask("DELETE", "/me", token=device.tokens["access_token"]).status_code == 204
    alice.read_letter()
    alice.request(alice.device())
    assert invite(admin, alice.address).status_code == 200
    assert alice.read_letter().message["subject"] == "An invitation to Passwordless Auth"


def test_an_invitation_ends(server: Server, alice: Person, admin: Ask) -> None:
    """By its date, or at once when it is withdrawn, even for a letter that is on its way (SEC-08)."""
    made = invite(admin, alice.address, expires_in_days=1).json()
    alice.read_letter()
    device = alice.device()
    token = alice.link(device).token
    server.sql("UPDATE invites SET expires_at = ? WHERE email = ?", time.time() - 1, alice.address)
    assert device.verify(token).status_code == 401
    assert admin("GET", "/admin/invites?limit=100").json()["total"] == len(admin("GET", "/admin/invites?limit=100").json()["invites"])
    assert made["id"] not in admin("GET", "/admin/invites?limit=100").text
    again = invite(admin, alice.address).json()
    assert again["id"] == made["id"]
    alice.read_letter()
    token = alice.link(device).token
    assert admin("DELETE", f"/admin/invites/{made['id']}").status_code == 204
    assert device.verify(token).status_code == 401
    assert server.sql("SELECT COUNT(*) FROM users WHERE email = ?", alice.address) == [(0,)]
    for missing in (made["id"], str(uuid4()), "x"):
        assert admin("DELETE", f"/admin/invites/{missing}").status_code == 404


def test_a_guest_signs_up_once(server: Server, alice: Person, admin: Ask) -> None:
    """Two devices at once are one person (SEC-05)."""
    invite(admin, alice.address)
    alice.read_letter()
    devices = [alice.device(), alice.device()]
    tokens = [alice.link(device).token for device in devices]
    answers = at_once(lambda: devices[0].verify(tokens[0]), lambda: devices[1].verify(tokens[1]))
    assert 200 in {answer.status_code for answer in answers}
    assert server.sql("SELECT COUNT(*) FROM users WHERE email = ?", alice.address) == [(1,)]
    mine = "user_id = (SELECT id FROM users WHERE email = ?)"
    assert server.sql(f"SELECT COUNT(*) FROM audit_log WHERE event = 'invite.accepted' AND {mine}", alice.address) == [(1,)]


@pytest.mark.parametrize(
    "body",
    (
        {},
        {"email": "x"},
        {"email": "a@ex.com", "expires_in_days": 0},
        {"email": "a@ex.com", "expires_in_days": 91},
        {"email": "a@ex.com", "expires_in_days": "7"},
        {"email": "a@ex.com", "roles": ["admin"]},
        {"email": ["a@ex.com"]},
    ),
)
def test_an_odd_invitation_is_refused(admin: Ask, body: object) -> None:
    """Nothing is invited by halves, and nobody to a role (SEC-91)."""
    assert admin("POST", "/admin/invites", json=body).status_code == 400
