"""Sessions: listed, ended, revoked, introspected."""

import signal
from functools import partial
from uuid import UUID, uuid4

import pytest

from tests.people import Device, Person, at_once, without_id
from tests.server import Server

INACTIVE = b'{"active":false}'


@pytest.fixture(scope="module")
def gate(server: Server) -> str:
    """Return an API key that may introspect."""
    return server.command("key", "create", "--name", "gate", "--scope", "introspect")


def introspect(device: Device, token: str, gate: str) -> bytes:
    """Ask what a token says; return the answer's bytes."""
    answer = device.post("/token/introspect", json={"token": token}, token=gate)
    assert answer.status_code == 200
    return answer.content


def test_a_person_sees_where_they_are_signed_in(alice: Person) -> None:
    """Every session with its device, the asking one marked, nothing in it a credential (SEC-55, SEC-92)."""
    laptop = alice.sign_in(alice.device(user_agent="Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"))
    phone = alice.sign_in(alice.device(user_agent="Mozilla/5.0 (iPhone) Safari/604"))
    listed = phone.get("/sessions").json()["sessions"]
    assert [(it["browser"], it["current"]) for it in listed] == [("Safari on iPhone", True), ("Firefox on Windows", False)]
    assert [it["id"] for it in listed] == [phone.tokens["session_id"], laptop.tokens["session_id"]]
    assert set(listed[0]) == {"id", "created_at", "last_used_at", "expires_at", "ip", "browser", "amr", "current"}
    for token in (device.tokens[kind] for device in (laptop, phone) for kind in ("access_token", "refresh_token")):
        # All of ours begin alike; what stands behind the head is this token's own.
        assert not any(part[:20] in phone.get("/sessions").text for part in str(token).split("."))
    assert phone.get("/me", token=listed[0]["id"]).status_code == 401


def test_one_session_is_ended_at_once(alice: Person, gate: str) -> None:
    """Access, refresh and introspection of the ended one are dead, the rest lives (SEC-54, SEC-55)."""
    laptop, phone = alice.sign_in(), alice.sign_in()
    assert introspect(phone, laptop.tokens["access_token"], gate) != INACTIVE
    ended = phone.ask("DELETE", f"/sessions/{laptop.tokens['session_id']}", token=phone.tokens["access_token"])
    assert (ended.status_code, ended.content) == (204, b"")
    assert laptop.get("/me").status_code == 401
    assert laptop.refresh().status_code == 401
    answers = at_once(*[partial(phone.post, "/token/introspect", json={"token": laptop.tokens["access_token"]}, token=gate)] * 40)
    assert {answer.content for answer in answers} == {INACTIVE}
    again = phone.ask("DELETE", f"/sessions/{laptop.tokens['session_id']}", token=phone.tokens["access_token"])
    assert again.status_code == 404
    assert phone.get("/me").json()["sessions"] == 1


def test_somebody_elses_session_is_as_missing_as_none(server: Server, alice: Person) -> None:
    """Foreign, unknown and odd ids get the same answer, whatever else is claimed (SEC-48, SEC-55)."""
    victim, mallory = alice.sign_in(), Person(server).sign_in()
    me = mallory.get("/me").json()["sub"]
    ids = [
        victim.tokens["session_id"],
        str(uuid4()),
        "x",
        victim.tokens["session_id"].upper(),
        f"{victim.tokens['session_id']}?user_id={me}",
    ]
    answers = [mallory.ask("DELETE", f"/sessions/{it}", token=mallory.tokens["access_token"]) for it in ids]
    assert {answer.status_code for answer in answers} == {404}
    assert all(without_id(answer) == without_id(answers[0]) for answer in answers)
    assert victim.get("/me").status_code == 200


def test_all_other_sessions_are_ended_at_once(server: Server, alice: Person) -> None:
    """Only one's own, and not the one that asks (SEC-55)."""
    others, phone, stranger = [alice.sign_in() for _ in range(3)], alice.sign_in(), Person(server).sign_in()
    answer = phone.ask("DELETE", "/sessions", token=phone.tokens["access_token"])
    assert answer.json() == {"ended": 3}
    assert {other.get("/me").status_code for other in others} == {401}
    assert (phone.get("/me").status_code, stranger.get("/me").status_code) == (200, 200)
    assert phone.ask("DELETE", "/sessions", token=phone.tokens["access_token"]).json() == {"ended": 0}


def test_logging_out_ends_the_session(alice: Person) -> None:
    """Both tokens die, the cookie is cleared, and a second time is 401 (SEC-55)."""
    phone = alice.sign_in()
    out = phone.post("/logout", token=phone.tokens["access_token"])
    assert out.status_code == 204
    assert "__Host-pwauth_session=; Max-Age=0" in out.headers["set-cookie"]
    assert phone.refresh().status_code == 401
    assert phone.get("/me").status_code == 401
    assert phone.post("/logout", token=phone.tokens["access_token"]).status_code == 401


def test_introspection_tells_a_program_everything(alice: Person, gate: str) -> None:
    """By JSON and by form, what the contract lists (SEC-27; RFC 7662)."""
    phone = alice.sign_in()
    token = phone.tokens["access_token"]
    by_json = phone.post("/token/introspect", json={"token": token}, token=gate)
    by_form = phone.post("/token/introspect", form={"token": token, "token_type_hint": "access_token"}, token=gate)
    assert by_json.json() == by_form.json()
    told = by_json.json()
    promised = {"active", "sub", "sid", "email", "email_verified", "amr", "acr", "auth_time", "exp", "iat", "iss", "aud", "roles"}
    assert promised <= set(told)
    me = phone.get("/me").json()
    assert (told["sub"], told["sid"], told["email"]) == (me["sub"], me["session_id"], me["email"])


