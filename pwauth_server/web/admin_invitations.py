"""The page of invitations: who may sign up until when, whatever `signup` says."""

from typing import Any

from pwauth_server.errors import PwauthError
from pwauth_server.flows import invites
from pwauth_server.rules import addresses, moments
from pwauth_server.rules.moments import DAY
from pwauth_server.web import admin_frame, page_forms
from pwauth_server.web.admin_people import Shown
from pwauth_server.web.admin_schemas import DAYS_INVITED, MOST_DAYS_INVITED
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call

PATH = "/admin/invitations"


async def show_invitations(call: Call) -> Reply:
    """Show open invitations, and the form for another."""
    return await _page(call, call.query)


async def send_invitation(call: Call) -> Reply:
    """Invite an address until a day."""
    form: page_forms.InvitationForm = call.body
    typed = {"email": form.email, "until": form.until}
    try:
        email = addresses.canonical(form.email.strip())
    except ValueError:
        return await _page(call, slip="bad_address", typed=typed)
    days = _days(form.until, call.deps.clock.now())
    if days is None:
        return await _page(call, slip="bad_day", typed=typed)
    try:
        await invites.invite(call.deps, call.actor, email=email, days=days, caller=call.caller)
    except PwauthError as problem:
        return await _page(call, problem=problem, typed=typed)
    return admin_frame.done(PATH, "invited")


async def withdraw_invitation(call: Call) -> Reply:
    """Take an invitation back."""
    await invites.withdraw(call.deps, call.actor, call.path["invite_id"], call.caller)
    return admin_frame.done(PATH, "withdrawn")


async def _page(
    call: Call, query: Shown | None = None, *, problem: PwauthError | None = None, slip: str | None = None, typed: Any = None
) -> Reply:
    query, now = query or Shown(), call.deps.clock.now()
    facts: dict[str, Any] = {
        "found": await invites.listed(call.deps, limit=query.limit, offset=query.offset),
        "query": query,
        "slip": slip,
        "typed": typed or {"email": "", "until": moments.day(now + DAYS_INVITED * DAY)},
        "first": moments.day(now + DAY),
        "last": moments.day(now + MOST_DAYS_INVITED * DAY),
        "is_open": call.deps.config.signup == "open",
    }
    return admin_frame.page(call, "admin_invitations.html", problem, tab="invitations", status=400 if slip else 200, **facts)


def _days(until: str, now: float) -> int | None:
    try:
        days = moments.days_until(until, now)
    except ValueError:
        return None
    return days if 1 <= days <= MOST_DAYS_INVITED else None


ROUTES = (
    admin_frame.shows(PATH, show_invitations, "Open invitations", Shown),
    admin_frame.does(PATH, send_invitation, "Invite an address until a day", page=PATH, form=page_forms.InvitationForm),
    admin_frame.does(f"{PATH}/<invite_id:str>/withdraw", withdraw_invitation, "Take an invitation back", page=PATH),
)
