"""The page on which somebody proves once more who they are: with what would really do, and back to our own pages only."""

import re
from urllib.parse import quote

import httpx
import pytest

from tests.people import NAVIGATION, OWN_FORM, Device, Person
from tests.server import Server
from tests.totp_app import App
from tests.web.passkey_holder import add, key_for
from tests.web.test_account_page import by_link, by_passkey, page
from tests.web.test_signin_page import GERMAN, fill, hidden_nonce
from tests.web.test_totp import with_app

SETTINGS = {"enrolment": "first_use"}

CONFIRM = "/account/confirm"
ONES_OWN = "user_id = (SELECT id FROM users WHERE email = ?)"
ELSEWHERE = (
    *("https://evil.example/account", "//evil.example", "/account/../docs", "/docs", "/account?said=ended", "/account\n"),
    *("/admin/people?said=delete", "/admin/selection?said=delete", "/admin/selection?do=delete&said=delete"),
)
#: Which form of the page stands for which way.
WAYS = {"/signin/passkey": "webauthn", "/account/confirm/totp": "totp", "/account/confirm/recovery": "recovery_code", "/signin": "email"}


def offered(shown: httpx.Response) -> list[str]:
    """Return the ways that the page offers, in its order."""
    return [WAYS[action] for action in re.findall(r'method="post" action="([^"]+)"', shown.text) if action in WAYS]


def age(person: Person) -> None:
    """Let all sign-ins of a person be of yesterday, and all codes unspent."""
    person.server.sql(f"UPDATE sessions SET auth_time = auth_time - 86400 WHERE {ONES_OWN}", person.address)
    person.server.sql("UPDATE totp SET last_step = 0")


def by_app(person: Person, app: App) -> Device:
    """Sign a browser in on the page for six digits alone; return it."""
    browser = person.device()
    shown = browser.get("/signin/totp", headers=NAVIGATION)
    done = fill(browser, shown, "/signin/totp", email=person.address, code=app.code())
    assert done.status_code == 303, done.text
    return browser


def led(browser: Device, path: str = "/account/delete") -> httpx.Response:
    """Ask for what wants a step-up; return the page that it leads to."""
    answer = browser.get(path, headers=NAVIGATION)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CONFIRM}?return_to={path}")
    return page(browser, answer.headers["location"])


@pytest.mark.parametrize("action", ("/account/totp", "/account/recovery-codes", "/account/mail/off", "/account/sessions/end-others"))
def test_a_form_that_wants_more_leads_to_the_page(alice: Person, action: str) -> None:
    """A form cannot be sent again by itself: what follows is the page on which it stands (SEC-57)."""
    browser = by_link(alice)
    age(alice)
    answer = browser.post(action, form={"nonce": hidden_nonce(page(browser))}, headers=OWN_FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CONFIRM}?return_to=/account")


def test_the_mailbox_confirms_who_has_nothing_else(alice: Person) -> None:
    """By the letter's code in the waiting browser, which then stands where it wanted to be (SEC-57)."""
    browser = by_link(alice)
    age(alice)
    shown = led(browser)
    assert offered(shown) == ["email"]
    by_mail(alice, browser, shown)
    page(browser, "/account/delete")


def test_the_mailbox_does_not_confirm_who_has_more(alice: Person) -> None:
    """Whoever reads the mail of somebody with an app is asked for its code, and slips are told on the page (SEC-57)."""
    _, app = with_app(alice)
    browser = by_link(alice)
    age(alice)
    shown = led(browser)
    assert offered(shown) == ["totp"]
    for slip, status in ((app.wrong(), 401), ("12345", 400), ("<script>", 400)):
        again = fill(browser, shown, "/account/confirm/totp", code=slip)
        assert (again.status_code, 'role="alert"' in again.text, slip in again.text) == (status, True, False)
    done = fill(browser, again, "/account/confirm/totp", code=app.code())
    assert (done.status_code, done.headers["location"]) == (303, "/account/delete")
    page(browser, "/account/delete")


