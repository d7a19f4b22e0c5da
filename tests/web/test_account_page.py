"""The account page: each of its forms does what it says, for its owner and from our own page only."""

import json
import re

import httpx
import pytest

from pwauth_server.web import account_pages, confirm_pages
from pwauth_server.web.route import Guard, Route
from tests.authenticator import Authenticator
from tests.people import NAVIGATION, OWN_FORM, Device, Person
from tests.server import Server
from tests.totp_app import App
from tests.web.passkey_holder import add, key_for, options
from tests.web.test_signin_page import GERMAN, fill, hidden_nonce

OWN = tuple(route for route in (*account_pages.ROUTES, *confirm_pages.ROUTES) if route.guard is not Guard.ANYBODY)
FORMS = tuple(route for route in OWN if route.method == "POST")


def by_link(person: Person, browser: Device | None = None) -> Device:
    """Sign a browser in by link, as a person does; return it."""
    browser = browser or person.device()
    done = browser.press_button(browser.open_link(person.link(browser).token))
    assert done.status_code == 303, done.text
    return browser


def by_passkey(browser: Device, key: Authenticator, **typed: str) -> httpx.Response:
    """Answer the sign-in page's challenge with a passkey, in the form that its script fills in."""
    nonce = hidden_nonce(browser.get("/signin", headers=NAVIGATION))
    asked = options(browser, "login")
    answer = {"nonce": nonce, "pending_id": asked["pending_id"], "response": json.dumps(key.use(asked["publicKey"]))}
    return browser.post("/signin/passkey", form=answer | typed, headers=OWN_FORM)


def page(browser: Device, path: str = "/account") -> httpx.Response:
    """Open a page of a signed-in person's own."""
    found = browser.get(path, headers=NAVIGATION)
    assert found.status_code == 200, found.headers
    return found


def send(browser: Device, action: str, said: str | None = None, **typed: str) -> httpx.Response:
    """Send the form of the account page that goes to ``action``, and expect the page to say ``said``."""
    done = fill(browser, page(browser), action, **typed)
    if said:
        assert (done.status_code, done.headers["location"]) == (303, f"/account?said={said}"), done.text
        assert 'role="status"' in page(browser, done.headers["location"]).text
    return done


def ids(shown: httpx.Response, kind: str) -> list[str]:
    """Return the ids of the passkeys or sessions that the page shows."""
    return re.findall(rf'action="/account/{kind}/([0-9a-f-]{{36}})/(?:remove|end)"', shown.text)


def test_passkeys_are_looked_after(server: Server, alice: Person) -> None:
    """Signed in by one, a person renames and removes it on the page (SEC-47, SEC-48)."""
    phone, browser, key = alice.sign_in(), alice.device(), key_for(server)
    assert add(phone, key).status_code == 200
    done = by_passkey(browser, key, return_to="/account")
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    (passkey,) = ids(page(browser), "passkeys")
    send(browser, f"/account/passkeys/{passkey}/rename", "saved", name="<b>Red & blue</b>")
    assert "&lt;b&gt;Red &amp; blue&lt;/b&gt;" in page(browser).text
    send(browser, f"/account/passkeys/{passkey}/remove", "removed")
    assert ids(page(browser), "passkeys") == []


def test_a_passkeys_answer_that_is_none_is_refused(server: Server, alice: Person) -> None:
    """Junk in the script's form is a page that says no, and nobody is in."""
    browser = alice.device()
    nonce = hidden_nonce(browser.get("/signin", headers=NAVIGATION))
    for response in ("", "null", "[" * 5000, "{}", '"x"'):
        answer = {"nonce": nonce, "pending_id": "pwp_" + "A" * 43, "response": response}
        refused = browser.post("/signin/passkey", form=answer, headers=OWN_FORM)
        assert refused.status_code in {400, 401}
        assert "That did not work" in refused.text
    assert browser.get("/account", headers=NAVIGATION).headers["location"] == "/signin?return_to=/account"


