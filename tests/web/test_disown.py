"""Disowning ("this wasn't me"): the link of a notice takes back what came since, once, when somebody presses (SEC-58)."""

import re
from html import unescape
from uuid import uuid4

import httpx
import pytest

from tests.people import NAVIGATION, OWN_FORM, Device, Person, without_id
from tests.server import Server

SETTINGS = {"admin_emails": "boss@admins.example,chief@admins.example"}
MADE = "New recovery codes were made"
REPORTED = "An account may have been taken over"


def make(device: Device) -> list[str]:
    """Make recovery codes."""
    answer = device.post("/recovery-codes", token=device.tokens["access_token"])
    assert answer.status_code == 200, answer.text
    codes: list[str] = answer.json()["codes"]
    return codes


def open_page(device: Device, token: str) -> httpx.Response:
    """Follow the link as a person does."""
    return device.get(f"/not-me?token={token}", headers=NAVIGATION)


def press(device: Device, page: httpx.Response, headers: dict[str, str] | None = None, **changes: str) -> httpx.Response:
    """Press the button of the page."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
    return device.post("/not-me", form={name: unescape(value) for name, value in fields.items()} | changes, headers=headers or OWN_FORM)


def say(device: Device, token: str) -> httpx.Response:
    """Say it as a program does."""
    return device.post("/not-me", json={"token": token})


def user_id(person: Person) -> bytes:
    """Return a person's id as it is stored."""
    found: bytes = person.server.sql("SELECT id FROM users WHERE email = ?", person.address)[0][0]
    return found


def add_passkey(person: Person, *, age: float = 0.0) -> bytes:
    """Give somebody a passkey that was added so many seconds before the newest event; return its id."""
    key = uuid4().bytes
    person.server.sql(
        """INSERT INTO passkeys (id, credential_id, public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name,
        created_at, user_id) SELECT ?, ?, 'x', 0, 0, 0, '', ?, 'key', (SELECT MAX(at) FROM audit_log) - ?, ?""",
        key, key, key, age, user_id(person),
    )  # fmt: skip
    return key


def suspended(person: Person, key: bytes) -> bool:
    """Tell whether a passkey is suspended."""
    return person.server.sql("SELECT suspended_at FROM passkeys WHERE id = ?", key)[0][0] is not None


def reports(server: Server, address: str, about: Person) -> int:
    """Return how many letters about somebody went to an administrator so far."""
    return sum(about.address in letter.text for letter in server.mail.to(address))


def test_opening_the_link_does_nothing(alice: Person) -> None:
    """A scanner may open it as often as it likes, in whatever way (SEC-12, SEC-58)."""
    phone = alice.sign_in()
    make(phone)
    token = alice.told(MADE).token
    for headers in (NAVIGATION, {"accept": "*/*"}, {"accept": "application/json"}, {"sec-purpose": "prefetch"}):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert alice.device().ask(method, f"/not-me?token={token}", headers=headers).status_code in {200, 204}
    assert alice.device().post("/not-me", form={"token": token}, headers=OWN_FORM).status_code == 400
    assert phone.get("/me").json()["factors"]["recovery_codes"] == 10


def test_the_page_is_the_same_for_every_link(alice: Person) -> None:
    """Live, pressed, invented: the same bytes but for the token, kept, framed and scripted by nobody (SEC-13)."""
    make(alice.sign_in())
    token = alice.told(MADE).token
    pages = [open_page(alice.device(), it) for it in (token, "x", token[:-2], "eyJ.a.b")]
    assert press(alice.device(), pages[0]).status_code == 200
    pages.append(open_page(alice.device(), token))
    assert len({re.sub(r'name="token" value="[^"]*"', "", page.text) for page in pages}) == 1
    sign_in_page = alice.device().open_link("pwm_x")
    for page in pages:
        for name in ("cache-control", "referrer-policy", "x-robots-tag", "content-security-policy", "x-frame-options"):
            assert page.headers[name] == sign_in_page.headers[name]
        assert "<script" not in page.text
        assert alice.address not in page.text
    nasty = open_page(alice.device(), '"><script>1</script>')
    assert "<script" not in nasty.text
    assert alice.device().get("/not-me?token=a&token=b", headers=NAVIGATION).status_code == 400
    assert alice.device().get("/not-me", headers=NAVIGATION).status_code == 400


def test_the_button_takes_back_what_came_since(server: Server, alice: Person) -> None:
    """Sessions end everywhere, what was added since counts no more, what was there before does (SEC-58)."""
    phone, laptop, thief = alice.sign_in(), alice.sign_in(), alice.sign_in()
    old = add_passkey(alice, age=3600)
    server.sql("UPDATE sessions SET acr = 'mfa'")
    make(thief)
    new = add_passkey(alice)
    server.sql("INSERT INTO totp (user_id, sealed_secret, confirmed_at) SELECT ?, 'x', MAX(at) FROM audit_log", user_id(alice))
    browser = alice.device()
    done = press(browser, open_page(browser, alice.told(MADE).token))
    assert done.status_code == 200
    assert "taken back" in done.text
    for device in (phone, laptop, thief):
        assert device.get("/me").status_code == 401
        assert device.refresh().status_code == 401
    assert (suspended(alice, old), suspended(alice, new)) == (False, True)
    me = alice.sign_in().get("/me").json()
    assert me["factors"] == {"passkeys": 1, "totp": False, "recovery_codes": 0}
    assert server.metric("sessions_ended_total", reason="disowned") >= 3
    assert server.wait_for_log("user.disowned")["level"] == "warning"


