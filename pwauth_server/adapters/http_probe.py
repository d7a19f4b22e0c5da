"""One GET at an address of our own, as somebody outside would send it."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from pwauth_server.adapters.aside import aside

PATIENCE = 5.0
_LONGEST = 4_194_304
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "its certificate is not valid"),
    (socket.gaierror, "its name is unknown"),
    (ConnectionRefusedError, "nothing listens there"),
    (TimeoutError, "no answer in time"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """What came back; ``problem`` says in words why nothing did."""

    status: int = 0
    text: str = ""
    #: The `Date` of the answer in Unix seconds.
    date: float | None = None
    problem: str = ""


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Take a redirection for the answer that it is."""


async def fetch(url: str, headers: Mapping[str, str] | None = None) -> Page:
    """GET an http(s) URL in a thread, past any proxy of the environment, following nothing."""
    return await aside(lambda: _fetch(Request(url, headers=dict(headers or {}))))  # noqa: S310 - public_url is http(s), as checked


def _fetch(request: Request) -> Page:
    try:
        with build_opener(ProxyHandler({}), _Stay()).open(request, timeout=PATIENCE) as answer:
            return _page(answer.status, answer.headers.get("date"), answer.read(_LONGEST))
    except HTTPError as answer:
        return _page(answer.code, answer.headers.get("date"), b"")
    except (URLError, OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, BaseException) else error
        return Page(problem=next((words for kind, words in _WORDS if isinstance(cause, kind)), "it cannot be reached"))


def _page(status: int, date: str | None, content: bytes) -> Page:
    try:
        moment = parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        moment = None
    return Page(status, content.decode("utf-8", "replace"), moment)
