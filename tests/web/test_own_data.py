"""One's own account as a whole: what happened, everything about it, its end."""

import json
from uuid import UUID

from tests.people import Device, Person, without_id
from tests.server import Server
from tests.web.admin import become


def delete(device: Device) -> int:
    """Delete one's own account; return the status."""
    return device.ask("DELETE", "/me", token=device.tokens.get("access_token")).status_code


def test_an_account_goes_with_everything(server: Server, alice: Person) -> None:
    """No row of any table knows the person any more, but for the log of ids and the last letter (SEC-98)."""
    device, phone = alice.sign_in(), alice.sign_in()
    link = alice.link(phone).token
    sub = device.get("/me").json()["sub"]
    assert delete(device) == 204
    assert [it.get("/me").status_code for it in (device, phone)] == [401, 401]
    assert [it.refresh().status_code for it in (device, phone)] == [401, 401]
    assert without_id(phone.verify(link)) == without_id(phone.verify("x"))
    farewell = server.mail.wait_for(alice.address, 4)
    assert farewell.message["subject"] == "Your account was deleted"
    assert "http" not in farewell.text
    tables = [name for (name,) in server.sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = [row[1] for row in server.sql(f"PRAGMA table_info({table})")]
        if "user_id" in columns and table != "audit_log":
            assert server.sql(f"SELECT COUNT(*) FROM {table} WHERE user_id = ?", UUID(sub).bytes) == [(0,)], table
    assert server.sql("SELECT COUNT(*) FROM users WHERE email = ?", alice.address) == [(0,)]
    assert server.sql("SELECT COUNT(*) FROM magic_links WHERE email = ? AND closed_at IS NULL", alice.address) == [(0,)]
    assert server.sql("SELECT DISTINCT kind FROM email_queue WHERE recipient = ?", alice.address) == [("farewell",)]
    assert alice.address not in "".join(facts for (facts,) in server.sql("SELECT facts FROM audit_log"))
    assert delete(device) == 401
    assert server.metric("sessions_ended_total", reason="deleted") >= 2


def test_deleting_wants_a_fresh_sign_in(server: Server, alice: Person) -> None:
    """An open browser is not enough (SEC-57)."""
    device = alice.sign_in()
    server.sql("UPDATE sessions SET auth_time = auth_time - 601 WHERE id = ?", UUID(device.tokens["session_id"]).bytes)
    refused = device.ask("DELETE", "/me", token=device.tokens["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "insufficient_user_authentication")
    assert device.get("/me").status_code == 200
    assert delete(alice.sign_in()) == 204


def test_the_last_administrator_does_not_leave(server: Server, alice: Person) -> None:
    """Another one first (SEC-59)."""
    device = become(server, alice.sign_in(), acr="email", amr="email")
    assert delete(device) == 409
    become(server, Person(server).sign_in(), acr="email", amr="email")
    assert delete(device) == 204


def test_a_browser_that_deletes_forgets_its_cookie(server: Server, alice: Person) -> None:
    """And no other site can make it do so (SEC-18)."""
    browser = alice.device()
    browser.press_button(browser.open_link(alice.link(browser).token))
    for headers in ({}, {"origin": "https://evil.example"}):
        assert browser.ask("DELETE", "/me", headers=headers).status_code == 403
    assert browser.ask("DELETE", "/me", headers={"origin": server.public_url}).status_code == 204
    assert "__Host-pwauth_session" not in browser.cookies


def test_an_export_holds_everything_about_me_and_nobody_else(server: Server, alice: Person) -> None:
    """As JSON, with nothing in it that proves who I am (SEC-92, SEC-98)."""
    stranger = Person(server).sign_in()
    device, old = alice.sign_in(), alice.sign_in()
    old.post("/logout", token=old.tokens["access_token"])
    device.ask("PATCH", "/me", json={"name": "Ann"}, token=device.tokens["access_token"])
    answer = device.get("/me/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="account.json"'
    mine = json.loads(answer.content)
    assert (mine["account"]["email"], mine["account"]["name"]) == (alice.address, "Ann")
    assert [it["end_reason"] for it in mine["sessions"]] == ["logout", None]
    assert {it["kind"] for it in mine["emails"]} == {"sign_in"}
    assert (mine["passkeys"], mine["totp"], mine["recovery_codes"]) == ([], False, 0)
    assert mine["events"][0]["event"] == "user.exported"
    assert {"user.created", "sign_in.succeeded", "session.ended"} <= {it["event"] for it in mine["events"]}
    assert stranger.tokens["session_id"] not in answer.text
    assert not [name for name in ("access_token", "refresh_token") if device.tokens[name][:40] in answer.text]
    assert device.get("/me/export", token=None).status_code == 401


def test_i_see_what_happened_to_my_account(server: Server, alice: Person) -> None:
    """Newest first, page by page, and only mine; of an administrator no more than that it was one (SEC-55)."""
    device = alice.sign_in()
    Person(server).sign_in()
    key = server.command("key", "create", "--name", "admin", "--scope", "admin:write")
    sub = device.get("/me").json()["sub"]
    Device(server).ask("PATCH", f"/admin/users/{sub}", json={"name": "Ann"}, token=key)
    first = device.get("/me/events?limit=1").json()
    (newest,) = first["events"]
    assert (newest["event"], newest["by_administrator"], newest["ip"], newest["browser"]) == ("user.changed", True, None, None)
    rest = device.get(f"/me/events?before={first['next']}").json()
    assert [it["event"] for it in rest["events"]] == ["sign_in.succeeded", "user.created"]
    assert {(it["by_administrator"], it["ip"]) for it in rest["events"]} == {(False, "127.0.0.1")}
    assert rest["next"] is None
    for wrong in ("limit=0", "limit=101", "before=0", "before=x", "user_id=x"):
        assert device.get(f"/me/events?{wrong}").status_code == 400
    assert device.get("/me/events", token=None).status_code == 401
