"""Pages of what happened and of what is under way: the audit log, and ceremonies."""

from typing import Any
from urllib.parse import urlencode

from pwauth_server.events import UNAUDITED, Event
from pwauth_server.flows import admin_views
from pwauth_server.flows.admin_views import Filter
from pwauth_server.rules import moments
from pwauth_server.web import admin_frame, queries
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call

HOME = "/admin/events"
#: What the log can hold.
KNOWN = [event.value for event in Event if event not in UNAUDITED]


async def show_events(call: Call) -> Reply:
    """Show what happened."""
    view: queries.EventView = call.query
    who = await admin_views.whose(call.deps, view.person) if view.person else None
    is_nobody = view.person is not None and who is None
    wanted = Filter(view.event, who, None, _moment(view.since), _moment(view.until))
    found = [] if is_nobody else await admin_views.audit(call.deps, wanted, before=view.before, limit=view.limit)
    chosen = view.chosen()
    facts: dict[str, Any] = {
        "entries": found,
        "view": view,
        "known": KNOWN,
        "is_nobody": is_nobody,
        "is_filtered": bool(chosen),
        "newest": f"{HOME}?{urlencode(chosen)}" if view.before else None,
        "older": f"{HOME}?{urlencode(chosen | {'before': str(found[-1].id)})}" if len(found) == view.limit else None,
        "table": None if is_nobody else f"/admin/audit?{urlencode(_exported(wanted))}",
    }
    return admin_frame.page(call, "admin_events.html", tab="events", **facts)


async def show_ceremonies(call: Call) -> Reply:
    """Show ceremonies that are under way."""
    query: queries.Paged = call.query
    rows = await admin_views.ceremonies(call.deps, limit=query.limit + 1, offset=query.offset)
    facts: dict[str, Any] = {"rows": rows[: query.limit], "view": query, "is_more": len(rows) > query.limit}
    return admin_frame.page(call, "admin_ceremonies.html", tab="ceremonies", **facts)


def _moment(typed: str | None) -> float | None:
    return None if typed is None else moments.from_field(typed)


def _exported(wanted: Filter) -> dict[str, str]:
    """Return the query of the same events as a table, as the API takes it."""
    given = {
        "event": wanted.event,
        "user_id": str(wanted.user_id) if wanted.user_id else None,
        "since": moments.rfc3339(wanted.since) if wanted.since is not None else None,
        "until": moments.rfc3339(wanted.until) if wanted.until is not None else None,
    }
    return {"format": "csv"} | {name: value for name, value in given.items() if value is not None}


ROUTES = (
    admin_frame.shows(HOME, show_events, "What happened, as a page", filters=queries.EventView),
    admin_frame.shows("/admin/ceremonies", show_ceremonies, "Ceremonies that are under way, as a page", filters=queries.Paged),
)
