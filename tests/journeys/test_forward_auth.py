"""An app behind a real proxy, as the recipe sets it up: who gets in, as whom, and who does not (SEC-97)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browsers import Window, needs_chromium
from tests.people import Person
from tests.proxies import PROXIES, needs_proxies, proxy
from tests.server import Server, free_port, running

pytestmark = [needs_chromium, needs_proxies]

FORGED = {f"{kind}{mark}{name}": "boss@ex.com" for kind in ("Remote", "REMOTE") for mark in "-_" for name in ("User", "Email", "Groups")}


@dataclass(frozen=True, slots=True)
class Site:
    """An app behind a proxy, and the server that the proxy asks."""

    server: Server
    app: str

    def program(self, path: str = "/", **headers: str) -> httpx.Response:
        """Ask as a program does, on a connection of its own."""
        _, _, place = self.app.partition("://")
        host, _, port = place.partition(":")
        return httpx.get(f"http://127.0.0.1:{port}{path}", headers={"host": f"{host}:{port}", **headers}, trust_env=False)


@pytest.fixture(scope="module", params=PROXIES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return an app behind each kind of proxy in turn."""
    folder, port, host = tmp_path_factory.mktemp(request.param), free_port(), "app.team.localhost"
    app = f"http://{host}:{port}"
    own = free_port()
    settings = {
        "server_port": str(own),
        "public_url": f"http://auth.team.localhost:{own}",
        "cookie_domain": "team.localhost",
        "allowed_redirects": app,
        "trusted_proxies": "127.0.0.1/32",
    }
    (folder / "server").mkdir()
    (folder / "proxy").mkdir()
    with running(folder / "server", settings) as server, proxy(request.param, folder / "proxy", host=host, port=port, ours=own):
        yield Site(server, app)


@pytest.fixture
def person(site: Site) -> Person:
    """Return somebody with a mailbox."""
    return Person(site.server)


@pytest.fixture
def window(browser: Browser, site: Site) -> Iterator[Window]:
    """Return a window in which nothing may go wrong."""
    with Window(browser, site.server) as opened:
        yield opened


def told(text: str) -> dict[str, str]:
    """Return what the app was told of its visitor; each name once."""
    pairs = json.loads(text)
    assert len({name.lower().replace("_", "-") for name, _ in pairs}) == len(pairs), pairs
    return {name.lower(): value for name, value in pairs}


def cookies(window: Window, site: Site) -> str:
    """Return what the browser sends to the app."""
    return "; ".join(f"{it.get('name')}={it.get('value')}" for it in window.context.cookies(site.app))


def enter(window: Window, site: Site, person: Person, path: str) -> dict[str, str]:
    """Go to the app, sign in on the way, come back; return what the app was told."""
    window.page.goto(site.app + path)
    window.page.wait_for_url(f"{site.server.public_url}/signin?**")
    window.type("Email address", person.address)
    window.arrive("/signin/sent")
    window.type("Code from the email", person.read_sign_in_letter().code)
    window.page.wait_for_url(site.app + path)
    return told(window.page.locator("pre").inner_text())


def test_a_visitor_signs_in_on_the_way_and_is_thrown_out_at_once(window: Window, site: Site, person: Person) -> None:
    """They come to the very page that they wanted; ended elsewhere, their next click leads to the sign-in (SEC-54)."""
    seen = enter(window, site, person, "/reports?year=2026&q=a%20b")
    assert seen["remote-email"] == person.address
    ((user_id, session_id),) = site.server.sql("SELECT hex(user_id), hex(id) FROM sessions ORDER BY created_at DESC LIMIT 1")
    assert [seen[f"remote-{name}"].replace("-", "").upper() for name in ("user", "session")] == [user_id, session_id]
    assert window.page.evaluate("document.cookie") == ""
    window.page.reload()
    assert told(window.page.locator("pre").inner_text()) == seen
    site.server.sql("UPDATE sessions SET ended_at = 1")
    window.page.goto(f"{site.app}/again")
    assert window.page.url.startswith(f"{site.server.public_url}/signin?return_to=")


def test_what_a_visitor_makes_up_never_reaches_the_app(window: Window, site: Site, person: Person) -> None:
    """Names of ours in whatever spelling, with a session and without."""
    seen = enter(window, site, person, "/")
    answer = site.program("/", cookie=cookies(window, site), **FORGED)
    assert answer.status_code == 200
    got = told(answer.text.partition("<pre>")[2].partition("</pre>")[0])
    assert {name: value for name, value in got.items() if value} == {name: value for name, value in seen.items() if value}
    assert site.program("/", **FORGED).status_code == 401


def test_who_is_not_signed_in_gets_nothing_of_the_app(site: Site) -> None:
    """A program is told 401, a browser where to sign in; nothing malformed slips through."""
    assert site.program("/", accept="application/json").status_code == 401
    page = site.program("/x", accept="text/html")
    assert (page.status_code, page.headers["location"].partition("?")[0]) == (302, f"{site.server.public_url}/signin")
    junk = ("__Secure-pwauth_visit=x", "__Secure-pwauth_visit=a; __Secure-pwauth_visit=b", ";;==", "%00")
    answers = [site.program("/", cookie=it) for it in junk]
    for answer in (*answers, site.program("/", authorization="Bearer x"), site.program("/%", cookie="a")):
        assert answer.status_code in {400, 401}
        assert "<pre>" not in answer.text
