"""Forward authentication: a reverse proxy asks before every request to an app (SEC-97).

One decision, two ways to ask it. Everything that is malformed is refused, and every identity header is set each time,
so that a proxy can overwrite what a client has sent; that it does so where ours is empty is up to its set-up (the recipe).
"""

from collections.abc import Callable
from typing import NoReturn

from pwauth_server.errors import Malformed, Unauthenticated
from pwauth_server.flows import forward_auth as flow
from pwauth_server.flows.forward_auth import Visitor
from pwauth_server.rules import forward_auth as rules
from pwauth_server.rules.forward_auth import Asked
from pwauth_server.web import guards
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def forward(call: Call) -> Reply:
    """Answer Traefik and Caddy: whatever is not 2xx goes to the person, so a browser is led to the sign-in."""
    return await _answer(call, _forwarded, lambda to: Reply(status=302).add("location", to))


async def nginx(call: Call) -> Reply:
    """Answer nginx, which knows 2xx, 401 and 403 only: where to sign in stands beside the 401."""
    return await _answer(call, _original, _told)


async def _answer(call: Call, read: Callable[[Call], Asked], lead: Callable[[str], Reply]) -> Reply:
    try:
        asked = read(call)
    except ValueError as cause:
        raise Unauthenticated from cause
    try:
        session = await guards.visitor(call.request, call.deps)
    except (Unauthenticated, Malformed) as cause:
        config = call.deps.config
        to = rules.sign_in_url(asked, public_url=config.public_url, allowed=[config.public_origin, *config.allowed_redirects])
        if to is None:
            raise Unauthenticated from cause
        return lead(to)
    return _identity(await flow.admit(call.deps, session))


def _told(to: str) -> NoReturn:
    raise Unauthenticated(headers={"location": to})


def _forwarded(call: Call) -> Asked:
    parts = [_one(call, f"x-forwarded-{name}") for name in ("proto", "host", "uri")]
    return _asked(call, _one(call, "x-forwarded-method"), rules.url_of(*parts))


def _original(call: Call) -> Asked:
    url = _one(call, "x-original-url")
    return _asked(call, _one(call, "x-original-method"), None if url is None else rules.checked(url))


def _asked(call: Call, method: str | None, url: str | None) -> Asked:
    headers = call.request.headers
    return Asked(method or "GET", url, headers.get("accept", ""), headers.get("sec-fetch-mode"))


def _one(call: Call, name: str) -> str | None:
    """Return a header's value; raise ValueError if it is there twice: one of the two is the client's own."""
    values = call.request.headers.getall(name, [])
    if len(values) > 1:
        raise ValueError(name)
    return str(values[0]) if values else None


def _identity(visitor: Visitor) -> Reply:
    reply = Reply(status=200, content_type="text/plain")
    for name, value in (
        ("user", str(visitor.user_id)),
        ("email", visitor.email),
        ("name", visitor.name),
        ("groups", ",".join(visitor.groups)),
        ("session", str(visitor.session_id)),
    ):
        reply.add(f"remote-{name}", rules.header_value(value))
    return reply


_REFUSED = {
    302: "Nobody is signed in, and a browser asks for a page: sign in there; from an origin of `allowed_redirects` the way leads back.",
    401: "Nobody is signed in, or something is malformed. To nginx, `Location` says where a browser signs in.",
    403: "The mailbox of this account was never proven.",
}

ROUTES = (
    Route(
        "GET", "/auth/forward", forward, "Ask for Traefik or Caddy who visits an app", "Proxies",
        limits=(), guard=Guard.PROXIED, cors=False, media_type="text/plain", statuses=_REFUSED,
    ),
    Route(
        "GET", "/auth/nginx", nginx, "Ask for nginx (auth_request) who visits an app", "Proxies",
        limits=(), guard=Guard.PROXIED, cors=False, media_type="text/plain",
        statuses={status: text for status, text in _REFUSED.items() if status != 302},  # noqa: PLR2004 - nginx follows none
    ),
)  # fmt: skip
