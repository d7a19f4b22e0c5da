"""Forward authentication: who is let through to an app, as whom, and what never gets through (SEC-97)."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.people import NAVIGATION, OWN_FORM, Device, Person
from tests.server import Server
from tests.totp_app import App as Authenticator

APP = "https://app.corp.example"
SETTINGS = {
    "public_url": "https://auth.corp.example",
    "cookie_domain": "corp.example",
    "allowed_redirects": APP,
    "enrolment": "first_use",
}
NAMES = ("user", "email", "name", "groups", "session")
WAYS = ("/auth/forward", "/auth/nginx")
COOKIE, OWN = "__Secure-pwauth_visit", "__Host-pwauth_session"


def told(way: str, url: str = f"{APP}/page?x=1", method: str = "GET") -> dict[str, str]:
    """Return what a proxy tells of a request."""
    if way == "/auth/nginx":
        return {"x-original-url": url, "x-original-method": method}
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return {
        "x-forwarded-proto": scheme,
        "x-forwarded-host": host,
        "x-forwarded-uri": slash + path,
        "x-forwarded-method": method,
    }


def ask(device: Device, way: str, **headers: str) -> httpx.Response:
    """Ask as a proxy does, which sends on what the browser sent."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return device.ask("GET", way, headers=NAVIGATION | told(way) | given)


@pytest.fixture
def browser(alice: Person) -> Device:
    """Return a browser that is signed in by the page, with a cookie."""
    opened = alice.device()
    done = opened.press_button(opened.open_link(alice.link(opened).token), confirm_other_device="true")
    assert done.status_code == 303
    return opened


@pytest.mark.parametrize("way", WAYS)
def test_somebody_who_is_signed_in_is_let_through(way: str, browser: Device, alice: Person, server: Server) -> None:
    """By cookie or by bearer token, as the same person; all five headers are there, once each, even when they are empty."""
    phone = alice.sign_in()
    me = phone.get("/me").json()
    for answer in (ask(browser, way), phone.ask("GET", way, token=phone.tokens["access_token"], headers=told(way))):
        assert answer.status_code == 200
        assert all(len(answer.headers.get_list(f"remote-{name}")) == 1 for name in NAMES)
        assert (answer.headers["remote-user"], answer.headers["remote-email"]) == (me["sub"], alice.address)
        assert (answer.headers["remote-name"], answer.headers["remote-groups"], answer.text) == ("", "", "")
        assert answer.headers["cache-control"] == "no-store"
    server.sql("UPDATE users SET name = ?, roles = 'admin staff' WHERE email = ?", "Zoë Ann", alice.address)
    named = ask(browser, way).headers
    assert (named["remote-name"], named["remote-groups"]) == ("Zo%C3%AB Ann", "admin,staff")


@pytest.mark.parametrize("way", WAYS)
def test_what_a_client_sends_is_never_given_back(way: str, browser: Device, alice: Person) -> None:
    """Identity headers of a visitor's own are not looked at, whatever their spelling."""
    forged = {f"{kind}-{name}": "boss@corp.example" for kind in ("remote", "x-auth", "x_auth") for name in NAMES}
    answer = browser.ask("GET", way, headers=NAVIGATION | told(way) | forged)
    assert answer.headers["remote-email"] == alice.address
    assert "boss" not in str(answer.headers)
    assert "boss" not in str(alice.device().ask("GET", way, headers=told(way) | forged).headers)


def test_a_browser_is_led_to_the_sign_in_and_back(device: Device) -> None:
    """Caddy and Traefik hand our redirect on; nginx gets 401 with the same place beside it."""
    led, beside = ask(device, "/auth/forward"), ask(device, "/auth/nginx")
    assert (led.status_code, beside.status_code) == (302, 401)
    assert led.headers["location"] == beside.headers["location"]
    assert beside.json()["error"] == "unauthenticated"
    to = urlsplit(led.headers["location"])
    assert (f"{to.scheme}://{to.netloc}{to.path}", parse_qs(to.query)) == (
        "https://auth.corp.example/signin",
        {"return_to": [f"{APP}/page?x=1"]},
    )
    page = device.get(f"{to.path}?{to.query}", headers=NAVIGATION)
    assert f"{APP}/page?x=1" in page.text
    assert led.headers["cache-control"] == beside.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "headers",
    (
        {"accept": "application/json"},
        {"sec_fetch_mode": "cors"},
        {"x_forwarded_method": "POST", "x_original_method": "POST"},
    ),
)
def test_programs_are_refused_plainly(way: str, device: Device, headers: dict[str, str]) -> None:
    """A script must not read the sign-in page as its data."""
    answer = ask(device, way, **headers)
    assert (answer.status_code, "location" in answer.headers) == (401, False)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("way", "status"), (("/auth/forward", 302), ("/auth/nginx", 401)))
@pytest.mark.parametrize("place", ("https://evil.example/", None))
def test_no_foreign_place_is_led_back_to(way: str, status: int, place: str | None, device: Device) -> None:
    """The sign-in is shown to every browser; who comes from elsewhere, or behind a proxy that says nothing, stays there (SEC-94)."""
    answer = device.ask("GET", way, headers=NAVIGATION | (told(way, place) if place else {}))
    assert (answer.status_code, answer.headers["location"]) == (status, "https://auth.corp.example/signin")


