"""The stricter choices: links bound to their browser, never used up by GET, one domain, one app, https outside."""

from itertools import count

import httpx
import pytest

from tests.people import NAVIGATION, OWN_FORM, Device, Person, without_id
from tests.server import Server

_numbers = count(1)
APP = "https://app.corp.example"
SETTINGS = {
    "public_url": "https://auth.corp.example",
    "magic_link_binding": "strict",
    "magic_link_get": "interstitial",
    "signup": "domains",
    "signup_domains": "corp.example,Other.Example",
    "allowed_redirects": APP,
    "cors_allowed_origins": APP,
    "metrics_token": "a-token-for-the-scraper-of-this-test",
}


@pytest.fixture
def alice(server: Server) -> Person:
    """Return somebody of an allowed domain."""
    return Person(server, f"person{next(_numbers)}@corp.example")


def test_a_code_works_only_where_it_was_asked_for(alice: Person) -> None:
    """Its letter is all that somebody else has, and the request's id stands in the link: neither is enough (SEC-17)."""
    laptop = alice.device()
    request_id = alice.request(laptop)
    code = alice.read_letter().code
    refused = alice.device().verify_code(request_id, code)
    assert (refused.status_code, refused.json()["error"]) == (403, "different_browser")
    assert laptop.verify_code(request_id, code).status_code == 200


def test_a_link_works_only_where_it_was_asked_for(alice: Person) -> None:
    """Another browser is refused even with the flag, nothing is spent, and the asking one signs in (SEC-17)."""
    laptop, phone = alice.device(), alice.device()
    token = alice.link(laptop).token
    for body in ({}, {"confirm_other_device": True}):
        refused = phone.verify(token, **body)
        assert (refused.status_code, refused.json()["error"]) == (403, "different_browser")
        assert "asked_from" not in refused.json()
    phone.cookies["__Host-pwauth_request"] = "A" * 43
    assert phone.verify(token, confirm_other_device=True).status_code == 403
    assert laptop.verify(token).status_code == 200


def test_get_always_shows_the_page(alice: Person) -> None:
    """With ``interstitial`` no GET uses a link up, with or without cookie (SEC-12, contract section 6)."""
    laptop = alice.device()
    token = alice.link(laptop).token
    for headers in (NAVIGATION, {"accept": "application/json"}, {"accept": "*/*"}):
        answer = laptop.get(f"/verify/magic?token={token}", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "access_token" not in answer.text
    assert laptop.verify(token).status_code == 200


def test_only_exact_domains_may_sign_up(server: Server) -> None:
    """Everybody gets the same answer, and only the right domain gets a letter (SEC-08)."""
    answers = []
    for address in ("a@corp.example.evil.example", "a@evilcorp.example", "a@sub.corp.example", "a@CORP.EXAMPLE", "a@other.example"):
        answer = Device(server).post("/request/magic", json={"email": address})
        headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "set-cookie"}}
        answers.append((answer.status_code, headers, len(answer.content)))
    assert all(answer == answers[0] for answer in answers)
    assert Device(server).post("/request/magic", json={"email": "a@corp.example@evil.example"}).status_code == 400
    server.mail.wait_for("a@corp.example")
    server.mail.wait_for("a@other.example")
    recipients = {letter.recipients[0] for letter in server.mail.letters}
    assert all(address.endswith(("@corp.example", "@other.example")) for address in recipients)
    assert "a@sub.corp.example" not in recipients


def test_a_sign_in_may_end_at_an_allowed_app(alice: Person) -> None:
    """The browser may follow the redirect: form-action names the app as well (SEC-94)."""
    browser = alice.device()
    answer = browser.post("/request/magic", json={"email": alice.address, "return_to": f"{APP}/inbox?x=1"})
    assert answer.status_code == 200
    page = browser.open_link(alice.read_letter().token)
    assert f"form-action 'self' {APP};" in page.headers["content-security-policy"]
    done = browser.press_button(page, headers={**OWN_FORM, "origin": "https://auth.corp.example"})
    assert (done.status_code, done.headers["location"]) == (303, f"{APP}/inbox?x=1")


