"""Going without sign-in letters: only with enough besides, and only after a step-up (SEC-57, SEC-59)."""

from functools import partial
from uuid import uuid4

import httpx
import pytest

from tests.people import Device, Person, at_once, statuses
from tests.server import Server


def switch(device: Device, *, on: bool = False) -> httpx.Response:
    """Switch mail sign-in."""
    return device.ask("PATCH", "/me", json={"mail_sign_in": on}, token=device.tokens["access_token"])


def give(person: Person, *, passkeys: int = 0, codes: int = 0, totp: bool = False) -> None:
    """Give somebody factors, behind the server's back."""
    server = person.server
    (user_id,) = server.sql("SELECT id FROM users WHERE email = ?", person.address)[0]
    for _ in range(passkeys):
        key = uuid4().bytes
        server.sql(
            """INSERT INTO passkeys (id, credential_id, public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name,
            created_at, user_id) VALUES (?, ?, 'x', 0, 0, 0, '', ?, 'key', 1, ?)""",
            key, key, key, user_id,
        )  # fmt: skip
    for number in range(codes):
        code = "INSERT INTO recovery_codes (id, position, salt, hash, created_at, user_id) VALUES (?, ?, 'x', 'x', 1, ?)"
        server.sql(code, uuid4().bytes, number, user_id)
    if totp:
        server.sql("INSERT INTO totp (user_id, sealed_secret, confirmed_at) VALUES (?, 'x', 1)", user_id)
    server.sql("UPDATE sessions SET amr = 'swk user mfa', acr = 'phr' WHERE user_id = ?", user_id)


@pytest.mark.parametrize(
    ("has", "allowed"),
    (
        ({}, False),
        ({"passkeys": 1}, False),
        ({"codes": 10}, False),
        ({"totp": True, "codes": 10}, False),
        ({"passkeys": 1, "totp": True}, False),
        ({"passkeys": 1, "codes": 1}, True),
        ({"passkeys": 2}, True),
    ),
)
def test_mail_is_given_up_only_for_more(alice: Person, has: dict[str, int], allowed: bool) -> None:  # noqa: FBT001 - a column
    """Two passkeys, or one and recovery codes; anything less would lock somebody out with one lost device (SEC-59)."""
    phone = alice.sign_in()
    give(alice, **has)  # type: ignore[arg-type]
    answer = switch(phone)
    if allowed:
        assert (answer.status_code, answer.json()["mail_sign_in"]) == (200, False)
        alice.told("Signing in by mail was switched off")
    else:
        assert (answer.status_code, answer.json()["error"]) == (409, "last_factor")
        assert phone.get("/me").json()["mail_sign_in"] is True


def test_then_no_letter_leaves_and_no_link_counts(server: Server, alice: Person) -> None:
    """The answer is the same, the mailbox alone opens nothing, and switching it on again is told as well (SEC-08, SEC-58)."""
    phone = alice.sign_in()
    token = alice.link(alice.device()).token
    give(alice, passkeys=2)
    assert switch(phone).status_code == 200
    alice.told("Signing in by mail was switched off")
    assert phone.verify(token, confirm_other_device=True).status_code == 401
    before = len(server.mail.to(alice.address))
    assert phone.post("/request/magic", json={"email": alice.address}).json()["status"] == "accepted"
    assert switch(phone, on=True).json()["mail_sign_in"] is True
    alice.told("Signing in by mail was switched on")
    assert len(server.mail.to(alice.address)) == before + 1
    assert alice.sign_in().get("/me").status_code == 200


def test_a_recovery_code_is_the_way_back(alice: Person) -> None:
    """Without the passkey a link is half a sign-in, and a code of the sheet is the other half (SEC-39, SEC-59)."""
    phone = alice.sign_in()
    sheet = phone.post("/recovery-codes", token=phone.tokens["access_token"]).json()["codes"]
    give(alice, passkeys=1)
    assert switch(phone).status_code == 200
    fresh = alice.device()
    due = fresh.verify(alice.link(fresh).token)
    assert (due.status_code, due.json()["second_factor_required"]) == (200, True)
    assert set(due.json()) == {"second_factor_required", "pending_id", "methods"}
    assert "recovery_code" in due.json()["methods"]
    assert fresh.get("/me").status_code == 401
    done = fresh.post("/recovery-codes/verify", json={"pending_id": due.json()["pending_id"], "code": sheet[0]})
    assert done.status_code == 200
    assert fresh.get("/me", token=done.json()["access_token"]).json()["mail_sign_in"] is False


def test_it_wants_a_step_up_and_a_name_does_not(server: Server, alice: Person) -> None:
    """Eleven minutes after the sign-in only the name can be changed, and nothing is changed by halves (SEC-57)."""
    phone = alice.sign_in()
    give(alice, passkeys=2)
    server.sql("UPDATE sessions SET auth_time = auth_time - 660")
    for body in ({"mail_sign_in": False}, {"mail_sign_in": False, "name": "Mallory"}):
        answer = phone.ask("PATCH", "/me", json=body, token=phone.tokens["access_token"])
        assert (answer.status_code, answer.json()["error"]) == (401, "insufficient_user_authentication")
        assert "max_age=600" in answer.headers["www-authenticate"]
    assert phone.get("/me").json()["name"] == ""
    assert phone.ask("PATCH", "/me", json={"name": "Alice"}, token=phone.tokens["access_token"]).json()["name"] == "Alice"


def test_switching_twice_is_told_once(alice: Person) -> None:
    """What changes nothing is no news."""
    phone = alice.sign_in()
    give(alice, passkeys=2)
    assert switch(phone, on=True).status_code == 200
    assert statuses(at_once(*[partial(switch, phone)] * 5)) == [200] * 5
    of_alice = "user_id = (SELECT id FROM users WHERE email = ?)"
    rows = alice.server.sql(f"SELECT id FROM audit_log WHERE event = 'user.mail_sign_in_off' AND {of_alice}", alice.address)
    assert len(rows) == 1


@pytest.mark.parametrize("body", ({}, {"mail_sign_in": None}, {"mail_sign_in": "no"}, {"mail_sign_in": 0}, {"mail_sign_in": False, "x": 1}))
def test_nothing_to_change_is_malformed(alice: Person, body: dict[str, object]) -> None:
    """So is what is neither true nor false (SEC-91)."""
    phone = alice.sign_in()
    assert phone.ask("PATCH", "/me", json=body, token=phone.tokens["access_token"]).status_code == 400
