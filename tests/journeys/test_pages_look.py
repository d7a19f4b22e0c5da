"""What every page is: readable by everybody, by keyboard and screen reader, in light and dark, on a narrow screen, and small."""

from collections.abc import Iterator
from importlib.resources import files
from uuid import UUID

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.browsers import Finger, Window, needs_chromium
from tests.journeys.test_admin_pages import administer
from tests.people import Person
from tests.server import Server
from tests.totp_app import App
from tests.web.passkey_holder import add, key_for

pytestmark = needs_chromium
SETTINGS = {"totp_mode": "both"}

WIDE = ViewportSize(width=1200, height=900)
NARROW = ViewportSize(width=360, height=740)
HEAVIEST = 60_000  # bytes, with everything that the page loads
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
#: What axe-core finds: all rules, or only those that depend on colours.
CHECK = """rules => axe.run(rules ? {runOnly: {type: "rule", values: rules}} : {}).then(found => found.violations.map(
    it => `${it.id}: ${it.nodes.map(node => node.target.join(" ")).join(", ")}`))"""
#: Everything that a mouse could use.
CONTROLS = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
    .filter(it => it.checkVisibility() && !it.disabled && it.type !== "hidden").length"""
#: A field for date and time has a stop for each of its parts: three of the day, three of the hour, the calendar.
PARTS = 7
#: Marks what has the focus now; null where it is nothing new, or where nobody would see it.
FOCUSED = """() => {
    const it = document.activeElement;
    if (it === document.body || it.dataset.seen) return null;
    it.dataset.seen = "yes";
    return getComputedStyle(it).outlineStyle !== "none";
}"""


class Looker:
    """Looks at page after page of a window, and keeps what is wrong."""

    def __init__(self, window: Window) -> None:
        """Begin with an empty list."""
        self.window, self.page = window, window.page
        self.faults: list[str] = []
        self.seen: list[str] = []

    def look(self, name: str) -> None:
        """Look at the page that the window shows, in both sizes and colours."""
        page = self.page
        self.seen.append(name)
        self._note(name, *([f"{self.window.weight} bytes"] if not 0 < self.window.weight < HEAVIEST else []))
        page.evaluate(AXE)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            self._note(f"{name}, {scheme}", *page.evaluate(CHECK, None if scheme == "light" else ["color-contrast"]))
        page.set_viewport_size(NARROW)
        self._note(f"{name}, narrow", *page.evaluate(CHECK, ["target-size", "scrollable-region-focusable", "meta-viewport"]))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self._note(name, "scrolls sideways")
        page.set_viewport_size(WIDE)
        self._walk(name)

    def _walk(self, name: str) -> None:
        page, wanted = self.page, self.page.evaluate(CONTROLS)
        page.evaluate("document.activeElement.blur()")
        stops = wanted + 3 + PARTS * page.locator("input[type^=date]").count()
        reached = [seen for _ in range(stops) if (seen := self._tab()) is not None]
        if len(reached) != wanted or not all(reached):
            self._note(name, f"{len(reached)} of {wanted} controls are reached by keyboard, {reached.count(False)} of them unseen")

    def _tab(self) -> bool | None:
        self.page.keyboard.press("Tab")
        found: bool | None = self.page.evaluate(FOCUSED)
        return found

    def _note(self, name: str, *faults: str) -> None:
        self.faults.extend(f"{name}: {fault}" for fault in faults)


@pytest.fixture
def looker(browser: Browser, server: Server) -> Iterator[Looker]:
    """Return somebody who looks, and wants to have found nothing."""
    with Window(browser, server, viewport=WIDE) as window:
        found = Looker(window)
        yield found
    assert found.faults == []


def test_pages_on_the_way_in_are_for_everybody(browser: Browser, looker: Looker, alice: Person) -> None:
    """From the front door to the letter and back, refusals included."""
    window = looker.window
    visit(looker, {"front door": "/", "sign-in": "/signin", "sign-in by app": "/signin/totp", "API": "/docs"})
    window.open("/signin")
    window.page.locator("form").first.evaluate("it => it.noValidate = true")
    window.type("Email address", "nobody")
    looker.look("no address")
    ask(window, alice)
    looker.look("waiting")
    window.type("Code from the email", "22222222")
    looker.look("wrong code")
    letter = alice.read_letter()
    with Window(browser, window.server, viewport=WIDE) as phone:
        reader = Looker(phone)
        phone.open(letter.link.removeprefix(phone.server.public_url))
        reader.look("link")
        phone.press("Sign in")
        reader.look("was it you")
        phone.type("Number in the waiting browser", "00")
        reader.look("wrong number")
    looker.faults += reader.faults
    expect(window.page.get_by_role("alert")).to_contain_text("This request is over")
    looker.look("over")
    visit(looker, {"not me": "/not-me?token=x"})
    window.press("This wasn't me")
    looker.look("refused")


def visit(looker: Looker, pages: dict[str, str]) -> None:
    """Look at pages that only have to be opened."""
    for name, path in pages.items():
        looker.window.open(path)
        looker.look(name)


def ask(window: Window, person: Person) -> None:
    """Ask for a letter and see the page that waits for it."""
    window.open("/signin")
    window.type("Email address", person.address)
    window.arrive("/signin/sent")
    expect(window.page.get_by_role("status")).to_have_text("The email is on its way.")


def test_pages_of_ones_own_are_for_everybody(browser: Browser, looker: Looker, alice: Person) -> None:
    """The account, bare and with everything it can have, and each page that changes it."""
    window = looker.window
    Finger(window.page)
    window.sign_in(alice)
    looker.look("account")
    window.press("Add a passkey")
    window.arrive("/account?said=passkey_added")
    window.press("Add an authenticator app")
    looker.look("confirm by passkey")
    window.press("Use a passkey")
    window.arrive("/account")
    window.press("Add an authenticator app")
    app = App.of({"secret": window.page.locator("details code").text_content() or ""})
    window.page.locator("summary").click()
    looker.look("new app")
    window.type("Type the six digits", app.wrong())
    looker.look("new app, wrong code")
    window.type("Type the six digits", app.code())
    assert window.path == "/account?said=totp_added"
    window.open("/account/confirm")
    looker.look("confirm")
    window.press("Back")
    window.press("Make recovery codes")
    looker.look("recovery codes")
    window.press("I have kept them")
    looker.look("account with everything")
    window.open("/account")
    for question in window.page.locator("summary").all():
        question.click()
    looker.look("account with every question asked")
    visit(looker, {"deletion": "/account/delete", "signed in": "/"})

    with Window(browser, window.server, viewport=WIDE) as phone:
        elsewhere = Looker(phone)
        second_step(elsewhere, alice, app)
    looker.faults += elsewhere.faults
    window.open(alice.told("passkey").link.removeprefix(window.server.public_url))
    window.press("This wasn't me")
    looker.look("taken back")


def test_pages_of_the_administration_are_for_everybody(looker: Looker, alice: Person) -> None:
    """Every tab, every question, every answer, with somebody who has everything."""
    window, server = looker.window, looker.window.server
    address = "somebody.with.a.rather.long.address.that.goes.on.and.on@subdomain.people.example"
    owner = Person(server, address)
    bob = owner.sign_in()
    assert add(bob, key_for(server)).status_code == 200
    administer(window, alice)
    bobs = f"/admin/people/{bob.get('/me').json()['sub']}"
    window.open(bobs)
    window.press("Disable")
    looker.look("confirm for the administration")
    window.press("Use a passkey")
    window.arrive(bobs)
    looker.look("person")
    window.press("Disable")
    looker.look("disabled person")
    window.press("Enable")
    window.open(owner.told("passkey").link.removeprefix(server.public_url))
    window.press("This wasn't me")
    window.open(bobs)
    looker.look("person under protection")
    window.open("/admin/invitations")
    window.type("Email address", "kate@invited.example")
    looker.look("invitations")
    window.page.get_by_label("Email address").fill(address)
    window.press("Invite")
    looker.look("invitation refused")
    window.open(f"/admin/selection?do=delete&id={server_id(server, alice)}")
    window.press("Delete for good")
    looker.look("selection refused")
    question = f"/admin/selection?id={bobs.rpartition('/')[2]}&do="
    visit(looker, {f"{it} asked": question + it for it in ("disable", "enable", "end_sessions", "delete")})
    visit(looker, {"nobody selected": "/admin/selection?do=delete", "nowhere": "/admin/nowhere"})
    visit(looker, {"overview": "/admin", "people": "/admin/people", "nobody": "/admin/people?q=%25", "all sessions": "/admin/sessions"})
    window.open("/admin")
    window.page.locator("summary").first.click()
    looker.look("overview, opened")


def server_id(server: Server, person: Person) -> UUID:
    """Return the id of somebody."""
    return UUID(server.sql("SELECT hex(id) FROM users WHERE email = ?", person.address)[0][0])


def second_step(looker: Looker, person: Person, app: App) -> None:
    """Sign in anew as somebody who owes the code of an app, and slip once."""
    window = looker.window
    ask(window, person)
    window.type("Code from the email", person.read_sign_in_letter().code)
    expect(window.page.locator("h1")).to_have_text("One more step")
    looker.look("second step")
    window.type("Six digits", app.wrong())
    expect(window.page.get_by_role("alert").first).to_be_visible()
    looker.look("second step, wrong code")
    window.type("Six digits", app.code(ahead=1))
    window.arrive("/")
    visit(looker, {"already signed in": "/signin"})
