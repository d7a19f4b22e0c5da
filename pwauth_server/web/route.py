"""What a route is: data that feeds the router, the limits, the guards, the metrics and `openapi.yaml` alike."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic import BaseModel

from pwauth_server.deps import Deps
from pwauth_server.events import Caller
from pwauth_server.flows.sessions import Session
from pwauth_server.rules import browsers
from pwauth_server.rules.limits import Limit
from pwauth_server.web.framing import StrictRequest
from pwauth_server.web.replies import Reply


class Guard(Enum):
    """Who may call a route."""

    NOBODY = "nobody"  #: no credential is asked for
    SESSION = "session"  #: a signed-in person
    INTROSPECT = "introspect"  #: a program with an API key of this scope


@dataclass(slots=True)
class Call:
    """One request on its way to a handler."""

    request: StrictRequest
    deps: Deps
    #: The client's address.
    ip: str
    #: The validated body, of the route's own type.
    body: Any = None
    #: Whose session asks; set where the guard is SESSION.
    session: Session | None = None
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
    query: Mapping[str, str] = field(default_factory=dict)
    #: Statuses besides 200 and the common ones, with their meaning.
    statuses: Mapping[int, str] = field(default_factory=dict)
    #: Whether scripts of allowed origins may call it.
    cors: bool = True
    media_type: str = "application/json"
