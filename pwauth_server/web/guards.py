"""The only place that reads credentials: Authorization header or our cookie, never a URL (SEC-22, SEC-26)."""

import re

from sanic import Request

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import CrossOrigin, Misdirected, Missing, Unauthenticated
from pwauth_server.flows import admin_access, api_keys, sessions, step_up, tokens
from pwauth_server.flows.admin_access import Actor
from pwauth_server.flows.sessions import Session
from pwauth_server.flows.sign_in import Current
from pwauth_server.rules import client_address, secrets
from pwauth_server.rules.limits import Limit
from pwauth_server.web import cookies
from pwauth_server.web.route import ADMINISTRATION, Call, Guard

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: What proxies add beside X-Forwarded-…: some are told to send no more than the first of them.
_OF_PROXIES = frozenset({"x-real-ip", "forwarded", "via"})
#: Of a target in absolute form.
_AUTHORITY = re.compile(r"\Ahttps?://([^/?]*)", re.ASCII)
_PORT = re.compile(r":\d+\Z", re.ASCII)


async def admit(call: Call, guard: Guard) -> None:
    """Let a call in that may come in, and remember as whom; raise what it is refused with."""
    request, deps = call.request, call.deps
    if guard is Guard.SESSION:
        call.session = await session(request, deps)
    elif guard is Guard.RECENT:
        call.session = await recent(request, deps)
    elif guard is Guard.ENROL:
        call.session = await enrolling(request, deps)
    elif guard is Guard.ANYBODY:
        call.current = await current(request, deps)
    elif guard is Guard.INTROSPECT:
        await api_key(request, deps, "introspect", call.ip)
    elif guard in ADMINISTRATION:
        call.admin = await admin(request, deps, call.ip, writes=guard is Guard.ADMIN_WRITE)


def bearer(request: Request) -> str | None:
    """Return the token of ``Authorization: Bearer …``; None if there is no such header."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token or len(request.headers.getall("authorization")) > 1:
        raise Unauthenticated
    return str(token)


async def session(request: Request, deps: Deps) -> Session:
    """Return the live session that asks, by bearer token or by cookie; raise Unauthenticated otherwise."""
    token = bearer(request)
    if token is not None:
        return (await tokens.prove(deps, token)).session
    cookie = cookies.get(request, cookies.SESSION)
    if cookie is None:
        raise Unauthenticated
    if request.method not in _SAFE:
        same_origin(request, deps.config)
    return await sessions.of_cookie(deps, cookie)


async def visitor(request: Request, deps: Deps) -> Session:
    """Return the live session of whoever visits an app, by what reaches the app's host; raise Unauthenticated otherwise."""
    token = bearer(request)
    if token is not None:
        return (await tokens.prove(deps, token)).session
    is_shared = bool(deps.config.cookie_domain)
    cookie = cookies.get(request, cookies.VISIT if is_shared else cookies.SESSION)
    if cookie is None:
        raise Unauthenticated
    return await (sessions.of_visit_cookie if is_shared else sessions.of_cookie)(deps, cookie)


async def recent(request: Request, deps: Deps) -> Session:
    """Return the session that asks if it was proven recently and strongly enough; raise StepUpRequired otherwise."""
    found = await session(request, deps)
    await step_up.require(deps, found)
    return found


async def enrolling(request: Request, deps: Deps) -> Session | None:
    """Return the session that asks, as `recent` does; None for somebody without one, where the settings let him enrol.

    What he may do without it, the flow decides: only for an address that nobody has proven (`first_use`).
    """
    has_none = "authorization" not in request.headers and cookies.get(request, cookies.SESSION) is None
    return None if has_none and deps.config.enrolment == "first_use" else await recent(request, deps)


async def current(request: Request, deps: Deps) -> Current | None:
    """Return the session of somebody who signs in once more; None for somebody who is not signed in.

    A bearer token is shown on purpose, so a dead one is refused; a cookie may be left over from last week, or sent
    along by another site's page.
    """
    if "authorization" in request.headers:
        return Current(await session(request, deps), on_purpose=True)
    cookie = cookies.get(request, cookies.SESSION)
    if cookie is None:
        return None
    try:
        if request.method not in _SAFE:
            same_origin(request, deps.config)
        return Current(await sessions.of_cookie(deps, cookie), on_purpose=False)
    except (CrossOrigin, Unauthenticated):
        return None


async def api_key(request: Request, deps: Deps, scope: str, client: str) -> None:
    """Let a program in that holds a live key with ``scope``."""
    await api_keys.authenticate(deps, bearer(request) or "", scope, client_address.bucket(client))


async def administration(request: Request, deps: Deps) -> None:
    """Hide the administration until it is configured, and answer for our own names only (SEC-90, SEC-96)."""
    if not await admin_access.is_on(deps):
        raise Missing
    _own_host(request, deps.config)


async def admin(request: Request, deps: Deps, client: str, *, writes: bool) -> Actor:
    """Return the administrator or the program that asks; the ``client`` pays for tokens that do not count."""
    token = bearer(request)
    if token is not None and token.startswith(secrets.API_KEY):
        return await admin_access.of_key(deps, token, client_address.bucket(client), writes=writes)
    try:
        found = await session(request, deps)
    except Unauthenticated:
        if token is not None:
            await deps.limiter.take(Limit.API_KEY_FAILURES, client_address.bucket(client))
        raise
    return admin_access.of_person(deps, found, writes=writes)


def same_origin(request: Request, config: Config) -> None:
    """Refuse a browser's write that another site started (SEC-18): nothing said is refused as well.

    Our pages send no referrer, and for such a page browsers call even its own origin "null" (Fetch,
    "append a request Origin header"): then Sec-Fetch-Site alone tells, which no page can set.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    said_by_site = site in {"same-origin", "none"} and origin in {None, "null"}
    said_by_origin = site in {"same-origin", "none", None} and origin == config.public_origin
    if not said_by_site and not said_by_origin:
        raise CrossOrigin


def metrics(request: Request, config: Config, client: str) -> None:
    """Let a scraper in: by token, or without one from this machine only (SEC-74, SEC-96).

    Both ends must be here: the TCP peer, whatever headers say, and the ``client`` of a trusted proxy.
    """
    if not config.enable_metrics:
        raise Missing
    token = config.metrics_token.get_secret_value()
    if token:
        if not secrets.same((bearer(request) or "").encode(), token.encode()):
            raise Unauthenticated
        return
    if not client_address.is_loopback(peer(request)) or not client_address.is_loopback(client):
        raise Missing
    # A proxy on this machine that nobody told us of passes on whom it asks for; no scraper sends these.
    if client == peer(request) and any(name.startswith("x-forwarded-") or name in _OF_PROXIES for name in request.headers):
        raise Missing
    _own_host(request, config)


def _own_host(request: Request, config: Config) -> None:
    """Refuse a name that is not ours: a page that resolved its own name to our address (DNS rebinding) shows it in Host (SEC-96).

    Each name that is given counts, and none is no name of ours: of two lines another program may read the other one, and the
    authority of a target in absolute form is what Host should have been (RFC 9112, section 3.2.2).
    """
    named = [*request.headers.getall("host", ("",)), *_AUTHORITY.findall(request.raw_url.decode("ascii"))]
    if not {_PORT.sub("", name).lower() for name in named} <= {"localhost", "127.0.0.1", "[::1]", config.public_host}:
        raise Misdirected


def peer(request: Request) -> str:
    """Return the address of the TCP peer; empty for a UNIX socket."""
    return str(request.conn_info.client_ip or "") if request.conn_info else ""
