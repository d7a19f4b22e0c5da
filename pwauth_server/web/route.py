"""What a route is: data that feeds the router, the limits, the guards, the metrics and `openapi.yaml` alike."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic import BaseModel

from pwauth_server.deps import Deps
from pwauth_server.events import Caller
from pwauth_server.flows.admin_access import Actor
from pwauth_server.flows.sessions import Session
from pwauth_server.flows.sign_in import Current
from pwauth_server.rules import browsers
from pwauth_server.rules.limits import Limit
from pwauth_server.web.framing import StrictRequest
from pwauth_server.web.replies import Reply
from pwauth_server.web.schemas import Form


class Guard(Enum):
    """Who may call a route."""

    NOBODY = "nobody"  #: no credential is asked for
    SESSION = "session"  #: a signed-in person
    RECENT = "recent"  #: a signed-in person who has proven it lately, with what the account has (SEC-57)
    ENROL = "enrol"  #: the same, or with `enrolment = "first_use"` somebody without any credential
    ANYBODY = "anybody"  #: everybody; whoever shows a bearer token must hold its session
    PROXIED = "proxied"  #: a reverse proxy, on behalf of whoever visits an app; the handler looks at their session
    INTROSPECT = "introspect"  #: a program with an API key of this scope
    ADMIN_READ = "admin_read"  #: a program with a key of scope `admin:read`, or an administrator (SEC-90)
    ADMIN_WRITE = "admin_write"  #: the same with `admin:write`, or an administrator who has just shown a passkey


#: Routes that nobody finds before administration is configured.
ADMINISTRATION = frozenset({Guard.ADMIN_READ, Guard.ADMIN_WRITE})


@dataclass(slots=True)
class Call:
    """One request on its way to a handler."""

    request: StrictRequest
    deps: Deps
    #: The client's address.
    ip: str
    #: The validated body, of the route's own type.
    body: Any = None
    #: Whose session asks; set where the guard is SESSION or RECENT, and mostly where it is ENROL.
    session: Session | None = None
    #: What session the caller holds who signs in; may be set where the guard is ANYBODY.
    current: Current | None = None
    #: Who administers; set where the guard is ADMIN_READ or ADMIN_WRITE.
    admin: Actor | None = None
    #: The validated query string, of the route's own type.
    query: Any = None
    #: Parts of the path.
    path: Mapping[str, str] = field(default_factory=dict)

    @property
    def caller(self) -> Caller:
        """Return who asks; put together when a handler wants to know, most never do."""
        browser = browsers.in_words(self.request.headers.get("user-agent", "")[:256])
        return Caller(self.ip, browser, self.request.request_id)

    @property
    def owner(self) -> Session:
        """Return the session that the guard let in."""
        if self.session is None:  # a route without guard asked: a mistake of ours, closed
            raise LookupError("session")
        return self.session

    @property
    def actor(self) -> Actor:
        """Return who administers, as the guard let them in."""
        if self.admin is None:  # a route without guard asked: a mistake of ours, closed
            raise LookupError("admin")
        return self.admin


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    #: The limits a call takes from, keyed by the client's address, before anything else happens.
    limits: tuple[Limit, ...] = (Limit.REQUESTS,)
    guard: Guard = Guard.NOBODY
    body: type[BaseModel] | None = None
    #: An HTML form is taken as well, in this shape.
    form: type[BaseModel] | None = None
    #: The same bodies come again and again, from programs that we trust: they are read once each.
    repeats: bool = False
    answer: type[BaseModel] | None = None
    #: What is answered with 200 in its place, where there is more to do first.
    instead: type[BaseModel] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    #: The shape of the query string where its parameters are optional; unknown ones are refused.
    filters: type[BaseModel] | None = None
    #: Statuses besides 200 and the common ones, with their meaning.
    statuses: Mapping[int, str] = field(default_factory=dict)
    #: Whether scripts of allowed origins may call it.
    cors: bool = True
    media_type: str = "application/json"
    #: The page that a form stands on, where somebody goes on who had to sign in first, or once more; parts of the path
    #: and the query in braces.
    page: str = "/account"
    #: Other media types of the same answer.
    also: tuple[str, ...] = ()

    @property
    def is_for_people(self) -> bool:
        """Tell whether pages lead here, so that a refusal must be a page as well."""
        return self.media_type == "text/html" or (self.form is not None and issubclass(self.form, Form))
