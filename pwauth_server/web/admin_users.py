"""Administration of people: found, changed, shut out, deleted; their sessions and factors taken away."""

from pwauth_server.flows import admin_users
from pwauth_server.flows.admin_users import Change
from pwauth_server.web import admin_answers, queries, replies, schemas
from pwauth_server.web import admin_schemas as shapes
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def list_users(call: Call) -> Reply:
    """Find people."""
    query: queries.UserSearch = call.query
    found = await admin_users.search(call.deps, q=query.q, limit=query.limit, offset=query.offset)
    return replies.ok({"users": [admin_answers.user(it) for it in found.profiles], "total": found.total})


async def show_user(call: Call) -> Reply:
    """Show a person with what the account has."""
    return replies.ok(admin_answers.details(await admin_users.find(call.deps, call.path["user_id"])))


async def change_user(call: Call) -> Reply:
    """Change a person."""
    body: shapes.UserChange = call.body
    wanted = Change(body.disabled, body.name, None if body.roles is None else tuple(body.roles))
    changed = await admin_users.change(call.deps, call.actor, call.path["user_id"], wanted, call.caller)
    return replies.ok(admin_answers.details(changed))


async def delete_user(call: Call) -> Reply:
    """Delete a person's account."""
    await admin_users.delete(call.deps, call.actor, call.path["user_id"], call.caller)
    return replies.empty()


async def list_user_sessions(call: Call) -> Reply:
    """List a person's live sessions."""
    found = await admin_users.sessions_of(call.deps, call.path["user_id"])
    return replies.ok({"sessions": [admin_answers.session(it) for it in found]})


async def end_user_sessions(call: Call) -> Reply:
    """End all sessions of a person."""
    return replies.ok({"ended": await admin_users.end_sessions(call.deps, call.actor, call.path["user_id"], call.caller)})


async def end_any_session(call: Call) -> Reply:
    """End one session, whoever's."""
    await admin_users.end_session(call.deps, call.actor, call.path["session_id"], call.caller)
    return replies.empty()


async def lift_user_freeze(call: Call) -> Reply:
    """Remove for good what a person disowned."""
    await admin_users.lift(call.deps, call.actor, call.path["user_id"], call.caller)
    return replies.empty()


async def remove_user_totp(call: Call) -> Reply:
    """Take a person's one-time passwords away."""
    await admin_users.remove_totp(call.deps, call.actor, call.path["user_id"], call.caller)
    return replies.empty()


async def remove_user_passkey(call: Call) -> Reply:
    """Take a passkey of a person away."""
    await admin_users.remove_passkey(call.deps, call.actor, call.path["user_id"], call.path["credential"], call.caller)
    return replies.empty()


_USER = "/admin/users/<user_id:str>"
_GONE = {204: "Gone.", 409: "Nobody could administer, or sign in to the account, any more."}

ROUTES = (
    Route(
        "GET", "/admin/users", list_users, "Find people", "Administration",
        guard=Guard.ADMIN_READ, filters=queries.UserSearch, answer=shapes.AdminUserList, cors=False,
    ),
    Route(
        "GET", _USER, show_user, "Show a person", "Administration",
        guard=Guard.ADMIN_READ, answer=shapes.AdminUserDetails, cors=False,
    ),
    Route(
        "PATCH", _USER, change_user, "Change a person", "Administration",
        guard=Guard.ADMIN_WRITE, body=shapes.UserChange, answer=shapes.AdminUserDetails, cors=False,
        statuses={409: "This is the last administrator."},
    ),
    Route(
        "DELETE", _USER, delete_user, "Delete a person's account", "Administration",
        guard=Guard.ADMIN_WRITE, cors=False, statuses=_GONE,
    ),
    Route(
        "GET", f"{_USER}/sessions", list_user_sessions, "List a person's sessions", "Administration",
        guard=Guard.ADMIN_READ, answer=shapes.AdminSessionList, cors=False,
    ),
    Route(
        "DELETE", f"{_USER}/sessions", end_user_sessions, "End all sessions of a person", "Administration",
        guard=Guard.ADMIN_WRITE, answer=schemas.Ended, cors=False,
    ),
    Route(
        "DELETE", f"{_USER}/disowned", lift_user_freeze, "Remove for good what a person disowned, and let the mailbox do again what it did",
        "Administration", guard=Guard.ADMIN_WRITE, cors=False, statuses=_GONE,
    ),
    Route(
        "DELETE", f"{_USER}/totp", remove_user_totp, "Take a person's one-time passwords away", "Administration",
        guard=Guard.ADMIN_WRITE, cors=False, statuses=_GONE,
    ),
    Route(
        "DELETE", f"{_USER}/webauthn/<credential:str>", remove_user_passkey, "Take a person's passkey away", "Administration",
        guard=Guard.ADMIN_WRITE, cors=False, statuses=_GONE,
    ),
    Route(
        "DELETE", "/admin/sessions/<session_id:str>", end_any_session, "End one session", "Administration",
        guard=Guard.ADMIN_WRITE, cors=False, statuses={204: "Ended."},
    ),
)  # fmt: skip
