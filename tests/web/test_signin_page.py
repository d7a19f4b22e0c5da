"""The sign-in page: ask, wait, type the code, or be let in from the device on which the link was opened."""

import re

import httpx
import pytest

from tests.people import NAVIGATION, OWN_FORM, Device, Person
from tests.server import Server

GERMAN = {**NAVIGATION, "accept-language": "de-DE,de;q=0.9,en;q=0.8"}


def fill(browser: Device, page: httpx.Response, action: str, **typed: str) -> httpx.Response:
    """Send the form of a page that goes to ``action``, with what somebody typed."""
    form = re.search(rf'<form(?: class="[a-z ]+")? method="post" action="{action}".*?</form>', page.text, re.DOTALL)
    assert form, page.text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[0]))
    return browser.post(action, form=hidden | typed, headers=OWN_FORM)


def wait(browser: Device, address: str, **typed: str) -> httpx.Response:
    """Ask for a letter on the page; return the page that waits for it."""
    asked = fill(browser, browser.get("/signin", headers=NAVIGATION), "/signin", email=address, **typed)
    assert (asked.status_code, asked.headers.get("location")) == (303, "/signin/sent"), asked.text
    return browser.get("/signin/sent", headers=NAVIGATION)


def number(page: httpx.Response) -> str:
    """Return the number that a waiting page shows."""
    (found,) = re.findall(r'<p class="number">(\d\d)</p>', page.text)
    return str(found)


def test_the_code_signs_the_waiting_browser_in(alice: Person) -> None:
    """The page that asked takes the code, keeps where the person wanted to go, and shows no token (SEC-94)."""
    browser = alice.device()
    page = wait(browser, alice.address, return_to="/docs")
    done = fill(browser, page, "/signin/code", code=alice.read_letter().code.lower())
    assert (done.status_code, done.headers["location"]) == (303, "/docs")
    assert browser.get("/me").json()["email"] == alice.address
    assert "__Host-pwauth_waiting" not in browser.cookies


def test_a_wrong_code_is_told_on_the_same_page(alice: Person) -> None:
    """A slip costs one of five tries and no new letter; junk is no more than a slip (SEC-16)."""
    browser = alice.device()
    page = wait(browser, alice.address)
    code = alice.read_letter().code
    for wrong in ("2222-2222", "<script>", "\u017f" * 8):
        again = fill(browser, page, "/signin/code", code=wrong)
        assert again.status_code == 401
        assert "That code does not work" in again.text
        assert "<script>" not in again.text.replace('<script type="module"', "")
    assert fill(browser, page, "/signin/code", code=code).status_code == 303


def test_the_reader_of_the_link_lets_the_waiting_browser_in(alice: Person) -> None:
    """Opened on another device, the link asks for the number of the browser that waits, and signs in that one (SEC-17)."""
    browser, phone = alice.device(), alice.device()
    waiting = wait(browser, alice.address)
    assert browser.get("/signin/state").json()["is_approved"] is False
    asked = phone.press_button(phone.open_link(alice.read_letter().token))
    assert asked.status_code == 403
    let_in = fill_number(phone, asked, number(waiting))
    assert (let_in.status_code, "signed in" in let_in.text) == (200, True)
    assert browser.get("/signin/state").json()["is_approved"] is True
    done = fill(browser, browser.get("/signin/sent", headers=NAVIGATION), "/signin/enter")
    assert done.status_code == 303
    assert browser.get("/me").json()["email"] == alice.address
    assert phone.get("/me").status_code == 401


def fill_number(phone: Device, asked: httpx.Response, typed: str) -> httpx.Response:
    """Type a number into the page that asks for it."""
    hidden = dict(re.findall(r'<input type="hidden" name="(token|nonce)" value="([^"]*)">', asked.text))
    return phone.post("/verify/magic", form=hidden | {"number": typed}, headers=OWN_FORM)


@pytest.mark.parametrize("typed", ("wrong", "", "\uff11\uff12", "100"))
def test_who_does_not_see_the_number_lets_nobody_in(alice: Person, typed: str) -> None:
    """One wrong number ends the request: whoever was talked into opening a stranger's link has nothing to type (SEC-17)."""
    browser, phone = alice.device(), alice.device()
    waiting = wait(browser, alice.address)
    right = number(waiting)
    asked = phone.press_button(phone.open_link(alice.read_letter().token))
    wrong = typed if typed != "wrong" else str((int(right) - 9) % 90 + 10)
    assert fill_number(phone, asked, wrong).status_code in {400, 403}
    fill_number(phone, asked, wrong)
    assert browser.get("/signin/state").json() == {"is_live": False}
    assert fill_number(phone, asked, right).status_code in {401, 403}
    assert browser.post("/signin/enter", form={"nonce": hidden_nonce(asked)}, headers=OWN_FORM).status_code == 401


def hidden_nonce(page: httpx.Response) -> str:
    """Return the nonce of a page's forms."""
    found = re.search(r'name="nonce" value="(\w+)"', page.text)
    assert found
    return found[1]


