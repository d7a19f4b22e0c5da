"""What people do on the pages, in a real browser: sign in here and elsewhere, look after their account, leave."""

from base64 import b64encode
from urllib.parse import parse_qs, urlsplit

import pytest
import zxingcpp
from playwright.sync_api import Browser, expect

from tests.browsers import Finger, Window, needs_chromium
from tests.people import Person
from tests.server import Server
from tests.totp_app import App

pytestmark = needs_chromium

#: Draws a picture and returns how bright each point is, row by row.
LOOK = """async source => {
    const picture = new Image();
    picture.src = source;
    await picture.decode();
    const canvas = new OffscreenCanvas(picture.width, picture.height), pen = canvas.getContext("2d");
    pen.drawImage(picture, 0, 0);
    const points = pen.getImageData(0, 0, picture.width, picture.height).data;
    return [picture.width, picture.height, [...points].filter((_, at) => at % 4 === 1)];
}"""


def ask(window: Window, person: Person, path: str = "/account") -> str:
    """Ask for a letter in a window; return the two digits that it shows while it waits."""
    window.open(f"/signin?return_to={path}")
    window.type("Email address", person.address)
    window.arrive("/signin/sent")
    return window.page.locator(".number").inner_text()


def open_letter(window: Window, person: Person) -> None:
    """Open the newest link in a window and press the page's button."""
    window.open(person.read_letter().link.removeprefix(window.server.public_url))
    window.press("Sign in")


def age(server: Server, person: Person) -> None:
    """Let all sign-ins of a person be of yesterday."""
    server.sql("UPDATE sessions SET auth_time = auth_time - 86400 WHERE user_id = (SELECT id FROM users WHERE email = ?)", person.address)


def test_somebody_signs_in_by_code_with_the_keyboard_alone(window: Window, alice: Person) -> None:
    """The field has the focus, Enter sends it, the page tells what became of the letter and takes its code (SEC-94)."""
    window.open("/signin?return_to=/account")
    window.page.keyboard.type(alice.address)
    window.page.keyboard.press("Enter")
    window.arrive("/signin/sent")
    expect(window.page.get_by_role("status")).to_have_text("The email should be in your mailbox by now.")
    window.page.keyboard.type(alice.read_sign_in_letter().code.lower())
    window.page.keyboard.press("Enter")
    window.arrive("/account")
    assert window.page.locator("h2").first.inner_text() == alice.address


def test_a_phone_lets_the_waiting_browser_in(browser: Browser, server: Server, window: Window, alice: Person) -> None:
    """Its reader types the number that the waiting browser shows, and that browser goes on by itself (SEC-17)."""
    number = ask(window, alice)
    with Window(browser, server, viewport={"width": 360, "height": 740}) as phone:
        open_letter(phone, alice)
        assert phone.heading == "Was this you?"
        phone.type("Number in the waiting browser", number)
        expect(phone.page.locator("h1")).to_have_text("The other browser is signed in")
        window.arrive("/account")
        phone.open("/account")
        assert phone.path.startswith("/signin")


def test_a_wrong_number_lets_nobody_in(browser: Browser, server: Server, window: Window, alice: Person) -> None:
    """The request is over on both devices, and the waiting page says so by itself (SEC-17)."""
    number = ask(window, alice)
    with Window(browser, server) as phone:
        open_letter(phone, alice)
        phone.type("Number in the waiting browser", str((int(number) - 9) % 90 + 10))
        expect(phone.page.locator("h1")).to_have_text("That was not the number")
    expect(window.page.get_by_role("alert")).to_have_text("This request is over. Ask for a new email.")


def test_a_phone_signs_itself_in_instead(browser: Browser, server: Server, window: Window, alice: Person) -> None:
    """The other button brings the person who reads the letter to where the request wanted to go (SEC-17)."""
    ask(window, alice)
    with Window(browser, server) as phone:
        open_letter(phone, alice)
        phone.press("Sign me in here")
        phone.arrive("/account")
    expect(window.page.get_by_role("alert")).to_have_text("This request is over. Ask for a new email.")


def test_a_passkey_is_added_offered_and_used_to_step_up(server: Server, window: Window, alice: Person) -> None:
    """Added on the account page, taken from the address field's autofill, asked for where a change wants it (SEC-40, SEC-57)."""
    finger = Finger(window.page)
    window.sign_in(alice)
    window.press("Add a passkey")
    expect(window.page.get_by_role("status")).to_contain_text("The passkey was added")
    window.press("Sign out")
    window.arrive("/")
    window.open("/signin?return_to=/account")
    window.arrive("/account")

    age(server, alice)
    window.press("Add a passkey")
    window.arrive("/account/confirm?return_to=/account")
    assert [said for said in window.complaints if "status of 401" not in said] == []
    window.complaints.clear()
    window.press("Use a passkey")
    window.arrive("/account")
    window.unfold("Remove")
    expect(window.page.get_by_text("will no longer sign you in")).to_be_visible()
    window.press("Remove")
    expect(window.page.get_by_role("status")).to_have_text("Removed.")
    expect(window.page.get_by_role("button", name="Remove")).to_have_count(0)
    window.page.wait_for_load_state("networkidle")
    assert finger.passkeys == []


