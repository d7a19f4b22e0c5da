"""My account as a whole: what happened to it, everything about it, its end."""

from pwauth_server.flows import own_data
from pwauth_server.flows.in_turn import in_turn
from pwauth_server.web import admin_answers, cookies, queries, replies
from pwauth_server.web import admin_schemas as shapes
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route


async def list_events(call: Call) -> Reply:
    """Show what happened to my account."""
    query: queries.Before = call.query
    entries = await own_data.events(call.deps, call.owner, before=query.before, limit=query.limit)
    return replies.ok(admin_answers.log_page(entries, [admin_answers.own_event(it) for it in entries], query.limit))


async def export(call: Call) -> Reply:
    """Hand out everything that is stored about me."""
    found = await own_data.export(call.deps, call.owner, call.caller)
    content = await in_turn(call.deps.exporting, lambda: admin_answers.export_text(found))
    return Reply(content).add("content-disposition", 'attachment; filename="account.json"')


async def delete(call: Call) -> Reply:
    """Delete my account and clear the cookie."""
    await own_data.delete(call.deps, call.owner, call.caller)
    reply = replies.empty()
    cookies.drop_session(reply, call.deps.config)
    return reply


_SIGNED_IN = {401: "Not signed in."}

ROUTES = (
    Route(
        "GET", "/me/events", list_events, "What happened to my account", "Account",
        guard=Guard.SESSION, filters=queries.Before, answer=shapes.OwnEvents, statuses=_SIGNED_IN,
    ),
    Route(
        "GET", "/me/export", export, "Everything that is stored about me", "Account",
        guard=Guard.SESSION, answer=shapes.OwnExport, statuses=_SIGNED_IN,
    ),
    Route(
        "DELETE", "/me", delete, "Delete my account", "Account",
        guard=Guard.RECENT, statuses={204: "Gone.", 409: "I am the last administrator."},
    ),
)  # fmt: skip
