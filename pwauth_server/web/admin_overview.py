"""The start page of the administration: what is unset or unsafe, and figures."""

from typing import Any

from pwauth_server.flows import checklist
from pwauth_server.web import admin_frame, admin_live
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call


async def show_overview(call: Call) -> Reply:
    """Show how things are."""
    items = await checklist.items(call.deps)
    facts: dict[str, Any] = {"to_do": [it.topic for it in items if not it.is_well], "well": [it.topic for it in items if it.is_well]}
    return admin_frame.page(call, "admin_overview.html", tab="overview", **facts, **await admin_live.facts(call))


ROUTES = (admin_frame.shows("/admin", show_overview, "How things are"),)
