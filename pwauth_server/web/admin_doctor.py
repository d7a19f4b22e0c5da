"""The page of the doctor: findings with their remedies, worst first; it only tells."""

from pwauth_server.flows import checkup
from pwauth_server.rules.findings import Level
from pwauth_server.web import admin_frame
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call

#: In this order.
LEVELS = (Level.FAIL, Level.WARN, Level.OK)


async def show_findings(call: Call) -> Reply:
    """Show what the doctor finds, or found within the last minute."""
    look = await checkup.latest(call.deps)
    found = {level.value: [it for it in look.found if it.level is level] for level in LEVELS} if look else {}
    return admin_frame.page(call, "admin_doctor.html", tab="doctor", look=look, found=found)


ROUTES = (admin_frame.shows("/admin/doctor", show_findings, "What the doctor finds"),)
