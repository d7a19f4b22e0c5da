"""The one place where answers are made, and where every error becomes one (SEC-26, SEC-75, SEC-95)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from sanic.compat import Header
from sanic.http import Http, Stage
from sanic.response import HTTPResponse

from pwauth_server.config import Config
from pwauth_server.errors import ConfirmationRequired, PwauthError, StepUpRequired
from pwauth_server.rules import compact_json
from pwauth_server.rules.moments import rfc3339

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html; charset=utf-8"

_WITHOUT_BODY = frozenset({204, 304})

#: As RFC 9110 section 15 calls them; older Pythons call one of ours otherwise.
_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}


class HeaderSets:
    """Constant headers, put together once: adding them one by one to each answer costs half a request."""

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
        self.api = _lines(always | never_stored | api)
        self.page = _lines(always | never_stored | page)
        self.public = _lines(always | api | {"cache-control": "public, max-age=300"})


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
        self.fixed = ""
        self.kind = kind

    def add(self, name: str, value: str) -> "Reply":
        """Add a header; raise ValueError for a value that could start another one."""
        if not value.isascii() or not value.isprintable():
            raise ValueError(name)
        self.headers.add(name, value)
        return self

    async def send(self, data: object = None, end_stream: object = None) -> None:  # noqa: ARG002 - what Sanic hands over
        """Write head and body in one piece; a second call writes nothing.

        Sanic's own way, made for streams too, takes seven of the forty microseconds of an introspection.
        """
        http = self.stream
        if not isinstance(http, Http) or http.stage is not Stage.HANDLER:
            return
        body, has_body = self.body or b"", self.status not in _WITHOUT_BODY
        kind = f"content-type: {self.content_type}\r\ncontent-length: {len(body)}\r\n" if has_body else ""
        connection = "keep-alive" if http.keep_alive else "close"
        start = f"HTTP/1.1 {self.status} {_PHRASES[self.status]}\r\n"
        head = f"{start}{self.fixed}{_lines(self.headers)}{kind}connection: {connection}\r\n\r\n".encode()
        # Not idle before it is written: whoever takes no answer has less patience coming than whoever asks nothing (SEC-64).
        http.stage, http.response_func = Stage.RESPONSE, None  # type: ignore[assignment] # Sanic's sign that all is said
        await http.protocol.send(head + body if has_body and not http.head_only else head)  # type: ignore[no-untyped-call]
        http.stage = Stage.IDLE


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
        "title": _PHRASES[error.status],
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


def _lines(headers: Mapping[str, str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