def test_six_digits_are_not_confirmed_by_six_digits(alice: Person) -> None:
    """Who signed in by the app alone is sent to the mailbox, not in a circle (SEC-35)."""
    _, app = with_app(alice)
    alice.server.sql("UPDATE totp SET last_step = 0")
    browser = by_app(alice, app)
    shown = led(browser)
    assert offered(shown) == ["email"]
    by_mail(alice, browser, shown)
    page(browser, "/account/delete")


def by_mail(person: Person, browser: Device, shown: httpx.Response) -> None:
    """Confirm by the letter that the page offers, and arrive where the page was asked for."""
    fill(browser, shown, "/signin")
    waiting = browser.get("/signin/sent", headers=NAVIGATION)
    done = fill(browser, waiting, "/signin/code", code=person.read_sign_in_letter().code)
    assert (done.status_code, done.headers["location"]) == (303, "/account/delete")


def test_an_account_that_nobody_has_proven_is_led_to_its_mailbox(alice: Person) -> None:
    """Whatever was put into it on first use: the page offers the letter, and the proven mailbox throws the rest out (SEC-07)."""
    made = alice.device().post("/totp/enroll", json={"email": alice.address})
    assert made.status_code == 200, made.text
    browser = by_app(alice, App.of(made.json()))
    assert browser.get("/me").json()["acr"] == "unverified"
    shown = led(browser)
    assert offered(shown) == ["email"]
    by_mail(alice, browser, shown)
    assert browser.get("/me").json()["factors"]["totp"] is False
    page(browser, "/account/delete")


def test_a_passkey_and_a_recovery_code_confirm(server: Server, alice: Person) -> None:
    """Each leads back; a recovery code is offered on top of the mailbox only, where it counts (SEC-58)."""
    phone, key = alice.sign_in(), key_for(server)
    assert add(phone, key).status_code == 200
    server.sql("UPDATE sessions SET amr = 'hwk user mfa', acr = 'phr'")
    codes = phone.post("/recovery-codes", token=phone.tokens["access_token"]).json()["codes"]
    browser, other = by_link(alice), alice.device()
    assert offered(led(browser)) == ["webauthn", "recovery_code"]
    done = fill(browser, led(browser), "/account/confirm/recovery", code=codes[0].lower())
    assert (done.status_code, done.headers["location"]) == (303, "/account/delete")
    assert by_passkey(other, key).status_code == 303
    age(alice)
    assert offered(led(other)) == ["webauthn"]
    assert by_passkey(other, key, return_to="/account/delete").headers["location"] == "/account/delete"
    page(other, "/account/delete")


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_the_page_leads_to_pages_of_ours_only(alice: Person, wanted: str) -> None:
    """A link to it with a foreign target ends on the account page, and so does a form with one (SEC-94)."""
    _, app = with_app(alice)
    browser = by_link(alice)
    age(alice)
    shown = browser.ask("GET", f"{CONFIRM}?return_to={quote(wanted)}", headers=NAVIGATION)
    assert 'name="return_to" value="/account"' in shown.text
    assert "evil" not in shown.text
    done = fill(browser, shown, "/account/confirm/totp", code=app.code(), return_to=wanted)
    assert (done.status_code, done.headers["location"]) == (303, "/account")


def test_slips_are_told_in_german(alice: Person) -> None:
    """Also what is no code at all."""
    _, _app = with_app(alice)
    browser = by_link(alice)
    shown = browser.get(CONFIRM, headers=GERMAN)
    assert "Sind Sie es?" in shown.text
    typed = {"nonce": hidden_nonce(shown), "return_to": "/account", "code": "x"}
    refused = browser.post(f"{CONFIRM}/totp", form=typed, headers=GERMAN | OWN_FORM)
    assert (refused.status_code, "Das ist kein Code" in refused.text) == (400, True)