def test_what_is_not_active_is_told_in_the_same_bytes(alice: Person, gate: str) -> None:
    """Garbage, foreign, revoked, refresh and used tokens leave no trace of what they were (SEC-27)."""
    phone, gone = alice.sign_in(), alice.sign_in()
    gone.post("/logout", token=gone.tokens["access_token"])
    kinds = ("", "x", "a.b.c", gone.tokens["access_token"], phone.tokens["refresh_token"], phone.tokens["access_token"] + "=", gate, "é")
    for token in (*kinds, "x" * 50_000, phone.tokens["access_token"] + "A" * 50_000):
        assert introspect(phone, token, gate) == INACTIVE
        assert phone.post("/token/introspect", form={"token": token}, token=gate).content == INACTIVE
        if token not in phone.tokens.values():
            assert (revoked := phone.post("/token/revoke", json={"token": token})).status_code == 200, token[:80]
            assert revoked.content == b"{}"
    assert phone.get("/me").status_code == 200


def test_introspection_needs_a_key_of_its_own(server: Server, alice: Person, gate: str) -> None:
    """No key, a person's token, a changed or a revoked key: 401 from the next request on (SEC-27)."""
    phone = alice.sign_in()
    gone = server.command("key", "create", "--name", "gone", "--scope", "introspect")
    assert introspect(phone, "x", gone) == INACTIVE
    ((key_id,),) = server.sql("SELECT id FROM api_keys WHERE name = 'gone'")
    server.command("key", "revoke", str(UUID(bytes=key_id)))
    for key, status in (
        (None, 401),
        (phone.tokens["access_token"], 401),
        (gone, 401),
        (gate[:-1] + ("B" if gate.endswith("A") else "A"), 401),
        (gate + "=", 401),
    ):
        assert phone.ask("POST", "/token/introspect", json={"token": "x"}, token=key).status_code == status


def test_revoking_a_token_ends_its_session(alice: Person, gate: str) -> None:
    """Refresh or access token, form or JSON: possession is authority enough (SEC-27; RFC 7009)."""
    for kind in ("refresh_token", "access_token"):
        for send in ("json", "form"):
            phone, other = alice.sign_in(), alice.sign_in()
            revoked = phone.post("/token/revoke", **{send: {"token": phone.tokens[kind], "token_type_hint": "nonsense"}})
            assert revoked.status_code == 200
            assert phone.get("/me").status_code == 401
            assert phone.refresh().status_code == 401
            assert introspect(phone, phone.tokens["access_token"], gate) == INACTIVE
            assert other.get("/me").status_code == 200


def test_a_spent_refresh_token_still_revokes(alice: Person) -> None:
    """Whoever holds an old token may end the session, and no alarm is raised (SEC-27)."""
    phone = alice.sign_in()
    old = phone.tokens["refresh_token"]
    for _ in range(2):
        phone.refresh()
    assert phone.post("/token/revoke", json={"token": old}).status_code == 200
    assert phone.get("/me").status_code == 401
    assert phone.server.metric("refresh_reuse_total") == 0


def test_revoking_always_answers_the_same(alice: Person) -> None:
    """Garbage, twice, expired: 200 with the same body (SEC-27; RFC 7009 section 2.2)."""
    phone = alice.sign_in()
    answers = [
        phone.post("/token/revoke", json={"token": token})
        for token in ("x", "", phone.tokens["refresh_token"], phone.tokens["refresh_token"])
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "{}")}
    assert phone.post("/token/revoke", json={}).status_code == 400


#: What no database takes, and what is no text at all: garbage like any other where a token is in question.
ODD = {
    "NUL": ("application/json", b'{"token":"a\\u0000b"}'),
    "half a pair": ("application/json", b'{"token":"\\ud800"}'),
    "long": ("application/json", b'{"token":"%s"}' % (b"x" * 60_000)),
    "NUL in a form": ("application/x-www-form-urlencoded", b"token=a%00b"),
    "not UTF-8 in a form": ("application/x-www-form-urlencoded", b"token=%ff"),
}


@pytest.mark.parametrize("name", ODD)
def test_any_text_may_be_in_question(alice: Person, gate: str, name: str) -> None:
    """Whoever asks about a text or revokes it learns that it is no token, not that it is malformed (SEC-27)."""
    media_type, body = ODD[name]
    phone = alice.device()
    revoked = phone.post("/token/revoke", body=body, headers={"content-type": media_type})
    assert (revoked.status_code, revoked.text) == (200, "{}")
    asked = phone.post("/token/introspect", body=body, headers={"content-type": media_type}, token=gate)
    assert (asked.status_code, asked.text) == (200, '{"active":false}')


def test_an_ended_session_stays_ended_after_a_crash(server: Server, alice: Person) -> None:
    """The answer came after the commit (SEC-54)."""
    phone, laptop = alice.sign_in(), alice.sign_in()
    assert phone.post("/logout", token=phone.tokens["access_token"]).status_code == 204
    server.restart(signal.SIGKILL)
    assert phone.get("/me").status_code == 401
    assert phone.refresh().status_code == 401
    assert laptop.get("/me").status_code == 200
