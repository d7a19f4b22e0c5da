"""People of the stories that tests tell: a mailbox, and devices that ask, read and sign in."""

import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any
from urllib.parse import quote

import httpx

from tests import described
from tests.server import Letter, Server

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
#: What a browser says when a person follows a link.
NAVIGATION = {
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "sec-fetch-site": "none",
    "user-agent": FIREFOX,
}
#: What it says when our own page sends a form.
OWN_FORM = {**NAVIGATION, "sec-fetch-site": "same-origin", "origin": "null"}

_numbers = count(1)
_NO_TLS = SSLContext(PROTOCOL_TLS_CLIENT)


@dataclass(slots=True)
class Device:
    """A browser or app: keeps its cookies, as Secure ones too, and the tokens of its session."""

    server: Server
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: dict[str, str] | None = None,
        body: bytes | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request with this device's cookies; ``token`` goes into Authorization."""
        sent = {**self.headers, **(headers or {})}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        if self.cookies:
            sent.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        # A connection of its own for each request; httpx would build a TLS context for each as well.
        with httpx.Client(base_url=self.server.url, timeout=15, trust_env=False, verify=_NO_TLS) as client:
            answer = client.request(method, path, json=json, data=form, content=body, headers=sent)
        self._keep_cookies(answer)
        described.check(answer)
        return answer

    def _keep_cookies(self, answer: httpx.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "max-age=0" in line.lower():
                del self.cookies[name]

    def get(self, path: str, **rest: Any) -> httpx.Response:
        """GET with this device's access token, if it has one and no other is given."""
        rest.setdefault("token", self.tokens.get("access_token"))
        return self.ask("GET", path, **rest)

    def post(self, path: str, **rest: Any) -> httpx.Response:
        """POST without access token, unless one is given."""
        return self.ask("POST", path, **rest)

    def verify(self, token: str, **body: Any) -> httpx.Response:
        """Use a link up as a JSON client."""
        return self.post("/verify/magic", json={"token": token, **body})

    def verify_code(self, request_id: str, code: str) -> httpx.Response:
        """Enter a code."""
        return self.post("/verify/magic/code", json={"request_id": request_id, "code": code})

    def open_link(self, token: str) -> httpx.Response:
        """Open a link as a person does: by following it."""
        return self.get(f"/verify/magic?token={quote(token)}", headers=NAVIGATION)

    def press_button(self, page: httpx.Response, headers: dict[str, str] | None = None, **changes: str) -> httpx.Response:
        """Send the form of a page, as a browser does that was told to send no referrer."""
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        return self.post("/verify/magic", form=fields | changes, headers=headers or OWN_FORM)

    def refresh(self, refresh_token: str | None = None) -> httpx.Response:
        """Exchange a refresh token (default: this device's own) and keep what comes back for the own one."""
        answer = self.post("/token/refresh", json={"refresh_token": refresh_token or self.tokens["refresh_token"]})
        if refresh_token is None and answer.status_code == httpx.codes.OK:
            self.tokens = answer.json()
        return answer


class Person:
    """Somebody with a mailbox and any number of devices."""

    def __init__(self, server: Server, address: str | None = None) -> None:
        """Live at ``address``; nobody has used the default before."""
        self.server = server
        self.address = address or f"person{next(_numbers)}@people.example"
        self._read = 0

    def device(self, **headers: str) -> Device:
        """Return a new device that always sends ``headers``; underscores stand for dashes."""
        return Device(self.server, {name.replace("_", "-"): value for name, value in headers.items()})

    def request(self, device: Device, address: str | None = None) -> str:
        """Ask for a letter; return the request's id."""
        answer = device.post("/request/magic", json={"email": address or self.address})
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["request_id"])

    def read_letter(self) -> Letter:
        """Return the next letter as soon as it arrives."""
        self._read += 1
        return self.server.mail.wait_for(self.address, self._read)

    def link(self, device: Device) -> Letter:
        """Ask for a letter and return it."""
        self.request(device)
        return self.read_sign_in_letter()

    def read_sign_in_letter(self) -> Letter:
        """Return the next letter that signs in, as soon as it arrives; notices that came before it are laid aside."""
        while not str((letter := self.read_letter()).message["subject"]).startswith("Sign in"):
            pass
        return letter

    def told(self, words: str) -> Letter:
        """Return the newest letter that holds ``words``, as soon as there is one."""
        return self.server.mail.wait_for_words(self.address, words)

    def sign_in(self, device: Device | None = None) -> Device:
        """Sign a device in by link; return it."""
        device = device or self.device()
        answer = device.verify(self.link(device).token)
        assert answer.status_code == httpx.codes.OK, answer.text
        device.tokens = answer.json()
        return device


def at_once(*calls: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Make all calls in parallel; return the answers in order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def statuses(answers: Sequence[httpx.Response]) -> list[int]:
    """Return the sorted status codes."""
    return sorted(answer.status_code for answer in answers)


def without_id(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """Return everything of an answer that must not tell one refusal from another."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "content-length"}}
    content = json.loads(answer.content)
    content.pop("request_id", None)
    return answer.status_code, headers, content