@pytest.mark.parametrize(
    "target",
    (
        f"{APP}.evil.example",
        f"{APP}@evil.example",
        f"{APP}:444/",
        "http://app.corp.example/",
        "https://APP.corp.example/",
        f"{APP}\\@evil.example",
        f"{APP}%2f@evil.example",
    ),
)
def test_a_sign_in_ends_nowhere_else(alice: Person, target: str) -> None:
    """An entry is a whole origin, compared as text (SEC-94)."""
    assert alice.device().post("/request/magic", json={"email": alice.address, "return_to": target}).status_code == 400


def test_https_is_said_to_browsers(device: Device) -> None:
    """HSTS goes out as soon as the public address is https, and links carry it (SEC-14, SEC-95)."""
    for path in ("/health", "/nowhere", "/verify/magic?token=x", "/me"):
        assert device.get(path, headers=NAVIGATION).headers["strict-transport-security"].startswith("max-age=")


def test_the_configured_name_stays_in_links_and_tokens(server: Server, alice: Person) -> None:
    """Whatever Host the proxy sends (SEC-14)."""
    laptop = alice.device(host="internal.example:8080")
    letter = alice.link(laptop)
    assert letter.link == f"https://auth.corp.example/verify/magic?token={letter.token}"
    assert laptop.verify(letter.token).status_code == 200


def preflight(device: Device, origin: str, *, path: str = "/me", method: str = "GET", headers: str = "authorization") -> httpx.Response:
    """Ask whether a script may call."""
    wishes = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}
    return device.ask("OPTIONS", path, headers=wishes)


def test_an_allowed_app_may_call(device: Device) -> None:
    """The exact origin gets its own name back, and never credentials (SEC-93)."""
    for answer in (
        preflight(device, APP),
        device.get("/me", headers={"origin": APP}),
        device.post("/token/refresh", headers={"origin": APP}),
    ):
        assert answer.headers["access-control-allow-origin"] == APP
        assert "access-control-allow-credentials" not in answer.headers
        assert "origin" in answer.headers["vary"].lower()
    allowed = preflight(device, APP, method="PATCH", headers="Authorization, Content-Type").headers
    assert "PATCH" in allowed["access-control-allow-methods"]
    assert "authorization" in allowed["access-control-allow-headers"]


@pytest.mark.parametrize(
    "origin",
    (
        "https://app.corp.example.evil.example",
        "https://evil-app.corp.example",
        "null",
        "http://app.corp.example",
        f"{APP}:444",
        f"{APP}/",
        "https://APP.corp.example",
        "*",
        "x",
    ),
)
def test_no_other_origin_may_call(device: Device, origin: str) -> None:
    """Look-alikes, other schemes and ports get nothing, and caches are told (SEC-93)."""
    for answer in (preflight(device, origin), device.get("/me", headers={"origin": origin})):
        assert "access-control-allow-origin" not in answer.headers
        assert "origin" in answer.headers["vary"].lower()


def test_a_preflight_for_more_than_we_allow_gets_nothing(device: Device) -> None:
    """Unknown headers and methods, and routes that are no API of apps (SEC-93)."""
    refused = [preflight(device, APP, headers="x-evil"), preflight(device, APP, method="PUT"), preflight(device, APP, method="TRACE")]
    refused += [preflight(device, APP, path=path) for path in ("/metrics", "/token/introspect", "/docs")]
    for answer in refused:
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-headers" not in answer.headers


def test_metrics_want_their_token(device: Device) -> None:
    """With a token set the address does not matter, a wrong or missing token is 401 (SEC-74)."""
    assert device.get("/metrics", token=SETTINGS["metrics_token"]).status_code == 200
    for token in (None, "", "x", SETTINGS["metrics_token"] + "x", SETTINGS["metrics_token"][:-1]):
        refused = device.ask("GET", "/metrics", token=token or None)
        assert refused.status_code == 401
    assert without_id(device.get("/metrics"))[2]["error"] == "unauthenticated"
