"""What administrators look at: the audit log and its table, figures, ceremonies."""

import csv
import io
import time
from collections.abc import Callable
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from tests.people import Device, Person
from tests.server import Server

Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def admin(server: Server) -> Ask:
    """Return a function that asks with a key that may only read."""
    key = server.command("key", "create", "--name", "admin", "--scope", "admin:read")
    return lambda path, **rest: Device(server).ask("GET", path, token=key, **rest)


def test_the_log_comes_in_pages(alice: Person, admin: Ask) -> None:
    """Newest first, each row once, whatever is written meanwhile."""
    device = alice.sign_in()
    sub = device.get("/me").json()["sub"]
    for _ in range(3):
        alice.sign_in()
    whole = admin(f"/admin/audit?user_id={sub}&limit=100").json()
    assert whole["next"] is None
    assert [it["id"] for it in whole["events"]] == sorted((it["id"] for it in whole["events"]), key=int, reverse=True)
    seen, before = [], ""
    while True:
        page = admin(f"/admin/audit?user_id={sub}&limit=2{before}").json()
        seen += page["events"]
        alice.request(alice.device())
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == whole["events"]
    first = seen[-1]
    assert (first["event"], first["user_id"], first["email"], first["ip"]) == ("user.created", sub, alice.address, "127.0.0.1")


@pytest.mark.parametrize("spelling", ("127.0.0.1", "::ffff:127.0.0.1", "::FFFF:7f00:1", "0:0:0:0:0:ffff:7f00:0001"))
def test_an_address_is_found_in_any_spelling(alice: Person, admin: Ask, spelling: str) -> None:
    """Rows hold the normal one; who copies another from a firewall's log finds them too (SEC-60, SEC-78)."""
    sub = alice.sign_in().get("/me").json()["sub"]
    found = admin(f"/admin/audit?user_id={sub}&ip={quote(spelling)}&event=user.created").json()["events"]
    assert [it["ip"] for it in found] == ["127.0.0.1"]


def test_what_came_from_no_address_is_found(admin: Ask) -> None:
    """Commands of the operator are in the log too."""
    assert {it["ip"] for it in admin("/admin/audit?ip=local").json()["events"]} == {"local"}


@pytest.mark.parametrize(
    "wrong", ("zzz", "", "127.0.0.1.", "127.0.0", "1", "10.0.0.0/8", "127.0.0.1:80", "[::1]", "LOCAL", "%", " ::1", "::1" + "%x" * 30)
)
def test_what_is_no_address_is_refused(admin: Ask, wrong: str) -> None:
    """An empty answer would read as: nothing came from there (SEC-78)."""
    assert admin(f"/admin/audit?ip={quote(wrong)}").status_code == 400


def test_the_log_is_filtered(alice: Person, admin: Ask) -> None:
    """By what, whom, where and when; filters that exist only in somebody's head are refused."""
    sub = alice.sign_in().get("/me").json()["sub"]
    found = admin(f"/admin/audit?user_id={sub}&event=sign_in.succeeded").json()["events"]
    assert [(it["event"], it["method"]) for it in found] == [("sign_in.succeeded", "magic_link")]
    assert admin(f"/admin/audit?user_id={sub}&ip=192.0.2.1").json()["events"] == []
    assert len(admin(f"/admin/audit?user_id={sub}&ip=127.0.0.1&event=user.created").json()["events"]) == 1
    assert admin(f"/admin/audit?user_id={sub}&since=2100-01-01T00:00:00Z").json()["events"] == []
    assert admin(f"/admin/audit?user_id={sub}&until=2020-01-01T00:00:00%2B02:00").json()["events"] == []
    assert admin(f"/admin/audit?user_id={sub}&since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z").json()["events"]
    for wrong in ("event=nonsense", "user_id=x", "since=now", "since=2026-01-01", "until=2026-13-01T00:00:00Z", "before=0", "format=x"):
        assert admin(f"/admin/audit?{wrong}").status_code == 400, wrong


def test_the_log_goes_into_a_spreadsheet(server: Server, admin: Ask) -> None:
    """By parameter or by Accept; an address that is a formula is text there (OWASP, CSV injection)."""
    sly = Person(server, "=cmd+1|calc@people.example")
    device = sly.sign_in(sly.device(**{"x-request-id": "-2-3"}))
    sub = device.get("/me").json()["sub"]
    for answer in (
        admin(f"/admin/audit?user_id={sub}&format=csv"),
        admin(f"/admin/audit?user_id={sub}", headers={"accept": "text/csv"}),
        admin(f"/admin/audit?user_id={sub}&format=csv&limit=10000"),
    ):
        assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
        assert answer.headers["cache-control"] == "no-store"
        table = list(csv.reader(io.StringIO(answer.text)))
        assert table[0] == [
            *("id", "at", "event", "user_id", "email", "session_id", "ip", "browser", "request_id", "method", "reason", "facts")
        ]
        assert len(table) >= 3
        assert {row[4] for row in table[1:]} == {f"'{sly.address}"}
        assert "'-2-3" in {row[8] for row in table[1:]}
        assert not [cell for row in table[1:] for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert admin("/admin/audit?format=csv&limit=10001").status_code == 400
    assert admin("/admin/audit?format=json&limit=101").status_code == 400


def test_what_happened_to_a_deleted_person_keeps_its_id(alice: Person, admin: Ask) -> None:
    """The address goes with the account, the log stays true (SEC-98)."""
    device = alice.sign_in()
    sub = device.get("/me").json()["sub"]
    assert device.ask("DELETE", "/me", token=device.tokens["access_token"]).status_code == 204
    answer = admin(f"/admin/audit?user_id={sub}")
    assert answer.json()["events"][0]["event"] == "user.deleted"
    assert {it["email"] for it in answer.json()["events"]} == {None}
    assert alice.address not in answer.text


def test_figures_are_of_this_moment(server: Server, alice: Person, admin: Ask) -> None:
    """People, sessions, letters and the sign-ins of a day."""
    alice.sign_in()
    before = admin("/admin/stats").json()
    Person(server).sign_in()
    Device(server).verify("x")
    after = admin("/admin/stats").json()
    assert after["users"]["total"] == before["users"]["total"] + 1
    assert after["sessions"] == before["sessions"] + 1
    assert set(after["users"]) == {"total", "verified", "disabled", "admins", "with_passkey", "with_totp"}
    assert after["emails"]["sent"] >= 1
    assert {it["outcome"] for it in after["sign_ins"]} == {"success", "failure"}


def test_ceremonies_show_no_secret(server: Server, alice: Person, admin: Ask) -> None:
    """What is under way, whose, and until when; not what it is about (SEC-40, SEC-92)."""
    sub = alice.sign_in().get("/me").json()["sub"]
    secret, challenge = b"h" * 32, b"c" * 32
    for number, until in ((1, time.time() + 300), (2, time.time() - 1)):
        values = (UUID(int=number).bytes, secret, challenge, UUID(sub).bytes, until)
        server.sql(
            "INSERT INTO challenges (id, purpose, secret_hash, challenge, user_id, is_named, amr, expires_at)"
            " VALUES (?, 'passkey_sign_in', ?, ?, ?, 1, '', ?)",
            *values,
        )
    answer = admin("/admin/challenges")
    (found,) = answer.json()["challenges"]
    assert (found["id"], found["purpose"], found["user_id"], found["email"]) == (str(UUID(int=1)), "passkey_sign_in", sub, alice.address)
    assert set(found) == {"id", "purpose", "user_id", "email", "expires_at"}
    assert "hhhh" not in answer.text
    assert admin("/admin/challenges?offset=1").json() == {"challenges": []}
