"""Step-up: recent, with what the account has, and by the person whose session it is (SEC-01, SEC-53, SEC-56, SEC-57)."""

import httpx
import pyotp
import pytest

from tests.people import NAVIGATION, Device, Person
from tests.server import Server
from tests.web.tokens import claims


def asked(device: Device, method: str = "DELETE", path: str = "/sessions") -> httpx.Response:
    """Ask for something that wants a step-up."""
    return device.ask(method, path, token=device.tokens["access_token"])


def age(device: Device, seconds: int) -> None:
    """Let a session's sign-in be older."""
    session_id = bytes.fromhex(device.tokens["session_id"].replace("-", ""))
    device.server.sql("UPDATE sessions SET auth_time = auth_time - ? WHERE id = ?", seconds, session_id)


def step_up(device: Device, answer: httpx.Response) -> None:
    """Keep the tokens of a step-up."""
    assert answer.status_code == 200, answer.text
    device.tokens = answer.json()


GUARDED = (("DELETE", "/sessions"), ("POST", "/recovery-codes"), ("DELETE", "/totp"), ("POST", "/totp/enroll"))


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_eleven_minutes_are_too_long(alice: Person, method: str, path: str) -> None:
    """The refusal says how recent, and with what (SEC-57; RFC 9470)."""
    phone = alice.sign_in()
    age(phone, 660)
    body = b"{}" if path == "/totp/enroll" else None
    headers = {"content-type": "application/json"} if body else None
    answer = phone.ask(method, path, token=phone.tokens["access_token"], body=body, headers=headers)
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer error="insufficient_user_authentication"')
    assert challenge.endswith("max_age=600")
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["error"], answer.json()["methods"]) == ("insufficient_user_authentication", ["email"])
    assert phone.get("/me").status_code == 200


def test_a_refresh_makes_nothing_younger(alice: Person) -> None:
    """Neither the sign-in nor what it may do (SEC-53, SEC-57)."""
    phone = alice.sign_in()
    before = claims(phone.tokens["access_token"])
    age(phone, 660)
    for _ in range(2):
        assert phone.refresh().status_code == 200
        assert asked(phone).status_code == 401
    after = claims(phone.tokens["access_token"])
    assert after["auth_time"] == before["auth_time"] - 660
    assert (after["amr"], after["acr"], after["sid"]) == (before["amr"], before["acr"], before["sid"])


def test_signing_in_again_by_mail_steps_up_who_has_nothing_else(alice: Person) -> None:
    """By link and by code; the old session ends with its tokens, and the new one has another id (SEC-56, SEC-57)."""
    phone = alice.sign_in()
    age(phone, 660)
    old = dict(phone.tokens)
    answer = phone.post("/verify/magic", json={"token": alice.link(phone).token}, token=old["access_token"])
    step_up(phone, answer)
    assert asked(phone).status_code == 200
    assert phone.tokens["session_id"] != old["session_id"]
    assert phone.get("/me", token=old["access_token"]).status_code == 401
    assert phone.refresh(old["refresh_token"]).status_code == 401
    age(phone, 660)
    request_id = alice.request(phone)
    letter = alice.read_letter()
    body = {"request_id": request_id, "code": letter.code}
    step_up(phone, phone.post("/verify/magic/code", json=body, token=phone.tokens["access_token"]))
    assert asked(phone).status_code == 200


def enrol(device: Device) -> pyotp.TOTP:
    """Add one-time passwords to the account of a device's session."""
    bearer = device.tokens["access_token"]
    secret = device.post("/totp/enroll", json={}, token=bearer).json()["secret"]
    totp = pyotp.TOTP(secret)
    assert device.post("/totp/verify", json={"code": totp.now()}, token=bearer).status_code == 200
    device.server.sql("UPDATE totp SET last_step = 0")
    return totp


def test_the_mailbox_is_not_enough_for_who_has_more(alice: Person) -> None:
    """Whoever reads the mail of an account with one-time passwords can neither change it nor make it seem young (SEC-57)."""
    phone = alice.sign_in()
    totp = enrol(phone)
    thief = alice.sign_in()
    refused = asked(thief)
    assert (refused.status_code, refused.json()["methods"]) == (401, ["totp"])
    again = thief.post("/verify/magic", json={"token": alice.link(thief).token}, token=thief.tokens["access_token"])
    step_up(thief, again)
    assert asked(thief).status_code == 401
    step_up(phone, phone.post("/totp/verify", json={"code": totp.now()}, token=phone.tokens["access_token"]))
    assert claims(phone.tokens["access_token"])["acr"] == "mfa"
    assert asked(phone).status_code == 200


def test_an_old_second_factor_is_not_renewed_by_mail(alice: Person) -> None:
    """A session that showed both last week, with its mail open beside it, shows one of them now (SEC-53, SEC-57)."""
    phone = alice.sign_in()
    totp = enrol(phone)
    step_up(phone, phone.post("/totp/verify", json={"code": totp.now()}, token=phone.tokens["access_token"]))
    assert asked(phone).status_code == 200
    age(phone, 660)
    long_ago = claims(phone.tokens["access_token"])["auth_time"] - 660
    step_up(phone, phone.post("/verify/magic", json={"token": alice.link(phone).token}, token=phone.tokens["access_token"]))
    assert claims(phone.tokens["access_token"])["auth_time"] == long_ago
    assert asked(phone).status_code == 401
    assert phone.get("/me").json()["acr"] == "mfa"


def test_nobody_steps_up_as_somebody_else(server: Server, alice: Person) -> None:
    """Ann's token with Bob's link: refused, and the link still works for Bob (SEC-57)."""
    bob = Person(server)
    ann, device = alice.sign_in(), bob.device()
    token = bob.link(device).token
    for body in ({"token": token}, {"token": token, "confirm_other_device": True}):
        answer = device.post("/verify/magic", json=body, token=ann.tokens["access_token"])
        assert (answer.status_code, answer.json()["error"]) == (403, "identity_mismatch")
        assert "access_token" not in answer.text
    assert ann.get("/me").json()["sessions"] == 1
    assert server.sql("SELECT COUNT(*) FROM users WHERE email = ?", bob.address) == [(0,)]
    assert device.verify(token).status_code == 200


def test_a_dead_token_steps_nobody_up(alice: Person) -> None:
    """It is refused before the link is looked at (SEC-54)."""
    phone = alice.sign_in()
    old = phone.tokens["access_token"]
    assert phone.post("/logout", token=old).status_code == 204
    token = alice.link(phone).token
    assert phone.post("/verify/magic", json={"token": token}, token=old).status_code == 401
    assert phone.post("/verify/magic", json={"token": token}, token="pwk_nonsense").status_code == 401
    assert phone.verify(token).status_code == 200


def test_a_browser_steps_up_by_its_cookie(alice: Person) -> None:
    """Pressing the button of a new link replaces the session of the cookie (SEC-56)."""
    browser = alice.device()
    browser.press_button(browser.open_link(alice.link(browser).token))
    first = browser.get("/me", headers=NAVIGATION).json()["session_id"]
    browser.press_button(browser.open_link(alice.link(browser).token))
    me = browser.get("/me", headers=NAVIGATION).json()
    assert me["session_id"] != first
    assert me["sessions"] == 1
