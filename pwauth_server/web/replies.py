"""The one place where answers are made, and where every error becomes one (SEC-26, SEC-75, SEC-95)."""

from collections.abc import Iterator, Mapping
from typing import Any

from sanic.compat import Header
from sanic.response import HTTPResponse

from pwauth_server.config import Config
from pwauth_server.errors import ConfirmationRequired, PwauthError, StepUpRequired
from pwauth_server.rules import compact_json
from pwauth_server.rules.moments import rfc3339

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html; charset=utf-8"

_WITHOUT_BODY = frozenset({204, 304})

Pair = tuple[bytes, bytes]


class HeaderSets:
    """Constant headers, encoded once: adding them one by one to each answer costs half a request."""

    def __init__(self, config: Config) -> None:
        """Prepare the sets; HSTS only where the public URL is https."""
        always = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
        if config.public_url.startswith("https:"):
            always["strict-transport-security"] = "max-age=31536000"
        never_stored = {"cache-control": "no-store", "pragma": "no-cache"}
        api = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
        # Browsers hold the redirect after a form to form-action as well, and that may lead to an app.
        targets = " ".join(("'self'", *config.allowed_redirects))
        page = {
            "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
            f"connect-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'",
            "x-robots-tag": "noindex",
            "cross-origin-opener-policy": "same-origin",
        }
        self.api = _encoded(always | never_stored | api)
        self.page = _encoded(always | never_stored | page)
        self.public = _encoded(always | api | {"cache-control": "public, max-age=300"})


class Reply(HTTPResponse):
    """An answer of ours; `fixed` is set by the edge, so no route can forget a security header."""

    __slots__ = ("fixed", "kind")

    def __init__(self, body: bytes | str = b"", *, status: int = 200, content_type: str = JSON, kind: str = "api") -> None:
        """``kind`` names the set of constant headers: api, page or public."""
        # Not the constructors above us: each makes a header table of its own, for every answer.
        self.asgi = False
        self.body = body.encode() if isinstance(body, str) else body
        self.content_type = content_type
        self.stream = None
        self.status = status
        self.headers = Header()
        self._cookies = None
        self.fixed: tuple[Pair, ...] = ()
        self.kind = kind

    def add(self, name: str, value: str) -> "Reply":
        """Add a header; raise ValueError for a value that could start another one."""
        if not value.isascii() or not value.isprintable():
            raise ValueError(name)
        self.headers.add(name, value)
        return self

    @property
    def processed_headers(self) -> Iterator[Pair]:
        """Return constant headers first, then this answer's own."""
        pairs = [(name.encode(), str(value).encode()) for name, value in self.headers.items()]
        if self.content_type and self.status not in _WITHOUT_BODY:
            pairs.append((b"content-type", self.content_type.encode()))
        return iter((*self.fixed, *pairs))


def ok(content: Mapping[str, Any], *, status: int = 200, kind: str = "api") -> Reply:
    """Answer with JSON."""
    return Reply(compact_json.encode(content), status=status, kind=kind)


def empty() -> Reply:
    """Answer 204."""
    return Reply(status=204)


def page(html: str, *, status: int = 200) -> Reply:
    """Answer with a page."""
    return Reply(html, status=status, content_type=HTML, kind="page")


def redirect(location: str) -> Reply:
    """Answer 303: go and GET ``location``, which is a path of ours or an allowed origin (SEC-94)."""
    return Reply(status=303, content_type="text/plain", kind="page").add("location", location)


def problem(error: PwauthError, request_id: str) -> Reply:
    """Answer with RFC 9457 problem details; nothing of the input and nothing of the cause is in them."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(error.status, "Error"),
        "status": error.status,
        "detail": error.detail,
        "error": error.word,
        "request_id": request_id,
    }
    if isinstance(error, ConfirmationRequired):
        content |= {"asked_at": rfc3339(error.asked_at), "asked_from": error.asked_from, "asked_with": error.asked_with}
    if isinstance(error, StepUpRequired):
        content["methods"] = error.methods
    reply = Reply(compact_json.encode(content), status=error.status, content_type=PROBLEM)
    for name, value in error.headers.items():
        reply.add(name, value)
    if error.status == 401:  # noqa: PLR2004 - RFC 9110 section 11.6.1 asks for a challenge with every 401
        reply.headers.setdefault("www-authenticate", "Bearer")
    return reply


_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    417: "Expectation Failed",
    421: "Misdirected Request",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def _encoded(headers: Mapping[str, str]) -> Pair:
    """Return all headers as one: the value of the first carries the lines of the others behind it."""
    (first, value), *others = headers.items()
    return first.encode(), "\r\n".join([value, *(f"{name}: {value}" for name, value in others)]).encode()
