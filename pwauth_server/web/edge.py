"""Everything that surrounds a handler, in one pass: id, client, limits, guard, body, reply, headers, log line.

A path is mounted once with all its methods, so HEAD, OPTIONS and 405 are answered here too, and no
spelling of a path reaches a handler without its limits (SEC-64).
"""

import re
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from sanic import Sanic
from sanic.exceptions import SanicException
from sanic.http import Http

from pwauth_server.adapters.logs import Log
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import (
    Fault,
    LengthRequired,
    Malformed,
    MethodNotAllowed,
    Missing,
    PwauthError,
    TooLarge,
    Unavailable,
)
from pwauth_server.rules import client_address
from pwauth_server.rules.client_address import Network
from pwauth_server.rules.findings_address import Sighting
from pwauth_server.rules.passkey_input import BadPasskeyError
from pwauth_server.rules.tokens import InvalidTokenError
from pwauth_server.web import bodies, cors, forms, guards, pages
from pwauth_server.web.framing import StrictRequest
from pwauth_server.web.outbox import Outbox
from pwauth_server.web.replies import HeaderSets, Reply, problem
from pwauth_server.web.route import ADMINISTRATION, Call, Guard, Route
from pwauth_server.web.schemas import Form

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNMATCHED = "unmatched"
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)

#: Causes whose text is a word of ours, and nothing of what the client sent (SEC-73).
_WORDED = (BadPasskeyError, InvalidTokenError)

#: What Sanic refuses by itself, in our words.
_SANIC: Mapping[int, type[PwauthError]] = {
    400: Malformed,
    404: Missing,
    405: MethodNotAllowed,
    411: LengthRequired,
    413: TooLarge,
    503: Unavailable,
}


