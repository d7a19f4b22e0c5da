"""Whoever signed in to the Rust server signs in here after `pwauth import-seed`, over HTTP and beside a running server."""

from pathlib import Path
from uuid import UUID

import jwt
import pytest

from tests.people import Person
from tests.rust_server import RustServer
from tests.server import Server
from tests.web.passkey_holder import enter, key_for


@pytest.fixture
def old(tmp_path: Path) -> RustServer:
    """Return the server that people move from."""
    return RustServer(tmp_path / "old.db")


def test_people_move_while_the_server_runs(server: Server, old: RustServer) -> None:
    """By app, by passkey and by mail, each under the id of old; what is trusted counts everywhere at once."""
    people = [Person(server) for _ in range(3)]
    ids = [old.by_link(old.user(person.address)) for person in people]
    app, key = old.with_app(ids[0]), old.with_passkey(ids[1], key_for(server))
    said = server.command("import-seed", "--trust-factors", str(old.path))
    assert said.splitlines()[:4] == [
        "what\tfound\timported\tnote",
        "users\t3\t3\t-",
        "totp_secret\t1\t1\t-",
        "webauthn_registrations\t1\t1\t-",
    ]
    assert "refresh_tokens\t3\t0\tsecrets of the other server stay there: people sign in anew" in said
    first, second = people[0].device(), people[1].device()
    answer = first.post("/totp/verify", json={"email": people[0].address, "code": app.code()})
    assert (answer.status_code, enter(second, key, email=people[1].address).status_code) == (200, 200)
    first.tokens = answer.json()
    third = people[2].sign_in()
    mine = [device.get("/me").json() for device in (first, second, third)]
    assert [(it["sub"], it["email_verified"]) for it in mine] == [(user_id, True) for user_id in ids]
    assert jwt.decode(second.tokens["access_token"], options={"verify_signature": False})["email"] == people[1].address


def test_without_trust_they_sign_in_and_prove_their_mailbox(server: Server, old: RustServer) -> None:
    """The session of the passkey is fenced in until a link is used with it; then it is the account of old (SEC-06, SEC-07)."""
    ann = Person(server)
    user_id = old.user(ann.address)
    key = old.with_passkey(user_id, key_for(server, synced=True))
    assert server.command("import-seed", str(old.path)).endswith("the first proof of the mailbox (see the README): 1")
    device = ann.device()
    assert enter(device, key).status_code == 200
    assert jwt.decode(device.tokens["access_token"], options={"verify_signature": False})["email_verified"] is False
    assert device.get("/me").json()["email_verified"] is False
    answer = device.post("/verify/magic", json={"token": ann.link(device).token}, token=device.tokens["access_token"])
    assert answer.status_code == 200
    device.tokens = answer.json()
    me = device.get("/me").json()
    assert (me["sub"], me["email_verified"]) == (user_id, True)
    assert enter(ann.device(), key, email=ann.address).status_code == 200


def test_a_dry_run_beside_a_server_changes_nothing(server: Server, old: RustServer) -> None:
    """It says what is left out, and why, in a line for each."""
    old.user("nobody")
    ann = Person(server)
    user_id = old.user(ann.address, secret="no secret")
    said = server.command("import-seed", "--dry-run", str(old.path)).splitlines()
    assert said[-1] == "dry run: nothing was changed"
    assert f"{ann.address}: one-time password left out: its secret is not the base32 of 10 to 64 bytes" in said
    assert any(line.startswith("account '") for line in said)
    assert server.sql("SELECT COUNT(*) FROM users WHERE id = ?", UUID(user_id).bytes) == [(0,)]