def test_a_page_of_the_server_itself_is_led_back_to(device: Device) -> None:
    """Its origin needs no entry in allowed_redirects."""
    answer = device.ask("GET", "/auth/forward", headers=NAVIGATION | told("/auth/forward", "https://auth.corp.example/account"))
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {"return_to": ["https://auth.corp.example/account"]}


@pytest.mark.parametrize("way", WAYS)
def test_anything_malformed_is_refused(way: str, browser: Device, alice: Person) -> None:
    """Even from somebody who is signed in: what cannot be read lets nobody through (authentik CVE-2026-25748)."""
    url = "x-original-url" if way == "/auth/nginx" else "x-forwarded-uri"
    for value in ("", "http", "/\\", "https://a b/", "\\\\app.corp.example", "javascript:1", "https://app.corp.example\\@evil.example/"):
        assert browser.ask("GET", way, headers=told(way) | {url: value}).status_code == 401, value
    good = browser.cookies[COOKIE]
    token = alice.sign_in().tokens["access_token"]
    for cookie in (good[:-1], good + "x", good.upper(), "", "..", f"{good}; {COOKIE}={good}", "%00"):
        assert alice.device().ask("GET", way, headers={"cookie": f"{COOKIE}={cookie}"}).status_code == 401
    for header in ("Bearer", "Bearer x", f"Bearer {token}x", f"Token {token}", "Basic YTpi", f"Bearer {token} {token}"):
        assert browser.ask("GET", way, headers={"authorization": header}).status_code == 401
    sent = [("x-forwarded-host", "a"), *[("x-original-url", APP), ("x-forwarded-uri", "/")] * 2, ("authorization", f"Bearer {token}")]
    assert httpx.get(f"{browser.server.url}{way}", headers=sent).status_code == 401


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ("OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"))
def test_no_other_method_lets_anybody_through(way: str, method: str, browser: Device, device: Device) -> None:
    """A proxy that keeps the method of a preflight or a write must not take its answer for a yes."""
    assert browser.ask(method, way, headers=OWN_FORM).status_code >= 400
    assert device.ask(method, way, headers={"origin": APP, "access-control-request-method": "GET"}).status_code >= 400


@pytest.mark.parametrize("way", WAYS)
def test_who_is_thrown_out_is_out_at_the_next_request(way: str, browser: Device, alice: Person, server: Server) -> None:
    """Ended, disabled, deleted: each counts at once (SEC-09, SEC-54)."""
    phone = alice.sign_in()
    assert ask(browser, way).status_code == 200
    sid = ask(browser, way).headers["remote-session"]
    assert phone.ask("DELETE", f"/sessions/{sid}", token=phone.tokens["access_token"]).status_code == 204
    assert browser.ask("GET", way).status_code == 401
    assert phone.get(way).status_code == 200
    server.sql("UPDATE users SET disabled_at = 1 WHERE email = ?", alice.address)
    assert phone.get(way).status_code == 401
    server.sql("UPDATE users SET disabled_at = NULL WHERE email = ?", alice.address)
    assert phone.get(way).status_code == 200
    server.sql("DELETE FROM users WHERE email = ?", alice.address)
    assert phone.get(way).status_code == 401


@pytest.mark.parametrize("way", WAYS)
def test_who_has_proven_no_mailbox_is_nobody_to_the_apps(way: str, server: Server) -> None:
    """A stranger may hold an account of an address that is not theirs (SEC-07)."""
    stranger = Person(server)
    device = stranger.device()
    made = device.post("/totp/enroll", json={"email": stranger.address}).json()
    tokens = device.post("/totp/verify", json={"email": stranger.address, "code": Authenticator.of(made).code()}).json()
    answer = device.get(way, token=tokens["access_token"])
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("remote-")]


def test_what_the_apps_see_signs_nobody_in_here(browser: Device, alice: Person) -> None:
    """The cookie of the apps opens no account, the account's own never leaves this host, and neither stands in for the other."""
    visit, own = browser.cookies[COOKIE], browser.cookies[OWN]
    assert visit != own
    for cookie in (f"{COOKIE}={visit}", f"{OWN}={visit}", f"{COOKIE}={own}"):
        thief = alice.device(cookie=cookie)
        assert thief.get("/me").status_code == 401
        assert thief.get("/account", headers=NAVIGATION).status_code == 303
        assert thief.ask("GET", "/auth/forward").status_code == (200 if cookie == f"{COOKIE}={visit}" else 401)
    assert alice.device(cookie=f"{OWN}={own}").ask("GET", "/auth/forward").status_code == 401


def test_the_cookie_reaches_the_apps_and_no_further(browser: Device) -> None:
    """It is shared below the domain, still out of reach of scripts, and signing out takes it away with the same domain."""
    out = browser.post("/logout", headers={"origin": "https://auth.corp.example", "sec-fetch-site": "same-origin"})
    lines = out.headers.get_list("set-cookie")
    assert f"{COOKIE}=; Max-Age=0; Path=/; Domain=corp.example; Secure; HttpOnly; SameSite=Lax" in lines
    assert f"{OWN}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax" in lines
    assert ask(browser, "/auth/nginx").status_code == 401
