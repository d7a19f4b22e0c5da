"""A second factor over HTTP: by JSON for programs, by our own page for browsers."""

import re

import pytest
from httpx import Response

from tests.people import NAVIGATION, OWN_FORM, Device, Person
from tests.server import Server
from tests.totp_app import App
from tests.web.test_totp import confirm, with_app
from tests.web.tokens import claims

SETTINGS = {"totp_mode": "second_factor"}


@pytest.fixture
def app(alice: Person) -> App:
    """Return Alice's app; its code of now is spent."""
    _, app = with_app(alice)
    return app


def half_way(person: Person, device: Device, **body: str) -> Response:
    """Sign in by mail as a program does."""
    person.server.sql("UPDATE totp SET last_step = 0")
    device.post("/request/magic", json={"email": person.address, **body})
    return device.verify(person.read_letter().token)


def asked(person: Person, browser: Device) -> Response:
    """Sign in by mail as a person does, and return the page that asks for more."""
    person.server.sql("UPDATE totp SET last_step = 0")
    page = browser.press_button(browser.open_link(person.link(browser).token))
    assert page.status_code == 200, page.text
    return page


def send(browser: Device, page: Response, headers: dict[str, str] | None = None, **fields: str) -> Response:
    """Fill in the form of the page and send it."""
    form = re.search(r'<form method="post" action="/totp/verify">(.*?)</form>', page.text, re.DOTALL)
    assert form, page.text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[1]))
    return browser.post("/totp/verify", form=hidden | fields, headers=headers or OWN_FORM)


def test_a_program_is_told_what_is_due(alice: Person, app: App) -> None:
    """No token, no cookie, and the way to go on; then tokens that know both factors (contract section 6)."""
    phone = alice.device()
    due = half_way(alice, phone, return_to="/welcome")
    assert due.status_code == 200
    assert set(due.json()) == {"second_factor_required", "pending_id", "methods"}
    assert (due.json()["second_factor_required"], due.json()["methods"]) == (True, ["totp"])
    assert "session" not in str(due.headers.get("set-cookie"))
    for code in (app.wrong(), app.wrong()):
        assert phone.post("/totp/verify", json={"pending_id": due.json()["pending_id"], "code": code}).status_code == 401
    done = phone.post("/totp/verify", json={"pending_id": due.json()["pending_id"], "code": app.code()})
    assert (done.status_code, done.json()["return_to"]) == (200, "/welcome")
    said = claims(done.json()["access_token"])
    assert (said["amr"], said["acr"]) == (["email", "otp", "mfa"], "mfa")
    again = phone.post("/totp/verify", json={"pending_id": due.json()["pending_id"], "code": app.code(ahead=1)})
    assert again.status_code == 401


@pytest.mark.usefixtures("app")
def test_the_code_of_the_letter_is_half_the_way_too(alice: Person) -> None:
    """Whichever way the mailbox was proven (SEC-35)."""
    phone = alice.device()
    request_id = alice.request(phone)
    due = phone.verify_code(request_id, alice.read_letter().code)
    assert due.json()["second_factor_required"] is True
    link = alice.link(phone).token
    due = phone.get(f"/verify/magic?token={link}", headers={"accept": "application/json"})
    assert due.json()["second_factor_required"] is True


def test_what_waits_is_no_credential(server: Server, alice: Person, app: App) -> None:
    """A pending id opens nothing by itself and is refused wherever a token belongs (SEC-22)."""
    phone = alice.device()
    pending_id = half_way(alice, phone).json()["pending_id"]
    assert phone.get("/me", token=pending_id).status_code == 401
    assert phone.refresh(pending_id).status_code == 401
    assert phone.verify(pending_id).status_code == 401
    assert app.code() not in pending_id
    assert server.sql("SELECT COUNT(*) FROM challenges")[0][0] >= 1
    assert pending_id.encode() not in server.stored_bytes()


def test_a_person_signs_in_by_the_page(alice: Person, app: App) -> None:
    """The page asks for the code, forgives a slip and sets the cookie; no token is ever in it (SEC-18)."""
    browser = alice.device()
    page = asked(alice, browser)
    assert "One more step" in page.text
    assert 'autocomplete="one-time-code"' in page.text
    assert "recovery" not in page.text
    slip = send(browser, page, code=app.wrong())
    assert slip.status_code == 401
    assert 'role="alert"' in slip.text
    typo = send(browser, slip, code="12 34")
    assert typo.status_code == 400
    assert "six digits" in typo.text
    done = send(browser, typo, code=app.code())
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "access_token" not in slip.text + typo.text + done.text
    assert "__Host-pwauth_request" not in browser.cookies
    me = browser.get("/me").json()
    assert (me["email"], me["amr"]) == (alice.address, ["email", "otp", "mfa"])
    over = send(browser, page, code=app.code(ahead=1))
    assert over.status_code == 401
    assert "<form" not in over.text
    assert "That did not work" in over.text


