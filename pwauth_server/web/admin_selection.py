"""The page that asks before something is done to several people, or something that cannot be undone to one."""

from typing import Any

from pwauth_server.errors import Conflict, Malformed
from pwauth_server.flows import admin_selection
from pwauth_server.flows.admin_selection import MOST, Action
from pwauth_server.web import admin_frame
from pwauth_server.web.admin_people import HOME
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call

PATH = "/admin/selection"


async def ask_about_selection(call: Call) -> Reply:
    """List whom it would happen to, and ask."""
    action, user_ids = _selection(call)
    profiles = await admin_selection.chosen(call.deps, user_ids)
    is_me = any(it.user.id == call.actor.id for it in profiles)
    return admin_frame.page(call, "admin_selection.html", tab="people", action=action, profiles=profiles, is_me=is_me)


async def act_on_selection(call: Call) -> Reply:
    """Do it, and name those with whom it did not work."""
    action, user_ids = _selection(call)
    outcomes = await admin_selection.perform(call.deps, call.actor, action, user_ids, call.caller)
    refused = [it for it in outcomes if it.problem]
    if not refused:
        return admin_frame.done(HOME, action)
    facts: dict[str, Any] = {"refused": refused, "number": len(outcomes) - len(refused)}
    return admin_frame.page(call, "admin_selection_refused.html", tab="people", status=Conflict.status, **facts)


def _selection(call: Call) -> tuple[Action, list[str]]:
    # In the query, for the question and for its answer: whoever has to show a passkey in between comes back to it.
    wanted, user_ids = call.request.args.get("do", ""), call.request.args.getlist("id", [])
    if wanted not in set(Action) or len(user_ids) > MOST:
        raise Malformed
    return Action(wanted), user_ids


ROUTES = (
    admin_frame.shows(PATH, ask_about_selection, "Ask before something is done to people"),
    admin_frame.does(PATH, act_on_selection, "Do it", page=f"{PATH}?{{query}}"),
)
