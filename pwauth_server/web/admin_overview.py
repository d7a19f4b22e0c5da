"""The start page of the administration: what is unset or unsafe, and figures."""

from pwauth_server.web import admin_frame
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call


async def show_overview(call: Call) -> Reply:
    """Show how things are."""
    return admin_frame.page(call, "admin_overview.html", tab="overview")


ROUTES = (admin_frame.shows("/admin", show_overview, "How things are"),)
