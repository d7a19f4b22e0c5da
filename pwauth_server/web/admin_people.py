"""Pages about people, for administrators: found, looked at, shut out and let in again; factors and sessions taken away."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pwauth_server.flows import admin_selection, admin_users
from pwauth_server.flows.admin_users import Change
from pwauth_server.web import admin_frame, queries
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Route

HOME, SESSIONS = "/admin/people", "/admin/sessions"
_PERSON, _SESSION = f"{HOME}/<user_id:str>", f"{SESSIONS}/<session_id:str>"
#: The page of a person, for its forms.
_ON_PERSON = f"{HOME}/{{user_id}}"
#: Sessions of one person on a page at the most; all of them can be ended.
SHOWN = 20

PageSize = Annotated[int, Field(ge=1, le=admin_selection.MOST, description="Rows at the most."), BeforeValidator(queries.whole)]


class Shown(queries.Query):
    """One page of a list, and what was just done."""

    limit: PageSize = 25
    offset: queries.Skipped = 0
    said: Annotated[str, Field(max_length=20, description="What was just done.")] = ""


class Search(Shown):
    """Which people."""

    q: Annotated[str, Field(max_length=254, description="Part of an address or a name, or an id.")] = ""


async def show_people(call: Call) -> Reply:
    """Find people."""
    query: Search = call.query
    found = await admin_users.search(call.deps, q=query.q.strip(), limit=query.limit, offset=query.offset)
    return admin_frame.page(call, "admin_people.html", tab="people", found=found, query=query, actions=list(admin_selection.Action))


async def show_person(call: Call) -> Reply:
    """Show a person with what the account has, and where they are signed in."""
    user_id = call.path["user_id"]
    facts: dict[str, Any] = {
        "it": await admin_users.find(call.deps, user_id),
        "sessions": (await admin_users.sessions_of(call.deps, user_id))[:SHOWN],
        "is_me": user_id == str(call.actor.id),
    }
    return admin_frame.page(call, "admin_person.html", tab="people", **facts)


async def disable_person(call: Call) -> Reply:
    """Shut a person out."""
    await admin_users.change(call.deps, call.actor, call.path["user_id"], Change(disabled=True), call.caller)
    return _done(call, "disable")


async def enable_person(call: Call) -> Reply:
    """Let a person in again."""
    await admin_users.change(call.deps, call.actor, call.path["user_id"], Change(disabled=False), call.caller)
    return _done(call, "enable")


async def end_persons_sessions(call: Call) -> Reply:
    """End all sessions of a person."""
    await admin_users.end_sessions(call.deps, call.actor, call.path["user_id"], call.caller)
    return _done(call, "end_sessions")


async def end_persons_session(call: Call) -> Reply:
    """End one session of a person."""
    await admin_users.end_session(call.deps, call.actor, call.path["session_id"], call.caller)
    return _done(call, "ended")


async def lift_persons_freeze(call: Call) -> Reply:
    """Remove what a person disowned."""
    await admin_users.lift(call.deps, call.actor, call.path["user_id"], call.caller)
    return _done(call, "lifted")


async def remove_persons_totp(call: Call) -> Reply:
    """Take a person's authenticator app away."""
    await admin_users.remove_totp(call.deps, call.actor, call.path["user_id"], call.caller)
    return _done(call, "removed")


async def remove_persons_passkey(call: Call) -> Reply:
    """Take a passkey of a person away."""
    await admin_users.remove_passkey(call.deps, call.actor, call.path["user_id"], call.path["passkey_id"], call.caller)
    return _done(call, "removed")


async def show_sessions(call: Call) -> Reply:
    """Show who is signed in, the newest session first."""
    query: Shown = call.query
    found, total = await admin_users.newest_sessions(call.deps, limit=query.limit, offset=query.offset)
    return admin_frame.page(call, "admin_sessions.html", tab="sessions", sessions=found, total=total, query=query)


async def end_newest_session(call: Call) -> Reply:
    """End a session of somebody."""
    await admin_users.end_session(call.deps, call.actor, call.path["session_id"], call.caller)
    return admin_frame.done(SESSIONS, "ended")


def _done(call: Call, said: str) -> Reply:
    return admin_frame.done(f"{HOME}/{call.path['user_id']}", said)


def _on_person(rest: str, handler: Callable[[Call], Awaitable[Reply]], summary: str) -> Route:
    return admin_frame.does(f"{_PERSON}/{rest}", handler, summary, page=_ON_PERSON)


ROUTES = (
    admin_frame.shows(HOME, show_people, "Find people", Search),
    admin_frame.shows(_PERSON, show_person, "A person"),
    _on_person("disable", disable_person, "Shut a person out"),
    _on_person("enable", enable_person, "Let a person in again"),
    _on_person("end-sessions", end_persons_sessions, "End all sessions of a person"),
    _on_person("sessions/<session_id:str>/end", end_persons_session, "End a session of a person"),
    _on_person("lift", lift_persons_freeze, "Remove for good what a person disowned"),
    _on_person("totp/remove", remove_persons_totp, "Take a person's app away"),
    _on_person("passkeys/<passkey_id:str>/remove", remove_persons_passkey, "Take a person's passkey away"),
    admin_frame.shows(SESSIONS, show_sessions, "Who is signed in", Shown),
    admin_frame.does(f"{_SESSION}/end", end_newest_session, "End a session of somebody", page=SESSIONS),
)
