"""What a route is: data that feeds the router, the limits, the guards, the metrics and `openapi.yaml` alike."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic import BaseModel
from sanic import Request

from pwauth_server.deps import Deps
from pwauth_server.events import Caller
from pwauth_server.flows.sessions import Session
from pwauth_server.flows.sign_in import Current
from pwauth_server.rules.limits import Limit
from pwauth_server.web.replies import Reply
from pwauth_server.web.schemas import Form


class Guard(Enum):
    """Who may call a route."""

    NOBODY = "nobody"  #: no credential is asked for
    SESSION = "session"  #: a signed-in person
    RECENT = "recent"  #: a signed-in person who has proven it lately, with what the account has (SEC-57)
    ENROL = "enrol"  #: the same, or with `enrolment = "first_use"` somebody without any credential
    ANYBODY = "anybody"  #: everybody; whoever shows a bearer token must hold its session
    INTROSPECT = "introspect"  #: a program with an API key of this scope


@dataclass(slots=True)
class Call:
    """One request on its way to a handler."""

    request: Request
    deps: Deps
    caller: Caller
    #: The validated body, of the route's own type.
    body: Any = None
    #: Whose session asks; set where the guard is SESSION or RECENT, and mostly where it is ENROL.
    session: Session | None = None
    #: What session the caller holds who signs in; may be set where the guard is ANYBODY.
    current: Current | None = None
    #: Parts of the path.
    path: Mapping[str, str] = field(default_factory=dict)

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
    answer: type[BaseModel] | None = None
    #: What is answered with 200 in its place, where there is more to do first.
    instead: type[BaseModel] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    #: Statuses besides 200 and the common ones, with their meaning.
    statuses: Mapping[int, str] = field(default_factory=dict)
    #: Whether scripts of allowed origins may call it.
    cors: bool = True
    media_type: str = "application/json"

    @property
    def is_for_people(self) -> bool:
        """Tell whether pages lead here, so that a refusal must be a page as well."""
        return self.media_type == "text/html" or (self.form is not None and issubclass(self.form, Form))
