"""The only place that writes and reads cookies (SEC-17, SEC-95)."""

import re

from sanic import Request

from pwauth_server.config import Config
from pwauth_server.errors import Malformed
from pwauth_server.rules import base64url, secrets
from pwauth_server.web.replies import Reply

#: Ties a sign-in request to the browser that made it.
REQUEST = "__Host-pwauth_request"
#: Which of its sign-in requests a browser waits for.
WAITING = "__Host-pwauth_waiting"
#: Signs a browser in.
SESSION = "__Host-pwauth_session"
#: Tells the proxies of `cookie_domain` who visits its apps. The apps see it, so it signs nobody in here.
VISIT = "__Secure-pwauth_visit"

#: Life of the request cookie in seconds: longer than any link.
REQUEST_LIFE = 900
_BINDING = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def get(request: Request, name: str) -> str | None:
    """Return a cookie's value; raise Malformed if it is there twice: one of the two was tossed in."""
    if "cookie" not in request.headers:
        return None
    parts = ";".join(request.headers.getall("cookie")).split(";")
    values = [value for key, _, value in (part.strip().partition("=") for part in parts) if key == name]
    if len(values) > 1:
        raise Malformed("A cookie is given twice.")
    return values[0] if values else None


def put(reply: Reply, name: str, value: str, *, max_age: int, domain: str = "") -> None:
    """Set a cookie that scripts cannot read; ``max_age`` in seconds. Without a ``domain`` other hosts can neither see nor set it."""
    shared = f"; Domain={domain}" if domain else ""
    reply.add("set-cookie", f"{name}={value}; Max-Age={max_age}; Path=/{shared}; Secure; HttpOnly; SameSite=Lax")


def drop(reply: Reply, name: str) -> None:
    """Make the browser forget a cookie."""
    put(reply, name, "", max_age=0)


def drop_session(reply: Reply, config: Config) -> None:
    """Sign a browser out, here and at the apps."""
    drop(reply, SESSION)
    if config.cookie_domain:
        put(reply, VISIT, "", max_age=0, domain=config.cookie_domain)


def binding_of(request: Request) -> tuple[str, bytes] | None:
    """Return the request cookie and its hash, or None if there is no cookie of ours."""
    value = get(request, REQUEST)
    if value is None or not _BINDING.fullmatch(value):
        return None
    return value, secrets.digest(value.encode())


def browser_hash_of(request: Request) -> bytes | None:
    """Return the hash of the request cookie; None if there is none of ours."""
    binding = binding_of(request)
    return binding[1] if binding else None


def new_binding(chance: bytes) -> tuple[str, bytes]:
    """Return a new request cookie of 32 random bytes, and its hash."""
    value = base64url.encode(chance)
    return value, secrets.digest(value.encode())