def test_an_app_and_codes_are_added_and_taken_away(server: Server, alice: Person) -> None:
    """The secret is on the page once, a slip is told there, and the same page removes it (SEC-02, SEC-58)."""
    browser = by_link(alice)
    shown = send(browser, "/account/totp")
    (secret,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", shown.text)
    app = App.of({"secret": secret})
    for slip, status in ((app.wrong(), 401), ("12345", 400), ("<b>", 400)):
        again = fill(browser, shown, "/account/totp/confirm", code=slip)
        assert (again.status_code, "That was not the code" in again.text, secret in again.text) == (status, True, False)
    assert fill(browser, shown, "/account/totp/confirm", code=f" {app.code()} ").headers["location"] == "/account?said=totp_added"
    # It is sent twice: nothing waits any more, so the next code steps up, and the browser stays signed in.
    assert fill(browser, shown, "/account/totp/confirm", code=app.code(ahead=1)).status_code == 303
    codes = re.findall(r"<li>([A-Z0-9-]{20})</li>", send(browser, "/account/recovery-codes").text)
    assert len(set(codes)) == 10
    assert "10 codes are left" in page(browser).text
    send(browser, "/account/totp/remove", "removed")
    assert "Add an authenticator app" in page(browser).text


def test_a_name_and_letters_are_switched(server: Server, alice: Person) -> None:
    """A name is escaped; letters stay on for whoever has nothing else, and go off for whoever has two passkeys (SEC-59)."""
    browser = by_link(alice)
    send(browser, "/account/name", "saved", name='"><i>Ann')
    assert 'value="&#34;&gt;&lt;i&gt;Ann"' in page(browser).text
    refused = send(browser, "/account/mail/off")
    assert (refused.status_code, "That did not work" in refused.text) == (409, True)
    phone, first, second = alice.sign_in(), key_for(server), key_for(server)
    assert add(phone, first).status_code == 200
    by_passkey(browser, first)
    server.sql("UPDATE sessions SET amr = 'hwk user mfa', acr = 'phr'")
    assert add(phone, second).status_code == 200
    send(browser, "/account/mail/off", "mail_off")
    send(browser, "/account/mail/on", "mail_on")


def test_sessions_are_ended(alice: Person) -> None:
    """One by one, all others, and at last one's own (SEC-54)."""
    browser, phone, tablet = by_link(alice), alice.sign_in(), alice.sign_in()
    assert len(ids(page(browser), "sessions")) == 3
    send(browser, f"/account/sessions/{phone.tokens['session_id']}/end", "ended")
    assert (phone.get("/me").status_code, tablet.get("/me").status_code) == (401, 200)
    send(browser, "/account/sessions/end-others", "ended")
    assert tablet.get("/me").status_code == 401
    (own,) = ids(page(browser), "sessions")
    done = fill(browser, page(browser), f"/account/sessions/{own}/end")
    assert browser.get(done.headers["location"], headers=NAVIGATION).headers["location"] == "/signin?return_to=/account"


def test_an_account_is_deleted_after_a_question(alice: Person) -> None:
    """The page asks, the form deletes, and the cookie goes with it."""
    browser = by_link(alice)
    asked = page(browser, "/account/delete")
    assert alice.address in asked.text
    done = fill(browser, asked, "/account/delete")
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "__Host-pwauth_session" not in browser.cookies
    assert alice.server.sql("SELECT count(*) FROM users WHERE email = ?", alice.address) == [(0,)]


@pytest.mark.parametrize("route", FORMS, ids=lambda route: route.path)
def test_a_form_of_another_site_does_nothing(alice: Person, route: Route) -> None:
    """However fresh the session is: another origin, a forged nonce, none at all (SEC-18, SEC-95)."""
    browser = by_link(alice)
    path = re.sub("<.*?>", "0" * 32, route.path)
    nonce = hidden_nonce(page(browser))
    assert route.form is not None
    typed = {field: "x" for field in route.form.model_fields if field != "nonce"}
    foreign = {**OWN_FORM, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert browser.post(path, form=typed | {"nonce": nonce}, headers=foreign).status_code == 403
    assert browser.post(path, form=typed | {"nonce": "0" * 64}, headers=OWN_FORM).status_code == 403
    assert browser.post(path, form=typed, headers=OWN_FORM).status_code == 400
    me = browser.get("/me").json()
    assert (me["email"], me["name"], me["sessions"]) == (alice.address, "", 1)
    assert me["factors"] == {"passkeys": 0, "totp": False, "recovery_codes": 0}


@pytest.mark.parametrize("route", OWN, ids=lambda route: f"{route.method} {route.path}")
def test_a_stranger_is_led_to_the_sign_in(device: Device, route: Route) -> None:
    """And comes back to the page, or to the one on which the form stands."""
    path = re.sub("<.*?>", "0" * 32, route.path)
    answer = device.ask(route.method, path, form={"nonce": "x"} if route.method == "POST" else None, headers=OWN_FORM)
    back = path if route.method == "GET" else "/account"
    assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?return_to={back}")


def test_what_belongs_to_others_is_not_there(server: Server, alice: Person) -> None:
    """A foreign passkey and a foreign session are answered like ones that never were (SEC-48)."""
    bob, browser = Person(server).sign_in(), by_link(alice)
    passkey = add(bob, key_for(server)).json()["credential"]["id"]
    nonce = hidden_nonce(page(browser))
    for thing in (f"passkeys/{passkey}/rename", f"passkeys/{passkey}/remove", f"sessions/{bob.tokens['session_id']}/end"):
        for path in (thing, thing.replace(thing.split("/")[1], "no-such-id")):
            form = {"nonce": nonce} | ({"name": "Mine"} if path.endswith("rename") else {})
            refused = browser.post(f"/account/{path}", form=form, headers=OWN_FORM)
            assert (refused.status_code, "That did not work" in refused.text) == (404, True), path
    assert bob.get("/webauthn/credentials").json()["credentials"][0]["name"] != "Mine"
    assert bob.get("/me").status_code == 200


@pytest.mark.parametrize("said", ("<script>", "title", "saved&said=ended", ""))
def test_the_page_says_only_what_it_knows(alice: Person, said: str) -> None:
    """A link cannot put words into the page's mouth (SEC-13)."""
    browser = by_link(alice)
    shown = page(browser, f"/account?said={said}").text
    assert ('role="status"' in shown) is said.startswith("saved")
    assert "<script>" not in shown


def test_the_page_speaks_german(alice: Person) -> None:
    """Events and refusals too."""
    browser = by_link(alice)
    shown = browser.get("/account", headers=GERMAN)
    assert "Das Konto wurde angelegt" in shown.text
    refused = browser.post("/account/mail/off", form={"nonce": hidden_nonce(shown)}, headers=GERMAN | OWN_FORM)
    assert "Das hat nicht geklappt" in refused.text