def test_only_the_browser_that_asked_comes_in(alice: Person) -> None:
    """Whoever knows the request's id, but lacks the cookie of the browser that made it, sees and gets nothing (SEC-17)."""
    browser, phone, thief = alice.device(), alice.device(), alice.device()
    waiting = wait(browser, alice.address)
    asked = phone.press_button(phone.open_link(alice.read_letter().token))
    assert fill_number(phone, asked, number(waiting)).status_code == 200
    thief.cookies["__Host-pwauth_waiting"] = browser.cookies["__Host-pwauth_waiting"]
    for binding in (None, "A" * 43):
        if binding:
            thief.cookies["__Host-pwauth_request"] = binding
        assert thief.get("/signin/state").json() == {"is_live": False}
        assert thief.get("/signin/sent", headers=NAVIGATION).headers["location"] == "/signin"
        assert thief.post("/signin/enter", form={"nonce": hidden_nonce(asked)}, headers=OWN_FORM).status_code == 401
        assert thief.post("/signin/code", form={"nonce": hidden_nonce(asked), "code": "22222222"}, headers=OWN_FORM).status_code == 303


def test_a_browser_that_was_not_let_in_stays_outside(alice: Person) -> None:
    """Waiting alone opens nothing (SEC-17)."""
    browser = alice.device()
    page = wait(browser, alice.address)
    assert browser.post("/signin/enter", form={"nonce": hidden_nonce(page)}, headers=OWN_FORM).status_code == 401


@pytest.mark.parametrize("path", ("/signin", "/signin/code", "/signin/enter"))
def test_a_form_of_another_site_is_refused_as_a_page(alice: Person, path: str) -> None:
    """Neither another origin nor a form without our nonce does anything, and the refusal is for people (SEC-18)."""
    browser = alice.device()
    nonce = hidden_nonce(browser.get("/signin", headers=NAVIGATION))
    typed = {"email": alice.address, "code": "22222222"}
    foreign = browser.post(path, form=typed | {"nonce": nonce}, headers={**OWN_FORM, "sec-fetch-site": "cross-site"})
    forged = browser.post(path, form=typed | {"nonce": "0" * 64}, headers=OWN_FORM)
    for refused in (foreign, forged):
        assert refused.status_code == 403
        assert refused.headers["content-type"] == "text/html; charset=utf-8"
        assert "not sent from our own page" in refused.text
    assert alice.server.mail.to(alice.address) == []


@pytest.mark.parametrize("address", ("nobody", "a@b@c.example", "Ann <ann@ex.com>", '"><script>@ex.com', "K\u212a@ex.com"))
def test_what_is_no_address_is_told_at_once(device: Device, address: str) -> None:
    """The page says so and shows what was typed, escaped (SEC-03, SEC-13)."""
    page = fill(device, device.get("/signin", headers=NAVIGATION), "/signin", email=address)
    assert page.status_code == 400
    assert "not an address" in page.text
    assert '"><script>' not in page.text


@pytest.mark.parametrize("wanted", ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"))
def test_a_page_leads_only_where_we_allow(device: Device, wanted: str) -> None:
    """A foreign target is dropped from the page and refused from the form (SEC-94)."""
    page = device.ask("GET", f"/signin?return_to={wanted}", headers=NAVIGATION)
    assert page.status_code == 200
    assert "evil" not in page.text
    refused = fill(device, page, "/signin", email="ann@people.example", return_to=wanted)
    assert refused.status_code == 400
    assert "evil" not in refused.text


def test_the_state_of_the_letter_is_told(server: Server, alice: Person) -> None:
    """In the reader's language; what another server said about it is not repeated."""
    browser = alice.device()
    wait(browser, alice.address)
    alice.read_letter()
    assert browser.get("/signin/state").json()["text"] == "The email is on its way."
    server.sql("UPDATE magic_links SET created_at = created_at - 5 WHERE email = ?", alice.address)
    assert browser.get("/signin/state").json()["text"] == "The email should be in your mailbox by now."
    server.sql("UPDATE email_queue SET status = 'failed', last_error = 'said_550' WHERE recipient = ?", alice.address)
    assert browser.get("/signin/state").json()["text"] == "Your mail server refused the email. Is the address right?"
    assert browser.get("/signin/state", headers=GERMAN).json()["letter"] == "refused"
    assert "abgelehnt" in browser.get("/signin/sent", headers=GERMAN).text


def test_pages_speak_the_readers_language(alice: Person) -> None:
    """German for who prefers it, English for everybody else, and caches are told what it depends on."""
    browser = alice.device()
    german = browser.get("/signin", headers=GERMAN)
    assert (german.headers["content-language"], "accept-language" in german.headers["vary"]) == ("de", True)
    assert '<html lang="de">' in german.text
    assert "Mit einem Passkey anmelden" in german.text
    assert "Use the code" in browser.get("/signin", headers=NAVIGATION).text


def test_a_page_that_needs_a_session_leads_to_the_sign_in(device: Device) -> None:
    """Somebody who is not signed in sees the door, not an error; a request that is over leads back to it."""
    assert device.get("/signin/sent", headers=NAVIGATION).headers["location"] == "/signin"
