"""The mail queue under administration, while the mail server is away."""

import json
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from tests.people import Device, Person
from tests.server import Server, free_port

SETTINGS = {"smtp_port": str(free_port())}
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def admin(server: Server) -> Ask:
    """Return a function that asks with a key that may do everything here."""
    key = server.command("key", "create", "--name", "admin", "--scope", "admin:read", "--scope", "admin:write")
    return lambda method, path, **rest: Device(server).ask(method, path, token=key, **rest)


def test_letters_are_listed_without_what_they_say(alice: Person, admin: Ask) -> None:
    """What waits, for whom and why; neither link nor code (SEC-92)."""
    alice.request(alice.device())
    (found,) = admin("GET", f"/admin/emails?to={alice.address.upper()}").json()["emails"]
    assert (found["kind"], found["to"], found["finished_at"]) == ("sign_in", alice.address, None)
    assert found["status"] in {"pending", "sending"}
    assert set(found) == {
        *("id", "kind", "to", "status", "attempts", "created_at", "next_attempt_at", "expires_at", "finished_at", "reason", "transport")
    }
    for query, total in (("kind=sign_in", 1), ("kind=test", 0), ("status=sent", 0), ("status=failed&kind=sign_in", 0)):
        page = admin("GET", f"/admin/emails?to={alice.address}&{query}").json()
        assert (page["total"], len(page["emails"])) == (total, total), query
    for wrong in ("status=nonsense", "kind=nonsense", "to=nonsense"):
        assert admin("GET", f"/admin/emails?{wrong}").status_code == 400


def test_letters_come_in_pages(alice: Person, admin: Ask) -> None:
    """Newest first, with the number of all."""
    for _ in range(3):
        alice.request(alice.device())
    pages = [admin("GET", f"/admin/emails?to={alice.address}&limit=2&offset={offset}").json() for offset in (0, 2)]
    assert [page["total"] for page in pages] == [3, 3]
    ids = [it["id"] for page in pages for it in page["emails"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3


def test_a_dead_letter_is_tried_again(server: Server, alice: Person, admin: Ask) -> None:
    """Once it is dead and still worth sending; who wanted it is written down (SEC-84, SEC-91)."""
    alice.request(alice.device())
    (letter,) = admin("GET", f"/admin/emails?to={alice.address}").json()["emails"]
    path = f"/admin/emails/{letter['id']}/requeue"
    server.sql("UPDATE email_queue SET status = 'failed', finished_at = 1, last_error = 'smtp_550' WHERE recipient = ?", alice.address)
    assert admin("GET", f"/admin/emails?to={alice.address}").json()["emails"][0]["reason"] == "smtp_550"
    assert admin("POST", path).status_code == 204
    assert admin("GET", f"/admin/emails?to={alice.address}").json()["emails"][0]["status"] in {"pending", "sending"}
    (facts,) = server.sql("SELECT facts FROM audit_log WHERE event = 'letter.requeued'")
    assert json.loads(facts[0])["letter"] == letter["id"]
    assert json.loads(facts[0])["by"].startswith("key:")
    for missing in (path, f"/admin/emails/{uuid4()}/requeue", "/admin/emails/x/requeue"):
        assert admin("POST", missing).status_code == 404


def test_a_test_letter_is_queued(server: Server, alice: Person, admin: Ask) -> None:
    """To one plain address, and written down without it (SEC-04)."""
    sent = admin("POST", "/admin/emails/test", json={"email": alice.address})
    (letter,) = admin("GET", f"/admin/emails?to={alice.address}").json()["emails"]
    assert (sent.status_code, letter["kind"], letter["id"]) == (200, "test", sent.json()["id"])
    (facts,) = server.sql("SELECT facts FROM audit_log WHERE event = 'letter.tested'")
    assert (json.loads(facts[0])["letter"], alice.address in facts[0]) == (letter["id"], False)
    for body in ({}, {"email": "x"}, {"email": "a@ex.com,b@ex.com"}, {"email": alice.address, "subject": "x"}):
        assert admin("POST", "/admin/emails/test", json=body).status_code == 400