def test_the_administrators_are_told_once(server: Server, alice: Person) -> None:
    """Everybody with the role and everybody in admin_emails, each by one letter that names the account (SEC-58)."""
    ruth = Person(server)
    ruth.sign_in()
    server.sql("UPDATE users SET roles = 'admin' WHERE email = ?", ruth.address)
    boss = Person(server, "boss@admins.example")
    boss.sign_in()
    make(alice.sign_in())
    token = alice.told(MADE).token
    for _ in range(3):
        assert say(alice.device(), token).json() == {"status": "disowned"}
    for address in (ruth.address, boss.address, "chief@admins.example"):
        letter = server.mail.wait_for_words(address, alice.address)
        assert letter.message["subject"] == REPORTED
        assert "http" not in letter.text
    make(Person(server).sign_in())  # whatever letters there are to come have gone before this one's notice
    assert [reports(server, address, alice) for address in (ruth.address, boss.address, "chief@admins.example")] == [1, 1, 1]


def test_pressing_again_does_no_more(alice: Person) -> None:
    """What the owner adds afterwards stays, whoever finds the letter in the mailbox and presses it once more (SEC-58)."""
    make(alice.sign_in())
    token = alice.told(MADE).token
    assert say(alice.device(), token).status_code == 200
    phone = alice.sign_in()
    alice.server.sql("UPDATE sessions SET acr = 'host'")  # a link of the host: the mailbox alone makes none for three days
    make(phone)
    key = add_passkey(alice)
    for _ in range(2):
        assert say(alice.device(), token).json() == {"status": "disowned"}
    assert phone.get("/me").json()["factors"] == {"passkeys": 1, "totp": False, "recovery_codes": 10}
    assert not suspended(alice, key)


@pytest.mark.parametrize("token", ("", "x", "eyJhbGciOiJub25lIn0.e30.", "é", "a" * 4096))
def test_an_invented_link_is_no_link(alice: Person, token: str) -> None:
    """It changes nothing, and what is said about it tells nothing."""
    phone = alice.sign_in()
    answer = say(alice.device(), token)
    assert answer.status_code == 404
    assert without_id(answer) == without_id(say(alice.device(), "y"))
    assert press(alice.device(), open_page(alice.device(), "x")).status_code == 404
    assert phone.get("/me").status_code == 200


def test_other_tokens_are_no_links(alice: Person) -> None:
    """Access, refresh and sign-in tokens do not fit here, and the link's token fits nowhere else (SEC-22)."""
    phone = alice.sign_in()
    make(phone)
    token = alice.told(MADE).token
    link = alice.link(phone).token
    for other in (phone.tokens["access_token"], phone.tokens["refresh_token"], link):
        assert say(alice.device(), other).status_code == 404
    assert phone.get("/me", token=token).status_code == 401
    assert phone.refresh(token).status_code == 401
    assert phone.verify(token, confirm_other_device=True).status_code == 401
    assert phone.get("/me").status_code == 200


def test_only_our_own_page_has_the_button(alice: Person) -> None:
    """A form of another site or without our nonce is refused, and nothing happens (SEC-18)."""
    phone = alice.sign_in()
    make(phone)
    page = open_page(alice.device(), alice.told(MADE).token)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site", "origin": "null"}, {"accept": "text/html"}):
        assert press(alice.device(), page, headers).status_code == 403
    assert press(alice.device(), page, nonce="0" * 64).status_code == 403
    assert phone.get("/me").status_code == 200


def test_mail_comes_back_where_it_was_all_a_moment_before(server: Server, alice: Person) -> None:
    """A thief who added his own and switched mail off has locked nobody out; where a key of before is left, mail stays off (SEC-59)."""
    for older, is_on in ((False, True), (True, False)):
        person = Person(server)
        thief = person.sign_in()
        if older:
            add_passkey(person, age=3600)
            server.sql("UPDATE sessions SET acr = 'mfa'")
        make(thief)
        add_passkey(person)
        server.sql("UPDATE users SET mail_off_at = (SELECT MAX(at) FROM audit_log) WHERE id = ?", user_id(person))
        assert say(person.device(), person.told(MADE).token).status_code == 200
        assert (server.sql("SELECT mail_off_at FROM users WHERE id = ?", user_id(person))[0][0] is None) is is_on


def test_a_link_of_a_deleted_account_is_gone(server: Server, alice: Person) -> None:
    """The same address may have a new account by then: nothing of it is touched (SEC-09)."""
    make(alice.sign_in())
    token = alice.told(MADE).token
    server.sql("DELETE FROM users WHERE email = ?", alice.address)
    phone = alice.sign_in()
    assert say(alice.device(), token).status_code == 404
    assert phone.get("/me").status_code == 200


def test_somebody_who_disowned_all_is_told_to_wait(alice: Person) -> None:
    """The page that asks who one is has nothing to offer then, and says why and for how long (SEC-57)."""
    make(alice.sign_in())
    assert say(alice.device(), alice.told(MADE).token).status_code == 200
    phone = alice.sign_in()
    refused = phone.post("/recovery-codes", token=phone.tokens["access_token"])
    assert (refused.status_code, refused.json()["error"], refused.json()["methods"]) == (401, "insufficient_user_authentication", [])
    assert "only an administrator" in refused.json()["detail"]
    page = phone.get("/account/confirm?return_to=/account", headers=NAVIGATION)
    assert page.status_code == 200
    assert "For three days the mailbox alone changes nothing." in unescape(page.text)
    assert "<form" not in page.text.partition("<main")[2]
