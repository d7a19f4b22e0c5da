"""What administrators do on the pages, in a real browser: shut somebody out, choose several, invite, show their passkey in between."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browsers import Finger, Window, needs_chromium
from tests.people import Device, Person
from tests.server import Server

pytestmark = needs_chromium


def administer(window: Window, person: Person) -> None:
    """Let somebody sign in, add a passkey, and become an administrator on the host."""
    Finger(window.page)
    window.sign_in(person)
    window.press("Add a passkey")
    window.arrive("/account?said=passkey_added")
    window.server.command("admin", "grant", person.address)


@pytest.fixture
def boss(window: Window, alice: Person) -> Window:
    """Return the window of an administrator; it begins on the account page."""
    window.server.sql("UPDATE users SET roles = ''")
    administer(window, alice)
    window.page.reload()
    window.press("Administration")
    window.arrive("/admin")
    return window


@pytest.fixture
def bob(server: Server) -> Person:
    """Return somebody who is administered."""
    return Person(server)


def signed_in(server: Server, person: Person) -> bool:
    """Tell whether anybody is signed in as a person."""
    live = "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ? AND s.ended_at IS NULL"
    return server.sql(live, person.address) != [(0,)]


def test_who_is_disabled_is_out_with_the_next_click(browser: Browser, boss: Window, bob: Person) -> None:
    """Found, looked at, disabled after the passkey was shown, and let in again (SEC-09, SEC-90)."""
    with Window(browser, boss.server) as his:
        his.sign_in(bob)
        boss.press("People")
        boss.type("Address, name or id", bob.address)
        boss.press(bob.address)
        person = boss.path
        boss.press("Disable")
        assert boss.heading == "Is it you?"
        boss.press("Use a passkey")
        boss.arrive(person)
        boss.press("Disable")
        expect(boss.page.get_by_role("status")).to_have_text("Disabled. All sessions have ended.")
        his.page.reload()
        assert his.path == "/signin?return_to=/account"
        boss.press("Enable")
        expect(boss.page.get_by_role("status")).to_have_text("Enabled.")
        his.sign_in(bob)


def test_several_people_are_chosen_with_the_keyboard_alone(boss: Window, bob: Person, server: Server) -> None:
    """Space ticks, Enter presses, the page asks, and the passkey in between loses no choice (SEC-57)."""
    eve = Person(server, f"z{bob.address}")
    for person in (bob, eve):
        person.sign_in()
    boss.open(f"/admin/people?q={bob.address}")
    keyboard = boss.page.keyboard
    for person in (bob, eve):
        boss.page.get_by_role("checkbox", name=f"Select {person.address}").focus()
        keyboard.press("Space")
    for heading in ("End all sessions of 2 people?", "Is it you?"):
        boss.page.get_by_role("button", name="End sessions").focus()
        keyboard.press("Enter")
        expect(boss.page.locator("h1")).to_have_text(heading)
    boss.press("Use a passkey")
    expect(boss.page.locator("h1")).to_have_text("End all sessions of 2 people?")
    boss.page.get_by_role("button", name="End sessions").focus()
    keyboard.press("Enter")
    boss.arrive("/admin/people?said=end_sessions")
    assert not signed_in(server, bob)
    assert not signed_in(server, eve)


def test_the_last_administrator_cannot_leave_by_mistake(boss: Window, alice: Person) -> None:
    """The page names who stays and why, and leads back (SEC-91)."""
    boss.press("People")
    boss.page.get_by_role("checkbox", name=f"Select {alice.address}").check()
    boss.press("Delete")
    expect(boss.page.get_by_text("You are one of them.")).to_be_visible()
    boss.press("Delete for good")
    boss.press("Use a passkey")
    boss.press("Delete for good")
    expect(boss.page.get_by_text("This is the last administrator.")).to_be_visible()
    boss.press("Back to all people")
    boss.arrive("/admin/people")


def test_no_javascript_is_needed(browser: Browser, server: Server, alice: Person, bob: Person) -> None:
    """Without it everything works but the passkey itself, which was shown before."""
    bob.sign_in()
    with Window(browser, server, java_script_enabled=False) as window:
        window.sign_in(alice)
        server.sql("UPDATE users SET roles = ''")
        server.sql("UPDATE users SET roles = 'admin' WHERE email = ?", alice.address)
        server.sql("UPDATE sessions SET acr = 'phr', amr = 'hwk user mfa'")
        window.open("/admin/invitations")
        window.type("Email address", "kate@invited.example")
        expect(window.page.get_by_role("status")).to_have_text("Invited. The email is on its way.")
        window.press("People")
        window.type("Address, name or id", bob.address)
        window.press(bob.address)
        window.press("End all sessions")
        expect(window.page.get_by_role("heading", name="Nobody is signed in")).to_be_visible()
        window.press("Delete")
        window.press("Delete for good")
        window.arrive("/admin/people?said=delete")
    assert server.sql("SELECT count(*) FROM users WHERE email = ?", bob.address) == [(0,)]


def test_whoever_has_no_passkey_is_told_where_to_add_one(window: Window, alice: Person, bob: Person) -> None:
    """An administrator without one may look; the first change says what is missing (SEC-59, SEC-90)."""
    bob.sign_in()
    window.sign_in(alice)
    window.server.command("admin", "grant", alice.address)
    window.open(f"/admin/people?q={bob.address}")
    window.press(bob.address)
    window.press("Disable")
    expect(window.page.get_by_text("your account has none")).to_be_visible()
    window.page.get_by_role("main").get_by_role("link", name="My account").click()
    window.arrive("/account")


def test_nobody_else_is_shown_the_way(window: Window, alice: Person, device: Device) -> None:
    """The account page of everybody else has no link, and the address says no more than it must (SEC-90)."""
    window.server.command("key", "create", "--name", "reader", "--scope", "admin:read")
    window.sign_in(alice)
    assert window.page.get_by_role("link", name="Administration").count() == 0
    window.open("/admin")
    assert window.heading == "That did not work"
    assert device.get("/admin", headers={"accept": "text/html"}).status_code == 303