def test_an_app_is_added_by_its_picture(browser: Browser, window: Window, alice: Person) -> None:
    """A camera reads it on a dark page too; a slip is told on the page, and the next code signs in (SEC-02, SEC-35)."""
    window.page.emulate_media(color_scheme="dark")
    window.sign_in(alice)
    window.press("Add an authenticator app")
    app = scanned(browser, window)
    window.type("Type the six digits", app.wrong())
    expect(window.page.get_by_role("alert")).to_contain_text("That was not the code")
    window.type("Type the six digits", app.code())
    expect(window.page.get_by_role("status")).to_have_text("The authenticator app was added.")
    window.press("Sign out")
    window.open("/signin")
    window.press("Use the code of an authenticator app")
    window.page.get_by_label("Email address").fill(alice.address)
    window.type("Six digits", app.code(ahead=1))
    window.arrive("/")
    assert window.heading == f"You are signed in as {alice.address}"


def scanned(browser: Browser, window: Window) -> App:
    """Point a camera at the window; return an app that holds what it saw."""
    picture = b64encode(window.page.locator(".qr").screenshot()).decode()
    with Window(browser, window.server) as camera:
        width, height, points = camera.page.evaluate(LOOK, f"data:image/png;base64,{picture}")
    (found,) = zxingcpp.read_barcodes(memoryview(bytes(points)).cast("B", (height, width)))
    return App.of({"secret": parse_qs(urlsplit(found.text).query)["secret"][0]})


def test_a_recovery_code_proves_who_one_is(server: Server, window: Window, alice: Person) -> None:
    """Shown once and kept; a day later one of them opens what the mailbox alone no longer does (SEC-57, SEC-58)."""
    window.sign_in(alice)
    window.press("Make recovery codes")
    expect(window.page.locator("#codes li")).to_have_count(10)
    code = window.page.locator("#codes li").first.inner_text()
    with window.page.expect_download() as kept:
        window.press("Download")
    assert code in kept.value.path().read_text()
    window.press("I have kept them")
    age(server, alice)
    window.unfold("Make new ones")
    expect(window.page.get_by_text("The codes that you have stop counting at once.")).to_be_visible()
    window.press("Make new ones")
    assert window.heading == "Is it you?"
    window.type("One of your recovery codes", "no such code")
    expect(window.page.get_by_role("alert")).to_be_visible()
    window.type("One of your recovery codes", code)
    window.arrive("/account")
    expect(window.page.get_by_text("9 codes are left.")).to_be_visible()


def test_a_session_is_ended_elsewhere(browser: Browser, server: Server, window: Window, alice: Person) -> None:
    """The other browser is signed out with its next click, and led to the sign-in (SEC-54)."""
    with Window(browser, server) as phone:
        phone.sign_in(alice)
        window.sign_in(alice)
        window.page.locator("li", has_not_text="this browser").get_by_role("button", name="End", exact=True).click()
        expect(window.page.get_by_role("status")).to_have_text("Ended.")
        phone.page.reload()
        assert phone.path == "/signin?return_to=/account"


def test_a_german_reads_german(browser: Browser, server: Server, alice: Person) -> None:
    """From the sign-in to the account's last event."""
    with Window(browser, server, locale="de-DE") as window:
        window.open("/signin")
        window.type("E-Mail-Adresse", alice.address)
        window.type("Code aus der E-Mail", alice.read_sign_in_letter().code)
        expect(window.page.locator("h1")).to_have_text(f"Sie sind als {alice.address} angemeldet")
        window.press("Mein Konto")
        expect(window.page.get_by_role("cell", name="Das Konto wurde angelegt")).to_be_visible()


def test_an_account_is_deleted(window: Window, alice: Person) -> None:
    """Asked once more, then gone for good: the browser is signed out, and the address is a stranger's."""
    window.sign_in(alice)
    window.press("Delete my account")
    window.press("Delete for good")
    window.arrive("/")
    assert window.heading == "You are not signed in"
    assert window.server.sql("SELECT count(*) FROM users WHERE email = ?", alice.address) == [(0,)]


@pytest.mark.parametrize("way", ("code", "link"))
def test_no_javascript_is_needed(browser: Browser, server: Server, alice: Person, way: str) -> None:
    """Without it one signs in, ends a session, and leaves; only passkeys are not offered."""
    with Window(browser, server, java_script_enabled=False) as window:
        if way == "code":
            window.sign_in(alice)
        else:
            ask(window, alice)
            open_letter(window, alice)
        expect(window.page.locator("noscript p")).to_have_text("Passkeys need JavaScript.")
        assert window.page.get_by_role("button", name="Add a passkey").count() == 0
        if way == "code":
            window.press("End")
            assert window.path.startswith("/signin")
        else:
            window.press("Sign out")
            assert window.heading == "You are not signed in"
