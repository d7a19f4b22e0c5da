"""What administrators watch, in a real browser: a dead letter, the last hour, events as a table, every page for everybody."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from tests.browsers import Finger, Window, needs_chromium
from tests.journeys.test_pages import age
from tests.journeys.test_pages_look import Looker, looker, visit
from tests.people import Device, Person
from tests.server import Server
from tests.web.admin import become

__all__ = ["looker"]

pytestmark = needs_chromium
BOSS = "boss@people.example"
SETTINGS = {"admin_emails": BOSS}


@pytest.fixture
def boss(server: Server) -> Iterator[Person]:
    """Return the administrator; their account goes with the test."""
    yield Person(server, BOSS)
    server.sql("DELETE FROM users WHERE email = ?", BOSS)
    server.mail.letters.clear()


@pytest.fixture
def dead(server: Server, alice: Person) -> Iterator[Person]:
    """Return somebody whose letter the mail server has refused."""
    server.mail.refused.add(alice.address)
    alice.request(Device(server))
    yield alice
    server.mail.refused.clear()


def enter(window: Window, boss: Person) -> Finger:
    """Sign the administrator in, with a passkey that they have just added."""
    finger = Finger(window.page)
    window.sign_in(boss)
    window.press("Add a passkey")
    window.arrive("/account?said=passkey_added")
    window.open("/signin?return_to=/admin")
    window.arrive("/admin")
    return finger


def test_a_dead_letter_is_tried_again_with_a_passkey(server: Server, window: Window, boss: Person, dead: Person) -> None:
    """The page says why it died; who has not shown a passkey lately shows it, comes back, and the letter arrives (SEC-57, SEC-84)."""
    enter(window, boss)
    age(server, boss)
    window.open("/admin/mail?status=failed")
    row = window.page.get_by_role("listitem").filter(has_text=dead.address)
    expect(row).to_contain_text("the mail server said 550")
    row.get_by_role("button").click()
    window.press("Use a passkey")
    window.arrive("/admin/mail")
    server.mail.refused.clear()
    window.page.get_by_label("State").select_option("could not be delivered")
    window.press("Show")
    row.get_by_role("button").focus()
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("status")).to_have_text("The email is tried again now.")
    assert dead.read_letter().link


def test_the_last_hour_stays_fresh(server: Server, window: Window, boss: Person) -> None:
    """Numbers rise by themselves, and what somebody has opened stays open and keeps the focus."""
    enter(window, boss)
    window.page.clock.install()
    window.open("/admin")
    row = window.page.get_by_role("row").filter(has=window.page.get_by_role("rowheader", name="Link", exact=True))
    before = int(row.get_by_role("cell").first.inner_text())
    summary = window.page.get_by_text("Minute by minute")
    summary.focus()
    window.page.keyboard.press("Enter")
    Person(server).sign_in()
    window.page.clock.run_for(5_000)
    expect(row.get_by_role("cell").first).to_have_text(str(before + 1))
    expect(summary).to_be_focused()
    expect(window.page.locator("[data-live=minutes] tr").first).to_be_visible()
    server.sql("DELETE FROM sessions")
    window.page.clock.run_for(10_000)
    assert window.path == "/admin"
    window.complaints.clear()  # the browser tells of the answer to whoever is signed out


def test_events_are_taken_home_as_a_table(window: Window, boss: Person, alice: Person) -> None:
    """What the page shows is what the file holds."""
    alice.sign_in()
    enter(window, boss)
    window.press("Events")
    window.page.get_by_label("What").select_option("Signed in")
    window.type("Person", alice.address)
    expect(window.page.locator("tbody tr")).to_have_count(1)
    with window.page.expect_download() as download:
        window.press("Export as CSV")
    assert download.value.suggested_filename == "audit.csv"
    head, line = download.value.path().read_text().splitlines()
    assert (head.startswith('"id"'), alice.address in line) == (True, True)


def test_without_scripts_everything_works(browser: Browser, server: Server, dead: Person) -> None:
    """Filters, the second try and the test letter are forms; numbers are as new as the page."""
    person = Person(server)
    with Window(browser, server, java_script_enabled=False) as window:
        window.sign_in(person)
        become(server, person.device(), acr="phr", amr="hwk user mfa", address=person.address)
        window.open("/admin")
        expect(window.page.get_by_role("img", name="Sign-ins")).to_be_visible()
        window.press("Emails")
        window.type("Recipient", dead.address)
        window.page.get_by_role("button", name=f"Try again: Sign-in to {dead.address}").click()
        expect(window.page.get_by_role("status")).to_have_text("The email is tried again now.")
        window.type("Email address", person.address)
        expect(window.page.get_by_role("status")).to_have_text("The test email is on its way.")
        person.told("test")
        window.press("Doctor")
        expect(window.page.get_by_role("heading", name="To look at")).to_be_visible()


def test_pages_that_watch_are_for_everybody(server: Server, looker: Looker, boss: Person, dead: Person) -> None:
    """Each with something on it and with nothing, and with what may go wrong."""
    window = looker.window
    enter(window, boss)
    for _ in range(3):
        Device(server).verify("x")
    values = (uuid4().bytes, b"h" * 32, b"c" * 32, time.time() + 300)
    visit(looker, {"nothing under way": "/admin/ceremonies?offset=50"})
    server.sql(
        "INSERT INTO challenges (id, purpose, secret_hash, challenge, is_named, amr, expires_at)"
        " VALUES (?, 'passkey_sign_in', ?, ?, 0, '', ?)",
        *values,
    )
    pages = {"emails": "/admin/mail", "no emails": "/admin/mail?to=nobody", "events": "/admin/events", "under way": "/admin/ceremonies"}
    visit(looker, {**pages, "nobody's events": f"/admin/events?person={uuid4()}x", "doctor": "/admin/doctor"})
    window.open("/admin")
    window.page.get_by_text("Minute by minute").click()
    looker.look("the last hour")
    window.open("/admin/mail")
    window.page.locator("form").last.evaluate("it => it.noValidate = true")
    window.type("Email address", "nobody")
    looker.look("no address for a test")