def test_the_page_leads_where_the_person_wanted_to_go(alice: Person, app: App) -> None:
    """What was asked for with the letter is kept through both steps (SEC-94)."""
    browser = alice.device()
    browser.post("/request/magic", json={"email": alice.address, "return_to": "/docs"})
    alice.server.sql("UPDATE totp SET last_step = 0")
    page = browser.press_button(browser.open_link(alice.read_letter().token))
    assert send(browser, page, code=app.code()).headers["location"] == "/docs"


@pytest.mark.usefixtures("app")
def test_somebody_with_recovery_codes_may_type_one(server: Server, alice: Person) -> None:
    """The page has a second form for them, and only then."""
    server.sql(
        "INSERT INTO recovery_codes (id, user_id, position, salt, hash, created_at) "
        "SELECT x'01', id, 1, x'00', x'00', 0 FROM users WHERE email = ?",
        alice.address,
    )
    page = asked(alice, alice.device())
    assert 'action="/recovery-codes/verify"' in page.text
    assert len(re.findall(r'name="pending_id" value="pwp_', page.text)) == 2


FOREIGN = {
    "another site": {"origin": "https://evil.example"},
    "another site by its mark": {"sec-fetch-site": "cross-site", "origin": "null"},
    "nobody": {},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_another_site_cannot_finish_a_sign_in(alice: Person, app: App, headers: dict[str, str]) -> None:
    """A form of another origin, or without our nonce, is refused, and the code is not spent (SEC-18)."""
    browser = alice.device()
    page = asked(alice, browser)
    code = app.code()
    assert send(browser, page, headers={"accept": NAVIGATION["accept"], **headers}, code=code).status_code == 403
    assert send(browser, page, code=code, nonce="0" * 64).status_code == 403
    assert send(browser, page, code=code).status_code == 303


def test_a_browser_steps_up_and_gets_the_new_cookie(alice: Person, app: App) -> None:
    """A script of our own page shows a code with the cookie, and the cookie of the old session is replaced (SEC-56)."""
    browser = alice.device()
    assert send(browser, asked(alice, browser), code=app.code()).status_code == 303
    before = browser.cookies["__Host-pwauth_session"]
    alice.server.sql("UPDATE totp SET last_step = 0")
    own = {"origin": alice.server.public_url, "sec-fetch-site": "same-origin"}
    assert browser.post("/totp/verify", json={"code": app.code()}, headers=own).status_code == 200
    assert browser.cookies["__Host-pwauth_session"] != before
    assert browser.get("/me").json()["acr"] == "mfa"
    browser.cookies["__Host-pwauth_session"] = before
    assert browser.get("/me").status_code == 401


def test_six_digits_alone_are_refused_alike_for_all(server: Server, alice: Person, app: App) -> None:
    """They step up and finish, and nothing else (SEC-35)."""
    server.sql("UPDATE totp SET last_step = 0")
    for email, code in ((alice.address, app.code()), (alice.address, app.wrong()), ("nobody@people.example", app.code())):
        answer = alice.device().post("/totp/verify", json={"email": email, "code": code})
        assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_failed")


def test_confirming_works_as_ever(alice: Person) -> None:
    """The first app is confirmed in the session that the mailbox opened alone (SEC-02)."""
    phone, app = with_app(alice)
    stepped = confirm(phone, app.code(ahead=1))
    assert claims(stepped.json()["access_token"])["acr"] == "mfa"


def test_no_page_asks_for_digits_alone(alice: Person, app: App) -> None:
    """The page is not there, nor a link to it, and its form is not taken (SEC-35)."""
    browser = alice.device()
    door = browser.get("/signin", headers=NAVIGATION)
    nonce = re.findall(r'name="nonce" value="(\w+)"', door.text)[0]
    typed = {"nonce": nonce, "email": alice.address, "code": app.code(ahead=1)}
    assert "/signin/totp" not in door.text
    assert browser.get("/signin/totp", headers=NAVIGATION).status_code == 404
    assert browser.post("/signin/totp", form=typed, headers=OWN_FORM).status_code == 404
    assert browser.get("/me").status_code == 401
