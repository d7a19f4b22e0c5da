"""A real browser: windows that notice what goes wrong in them, and the finger of the person before them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page, Response, sync_playwright

from tests.people import Person
from tests.server import Server

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is missing: install the package chromium")

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
#: A policy that refuses something tells the page, and the page tells us.
_TELL = "document.addEventListener('securitypolicyviolation', it => console.error(`policy: ${it.violatedDirective} ${it.blockedURI}`))"
#: What Chromium itself says about every answer of 400 and more, a refused form's page among them.
_STATUS = "Failed to load resource: the server responded with a status of 4"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Return a browser without any history."""
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield opened
        opened.close()


class Finger:
    """The virtual authenticator of a window: it holds passkeys, and its person always agrees."""

    def __init__(self, page: Page, **facts: Any) -> None:
        """Plug it in."""
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        self._devtools.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        } | facts
        self._id = self._devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    @property
    def passkeys(self) -> list[dict[str, Any]]:
        """Return what it holds."""
        held: list[dict[str, Any]] = self._devtools.send("WebAuthn.getCredentials", {"authenticatorId": self._id})["credentials"]
        return held

    def stop_verifying(self) -> None:
        """Let nobody be recognised any more."""
        self._devtools.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": False})


class Window:
    """A window with a history of its own; `complaints` is what its console, its scripts and our policy said."""

    def __init__(self, browser: Browser, server: Server, **facts: Any) -> None:
        """Open it, empty; ``facts`` are Playwright's of a context: language, JavaScript, size."""
        self.server = server
        self.context: BrowserContext = browser.new_context(base_url=server.public_url, **facts)
        self.context.set_default_timeout(15_000)
        self.context.add_init_script(_TELL)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        #: Bytes of the newest page with all that it loaded.
        self.weight = 0
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._weigh)

    def __enter__(self) -> Self:
        """Stay open for the length of a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close, and fail if anything went wrong behind the page."""
        self.context.close()
        assert self.complaints == []

    def _hear(self, said: ConsoleMessage) -> None:
        is_page = said.text.startswith(_STATUS) and said.location["url"].partition("?")[0] == self.page.url.partition("?")[0]
        if said.type in {"error", "warning"} and not is_page:
            self.complaints.append(f"{said.text} ({said.location['url']})")

    def _weigh(self, answer: Response) -> None:
        if answer.request.is_navigation_request():
            self.weight = 0
        self.weight += int(answer.headers.get("content-length", 0))

    @property
    def path(self) -> str:
        """Return where the window is."""
        return self.page.url.removeprefix(self.server.public_url)

    @property
    def heading(self) -> str:
        """Return the page's heading."""
        return self.page.locator("h1").inner_text()

    def arrive(self, path: str) -> None:
        """Wait until the window is there, and nowhere else."""
        self.page.wait_for_url(self.server.public_url + path)

    def open(self, path: str) -> None:
        """Go to a page of ours."""
        self.page.goto(path)

    def press(self, label: str) -> None:
        """Press the button, or follow the link, of that label."""
        self.page.get_by_role("button", name=label, exact=True).or_(self.page.get_by_role("link", name=label, exact=True)).click()

    def unfold(self, label: str) -> None:
        """Press what only says what the button behind it does."""
        self.page.locator("summary").get_by_text(label, exact=True).click()

    def type(self, label: str, text: str) -> None:
        """Fill in the field of that label and press Enter."""
        self.page.get_by_label(label).fill(text)
        self.page.get_by_label(label).press("Enter")

    def sign_in(self, person: Person, path: str = "/account") -> None:
        """Sign somebody in by code, and arrive at ``path``."""
        self.open(f"/signin?return_to={path}")
        self.type("Email address", person.address)
        self.arrive("/signin/sent")
        self.type("Code from the email", person.read_sign_in_letter().code)
        self.arrive(path)