class Edge:
    """Mounts routes on an application and stands around each call."""

    #: The world; opened by the application before it listens.
    deps: Deps
    #: Set when the process ends: every answer then asks its client to close the connection, so that
    #: nobody sends a request into one that we are about to close.
    is_ending = False

    def __init__(self, app: Sanic[Any, Any], config: Config, log: Log) -> None:
        """Prepare constant headers and trusted proxies once."""
        self._app, self._log = app, log
        app.ctx.outbox = Outbox()
        app.ctx.product = config.webauthn_rp_name
        self._headers = HeaderSets(config)
        self._trusted = client_address.networks(config.trusted_proxies)
        self._cors = cors.Policy(config)
        app.error_handler.add(Exception, self.refuse)

    def mount(self, routes: Sequence[Route]) -> None:
        """Mount every route; the methods of one path share one entry."""
        paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            paths.setdefault(route.path, {})[route.method] = route
        for path, methods in paths.items():
            if "GET" in methods:
                methods["HEAD"] = methods["GET"]
            name = path.strip("/").replace("/", "_") or "root"
            # Without a format for its own errors, which nobody ever sees, Sanic would read the source of each handler to guess one.
            self._app.add_route(self._entry(path, methods), path, methods=METHODS, name=name, error_format="json")

    def _entry(self, path: str, methods: Mapping[str, Route]) -> Any:
        open_to_scripts = all(route.cors for route in methods.values())
        # Whatever is 2xx lets somebody in, so a preflight must not be answered here (a proxy may keep the method).
        is_gate = any(route.guard is Guard.PROXIED for route in methods.values())
        allow = ", ".join(sorted({*methods} if is_gate else {*methods, "OPTIONS"}))
        is_administration = not ADMINISTRATION.isdisjoint(route.guard for route in methods.values())

        async def entry(request: StrictRequest, **parts: str) -> Reply:
            request.started = perf_counter()
            request.request_id = self._request_id(request)
            try:
                if is_administration:  # before it is configured, not even OPTIONS finds it
                    await guards.administration(request, self.deps)
                if request.method == "OPTIONS" and not is_gate:
                    reply = Reply(status=204).add("allow", allow)
                elif (route := methods.get(request.method)) is None:
                    raise MethodNotAllowed(headers={"allow": allow})  # noqa: TRY301 - one place answers
                else:
                    reply = await self._serve(route, request, parts)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing of it leaves
                reply = self._answer(error, request, methods.get(request.method))
            if open_to_scripts:
                self._cors.decorate(request, reply, allow)
            return self._finish(request, reply, path)

        return entry

    async def _serve(self, route: Route, request: StrictRequest, parts: Mapping[str, str]) -> Reply:
        deps, ip = self.deps, self._ip(request)
        if route.limits:
            bucket = client_address.bucket(ip)
            await deps.limiter.take_each([(limit, bucket) for limit in route.limits])
        call = Call(request, deps, ip, path=parts)
        await guards.admit(call, route.guard)
        _read(call, route)
        return await route.handler(call)

    def _ip(self, request: StrictRequest) -> str:
        forwarded, peer = request.headers.getall("x-forwarded-for", ()), guards.peer(request)
        if forwarded or self._trusted:  # told to the doctor: a proxy that is set up wrong makes all people one client
            self.deps.metrics.forwarded(_sighting(peer, forwarded, self._trusted))
        return client_address.client(peer, forwarded, self._trusted)

    def _request_id(self, request: StrictRequest) -> str:
        given = request.headers.get("x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return str(given)
        return self.deps.entropy.serial()

    def _answer(self, error: Exception, request: StrictRequest, route: Route | None = None) -> Reply:
        if not isinstance(error, PwauthError):
            self._log.failure("request_failed", error, request_id=request.request_id)
            error = Fault()
        elif isinstance(error, Fault) and error.__cause__ is not None:
            self._log.failure("request_failed", error.__cause__, request_id=request.request_id)
        elif isinstance(error.__cause__, _WORDED):
            self._log.info("refused", word=error.word, why=str(error.__cause__), request_id=request.request_id)
        is_from_page = request.method in {"GET", "HEAD"} or bodies.is_form(request)
        is_for_people = isinstance(error, Missing) or (route is not None and route.is_for_people)
        if is_for_people and is_from_page and pages.are_wanted(request):
            return pages.refused(request, error, page=_page(route, request))
        return problem(error, request.request_id)

    def _finish(self, request: StrictRequest, reply: Reply, route: str) -> Reply:
        reply.fixed = f"{getattr(self._headers, reply.kind)}x-request-id: {request.request_id}\r\n"
        if self.is_ending and isinstance(request.stream, Http):
            request.stream.keep_alive = False
        seconds = perf_counter() - request.started if request.started else 0.0
        method = request.method if request.method in METHODS else "OTHER"
        self.deps.metrics.request(method, route, reply.status, seconds)
        self._log.request(method, route, reply.status, seconds, peer=guards.peer(request), request_id=request.request_id)
        return reply

    async def refuse(self, request: StrictRequest, error: Exception) -> Reply:
        """Answer what never reached a route: unknown paths, broken heads, bodies that are too large."""
        if not request.request_id:
            request.request_id = self._request_id(request)
        if isinstance(error, SanicException):
            kind = _SANIC.get(error.status_code)
            ours: Exception = kind() if kind else _same_status(error.status_code)
        else:
            ours = error
        return self._finish(request, self._answer(ours, request), UNMATCHED)


def _sighting(peer: str, forwarded: Sequence[str], trusted: tuple[Network, ...]) -> Sighting:
    if not client_address.is_trusted(peer, trusted):
        return Sighting.IGNORED if forwarded else Sighting.DIRECT
    return Sighting.BELIEVED if forwarded else Sighting.MISSING


def _page(route: Route | None, request: StrictRequest) -> str:
    """Return the page that a form stands on."""
    return route.page.format(query=request.query_string, **request.match_info) if route else "/"


def _read(call: Call, route: Route) -> None:
    """Fill in what the client sent, in the route's own shapes."""
    if route.filters is not None:
        call.query = bodies.query(call.request, route.filters)
    if route.body is not None or route.form is not None:
        call.body = bodies.read(call.request, route.body, route.form, repeats=route.repeats)
    if isinstance(call.body, Form):
        forms.own(call)


def _same_status(status: int) -> PwauthError:
    """Return an error of ours with Sanic's status: 408, 417 and the like, without its text."""
    error = Malformed() if 400 <= status < 500 else Fault()  # noqa: PLR2004 - client or server
    error.status = status  # type: ignore[misc]
    return error
