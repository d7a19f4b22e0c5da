"""What was handed out is found nowhere: not in the database, not in the log."""

import base64
import json
import re
from threading import Event

import pytest

from tests.people import NAVIGATION, Person
from tests.server import Server
from tests.totp_app import App
from tests.web.raw import request, send

SETTINGS = {"log_level": "debug"}
UGLY = 'Mozilla\\n{"event":"login_ok"}\x1b[31m" \t Firefox'.replace("\x1b", "%1b")


@pytest.fixture(scope="module")
def handed_out(server: Server) -> list[str]:
    """Go through every flow, right and wrong; return every secret that was handed out."""
    alice, given = Person(server), []
    phone, browser = alice.sign_in(alice.device(user_agent=UGLY)), alice.device(**{"user-agent": UGLY})
    given += [phone.tokens["access_token"], phone.tokens["refresh_token"]]
    for _ in range(3):
        phone.refresh()
        given += [phone.tokens["access_token"], phone.tokens["refresh_token"]]
    phone.refresh(given[1])  # a reuse, with its letter
    alice.read_letter()
    letter = alice.link(browser)
    page = browser.open_link(letter.token)
    given += re.findall(r'name="nonce" value="([^"]*)"', page.text)
    given += [browser.cookies["__Host-pwauth_request"]]
    browser.press_button(page)
    given += [letter.token, letter.code, browser.cookies["__Host-pwauth_session"]]
    request_id = alice.request(browser)
    letter = alice.read_letter()
    given += [letter.token, letter.code, browser.cookies["__Host-pwauth_request"]]
    browser.verify_code(request_id, "2222-2222")
    given += browser.verify_code(request_id, letter.code).json()["refresh_token"].split(".")[2:]
    enrolled = browser.post("/totp/enroll", json={}, token=phone_again(alice, given)).json()
    given += [enrolled["secret"], App.of(enrolled).secret.hex(), enrolled["otpauth_url"]]
    key = server.command("key", "create", "--name", "gate", "--scope", "introspect")
    given.append(key)
    for token in given:
        browser.post("/token/introspect", json={"token": token}, token=key)
        browser.get(f"/verify/magic?token={token}&access_token={token}", headers=NAVIGATION)
        browser.get(f"/{token}?email={alice.address}", token=token)
        browser.verify(token)
        browser.refresh(token)
    return given


def phone_again(alice: Person, given: list[str]) -> str:
    """Sign in once more and return the access token; its secrets are ``given`` out too."""
    tokens = alice.sign_in().tokens
    given += [tokens["access_token"], tokens["refresh_token"]]
    return str(tokens["access_token"])


def spellings(secret: str) -> set[bytes]:
    """Return a secret as it might lie around: as text, part by part, without dashes, decoded, in hex."""
    parts = {secret, secret.replace("-", "")} | {part for part in secret.split(".") if len(part) > 40}
    found = {part.encode() for part in parts if len(part) >= 8}
    for part in parts:
        body = part[4:] if part.startswith("pw") else part
        if len(body) in {43, 64, 86}:
            raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            secret_half = raw[16:] if len(raw) == 48 else raw
            found |= {secret_half, secret_half.hex().encode(), secret_half.hex().upper().encode()}
    return found


def test_the_database_holds_no_secret(server: Server, handed_out: list[str]) -> None:
    """A stolen file, log or backup yields no token, link, code, cookie or key (SEC-70, SEC-72)."""
    stored = server.stored_bytes()
    assert len(handed_out) > 15
    for secret in handed_out:
        for spelling in spellings(secret):
            assert spelling not in stored, secret


def test_the_log_holds_no_secret_and_no_address(server: Server, handed_out: list[str]) -> None:
    """At debug level neither (SEC-73)."""
    written = "".join(server.log + server.output).encode()
    for secret in handed_out:
        for spelling in spellings(secret):
            assert spelling not in written, secret
    assert b"@people.example" not in written


def test_every_line_of_the_log_is_one_object(server: Server, handed_out: list[str]) -> None:
    """Whatever clients send, a line stays a line and only our fields are in it (SEC-73)."""
    before = len(server.log)
    for name in ("user-agent", "x-request-id", "x-forwarded-for", "referer"):
        for value in (UGLY, 'a\n{"event":"login_ok"}'):
            send(server, request("GET", "/me", connection="close").replace(b"\r\n\r\n", f"\r\n{name}: {value}\r\n\r\n".encode()))
    server.wait_for_log("request", since=before)
    for line in server.log:
        content = json.loads(line)
        assert {"time", "level", "event"} <= set(content)
        assert content["event"] != "login_ok"
        assert line.endswith("}\n")
        assert line[:-1].isprintable()
    assert "login_ok" not in "".join(server.log)


def test_a_letter_that_waits_tells_nothing(server: Server) -> None:
    """While mail is away the queue holds sealed bodies, and sent ones hold none (SEC-72)."""
    arrived, released = Event(), Event()

    def hold(_: object) -> None:
        arrived.set()
        released.wait(10)

    alice = Person(server)
    server.mail.before_accepting = hold
    try:
        alice.request(alice.device())
        assert arrived.wait(10)
        stored = server.stored_bytes()
    finally:
        server.mail.before_accepting = lambda _: None
        released.set()
    letter = alice.read_letter()
    for secret in (letter.token, letter.code):
        assert all(spelling not in stored for spelling in spellings(secret))


def test_a_hash_is_no_token(server: Server) -> None:
    """What a thief reads in the database opens nothing (SEC-70)."""
    alice = Person(server)
    phone = alice.device()
    request_id = alice.request(phone)
    alice.read_letter()
    rows = server.sql("SELECT id, token_hash, code_mac, browser_hash FROM magic_links WHERE email = ?", alice.address)
    link_id, token_hash, code_mac, browser_hash = rows[-1]
    for secret in (token_hash, code_mac):
        token = "pwm_" + base64.urlsafe_b64encode(link_id + secret).decode()
        assert phone.verify(token).status_code == 401
    assert phone.verify_code(request_id, code_mac.hex()[:8].upper()).status_code in {400, 401}
    assert browser_hash is not None


def test_files_are_for_their_owner_only(server: Server) -> None:
    """Key and database are private (SEC-71, SEC-79)."""
    key = server.folder / "secrets" / "secret_key"
    assert key.stat().st_mode & 0o077 == 0
    assert key.parent.stat().st_mode & 0o077 == 0
    loose = [path.name for path in server.folder.glob("auth*") if path.stat().st_mode & 0o077]
    assert loose == []
