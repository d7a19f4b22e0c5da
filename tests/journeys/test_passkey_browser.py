"""The life of a passkey in a real browser, by the very lines of JavaScript that the README offers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page

from tests.browsers import Finger, needs_chromium
from tests.people import Person
from tests.server import ROOT, Server

pytestmark = needs_chromium

(RECIPE,) = re.findall(r"^```js\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
ASK = """email => fetch("/request/magic", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({email})
}).then(answer => answer.status)"""


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """Return a window that shows our front door."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(server.public_url)
    yield opened
    context.close()


def sign_in_by_mail(page: Page, alice: Person) -> None:
    """Ask for a letter in the window, open its link there and press the button."""
    assert page.evaluate(ASK, alice.address) == 200
    page.goto(alice.read_letter().link)
    page.get_by_role("button").click()
    page.wait_for_url("**/")
    know_the_recipe(page)


def know_the_recipe(page: Page) -> None:
    """Paste the README's lines into the page."""
    page.evaluate(f"() => {{ {RECIPE}\nObject.assign(window, {{call, addPasskey, signIn, removePasskey}}); }}")


def who(page: Page, tokens: dict[str, Any]) -> dict[str, Any]:
    """Return whom tokens belong to."""
    found: dict[str, Any] = page.evaluate("token => call('/me', undefined, token, 'GET')", tokens["access_token"])
    return found


def test_a_passkey_lives_in_a_browser(page: Page, alice: Person) -> None:
    """Added after a letter, used without an address, by name and by autofill, removed, and the browser forgets it (SEC-40 to SEC-48)."""
    finger = Finger(page)
    sign_in_by_mail(page, alice)
    added = page.evaluate("addPasskey(undefined, 'My finger')")["credential"]
    assert (added["name"], added["synced"]) == ("My finger", False)
    assert [it["userName"] for it in finger.passkeys] == [alice.address]

    page.context.clear_cookies()
    tokens = page.evaluate("signIn()")
    assert (who(page, tokens)["email"], who(page, tokens)["acr"]) == (alice.address, "phr")
    assert who(page, page.evaluate("email => signIn({}, email)", alice.address))["email"] == alice.address

    page.evaluate("""() => {
        document.body.innerHTML = '<form><input autocomplete="username webauthn"></form>';
        document.querySelector("input").focus();
    }""")
    tokens = page.evaluate("signIn({mediation: 'conditional'})")
    assert who(page, tokens)["amr"] == ["hwk", "user", "mfa"]
    assert finger.passkeys[0]["signCount"] > 1

    page.evaluate("([token, id]) => removePasskey(token, id)", [tokens["access_token"], added["id"]])
    assert finger.passkeys == []
    with pytest.raises(Error, match="NotAllowedError"):
        page.evaluate("signIn({signal: AbortSignal.timeout(20000)})")


def test_a_synchronised_passkey_lives_in_a_browser(page: Page, alice: Person) -> None:
    """It says that it may be copied, and the server takes it as often as it comes (SEC-43, SEC-45)."""
    Finger(page, defaultBackupEligibility=True, defaultBackupState=True)
    sign_in_by_mail(page, alice)
    assert page.evaluate("addPasskey()")["credential"]["synced"] is True
    page.context.clear_cookies()
    for _ in range(2):
        assert who(page, page.evaluate("signIn()"))["amr"] == ["swk", "user", "mfa"]


def test_a_browser_adds_no_second_passkey_to_one_device(page: Page, alice: Person) -> None:
    """Options name the passkeys that a person has; the browser stays signed in by cookie while it steps up (SEC-46, SEC-56)."""
    finger = Finger(page)
    sign_in_by_mail(page, alice)
    page.evaluate("addPasskey()")
    with pytest.raises(Error, match="insufficient_user_authentication"):
        page.evaluate("addPasskey()")
    page.evaluate("signIn()")
    assert page.evaluate("call('/me', undefined, undefined, 'GET')")["amr"] == ["email", "hwk", "user", "mfa"]
    with pytest.raises(Error, match="InvalidStateError"):
        page.evaluate("addPasskey()")
    assert len(finger.passkeys) == 1


def test_a_browser_lets_nobody_in_who_is_not_recognised(page: Page, alice: Person) -> None:
    """Without finger, face or PIN neither adding nor signing in gets anywhere (SEC-43)."""
    finger = Finger(page)
    sign_in_by_mail(page, alice)
    page.evaluate("addPasskey()")
    page.context.clear_cookies()
    finger.stop_verifying()
    with pytest.raises(Error, match=r"NotAllowedError|AbortError|TimeoutError"):
        page.evaluate("signIn({signal: AbortSignal.timeout(3000)})")
