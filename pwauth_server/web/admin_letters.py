"""The page of letters: what waits, what failed and why, a second try for dead ones, a test."""

from collections.abc import Mapping
from typing import Any, get_args
from urllib.parse import urlencode

from pwauth_server.errors import MailCapReached, Missing, PwauthError, RateLimited
from pwauth_server.flows import admin_mail, admin_views, mail, mail_chain
from pwauth_server.rules import addresses
from pwauth_server.rules.ids import shown
from pwauth_server.web import admin_frame, page_forms, queries
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call

HOME = "/admin/mail"
_SHOWN = ("kind", "recipient", "status", "attempts", "created_at", "next_attempt_at", "expires_at", "finished_at")


async def show_letters(call: Call) -> Reply:
    """Show the mail queue."""
    return await _page(call, call.query)


async def requeue(call: Call) -> Reply:
    """Let a dead letter be tried again."""
    try:
        await mail.requeue(call.deps, call.path["letter_id"], call.caller, by=call.actor)
    except Missing as problem:
        return await _page(call, queries.LetterView(), problem)
    return admin_frame.done(HOME, "requeued")


async def send_test(call: Call) -> Reply:
    """Queue a test letter."""
    form: page_forms.TestLetterForm = call.body
    try:
        email = addresses.canonical(form.email)
    except ValueError:
        return await _page(call, queries.LetterView(), slip="bad_address", email=form.email, status=400)
    try:
        await admin_mail.send_test(call.deps, call.actor, email, call.caller)
    except (RateLimited, MailCapReached) as problem:
        return await _page(call, queries.LetterView(), problem, email=email)
    return admin_frame.done(HOME, "tested")


async def _page(call: Call, view: queries.LetterView, problem: PwauthError | None = None, **told: Any) -> Reply:
    found = await admin_views.letters(
        call.deps, status=view.status, kind=None, recipient=_recipient(view.to), limit=view.limit, offset=view.offset
    )
    now = call.deps.clock.now()
    facts: dict[str, Any] = {
        "letters": [_letter(row, now) for row in found.letters],
        "total": found.total,
        "view": view,
        "states": get_args(queries.LetterState),
        "address": f"{HOME}?{urlencode([*view.chosen().items(), ('offset', '')])}",
        "slip": None,
        "email": "",
    }
    return admin_frame.page(call, "admin_mail.html", problem, tab="mail", **facts | told)


def _recipient(typed: str | None) -> str | None:
    """Return the address to look for; what is none is looked for as it is, and not found."""
    try:
        return addresses.canonical(typed) if typed else None
    except ValueError:
        return typed


def _letter(row: Mapping[str, Any], now: float) -> dict[str, Any]:
    return {
        **{name: row[name] for name in _SHOWN},
        "id": shown(row["id"]),
        "reason": row["last_error"] or "",
        "transport": row["transport"] if row["transport"] != mail_chain.NOWHERE else None,
        "can_be_requeued": row["status"] == "failed" and row["expires_at"] > now,
    }


ROUTES = (
    admin_frame.shows(HOME, show_letters, "The mail queue", filters=queries.LetterView),
    admin_frame.does(f"{HOME}/<letter_id:str>/requeue", requeue, "Try a dead letter again, from our own page", page=HOME),
    admin_frame.does(f"{HOME}/test", send_test, "Send a test letter, from our own page", page=HOME, form=page_forms.TestLetterForm),
)
