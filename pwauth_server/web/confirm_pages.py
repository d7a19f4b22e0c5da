"""Pages on which somebody proves something: a passkey, a code, a new app; and recovery codes, shown once."""

import json
import re
from typing import Any

from pwauth_server.errors import Malformed, NotACode, PwauthError, RateLimited, SignInFailed
from pwauth_server.flows import account, passkey_sign_in, recovery, totp
from pwauth_server.flows.sign_in import Current
from pwauth_server.rules import assurance
from pwauth_server.web import arrivals, page_forms
from pwauth_server.web.account_pages import HOME, done, page
from pwauth_server.web.magic_link import return_to
from pwauth_server.web.recovery import recovery_code
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route
from pwauth_server.web.totp import six_digits

#: Where somebody who confirms may be sent: our own pages only, and none that is told what to say. A choice of people
#: stands in the query.
_OWN_PATH = re.compile(r"/(account|admin)(/[A-Za-z0-9/_-]*)?|/admin/selection\?((do|id)=[0-9a-z_-]+&?)+", re.ASCII)


async def confirm(call: Call) -> Reply:
    """Ask a signed-in person to prove once more who they are, with what the account has."""
    return await _confirm(call, _own(call.request.args.get("return_to", "")))


async def confirm_by_totp(call: Call) -> Reply:
    """Step up by a code of the app."""
    form: page_forms.ConfirmForm = call.body
    try:
        ended = await totp.verify_for(call.deps, current=_current(call), code=six_digits(form.code), caller=call.caller)
    except PwauthError as problem:
        return await _confirm(call, _own(form.return_to), problem)
    return arrivals.by_form(call, ended, default=_own(form.return_to))


async def confirm_by_recovery_code(call: Call) -> Reply:
    """Step up by a recovery code."""
    form: page_forms.ConfirmForm = call.body
    try:
        ended = await recovery.step_up_with(call.deps, code=recovery_code(form.code), caller=call.caller, current=_current(call))
    except PwauthError as problem:
        return await _confirm(call, _own(form.return_to), problem)
    return arrivals.by_form(call, ended, default=_own(form.return_to))


async def sign_in_by_passkey(call: Call) -> Reply:
    """Sign in, or step up, by a passkey's answer that came in a form."""
    form: page_forms.PasskeyAnswerForm = call.body
    ended = await passkey_sign_in.finish(
        call.deps, pending_id=form.pending_id, response=_object(form.response), caller=call.caller, current=call.current
    )
    return arrivals.by_form(call, ended, default=return_to(call.deps, form.return_to or None) or "/")


async def begin_totp(call: Call) -> Reply:
    """Show the secret of a new app as a picture."""
    made = await totp.enrol(call.deps, session=call.owner, email=None, caller=call.caller)
    return page(call, "account_totp.html", made=made)


async def finish_totp(call: Call) -> Reply:
    """Take the first code of a new app."""
    form: page_forms.CodeForm = call.body
    try:
        ended = await totp.verify_for(call.deps, current=_current(call), code=six_digits(form.code), caller=call.caller)
    except (NotACode, RateLimited, SignInFailed) as problem:
        return page(call, "account_totp.html", problem, made=None)
    # Where no secret waited any more, the code of the app that counts stepped up: a new session, whose cookie must arrive.
    return arrivals.by_form(call, ended, default=f"{HOME}?said=totp_added")


async def remove_totp(call: Call) -> Reply:
    """Remove the app."""
    await totp.remove(call.deps, call.owner, call.caller)
    return done("removed")


async def make_recovery_codes(call: Call) -> Reply:
    """Make ten codes and show them, this once."""
    return page(call, "account_codes.html", codes=await recovery.make(call.deps, call.owner, call.caller))


async def _confirm(call: Call, back: str, problem: PwauthError | None = None) -> Reply:
    me = await account.me(call.deps, call.owner)
    ways = assurance.steps(me.owned, call.owner.amr, verified=call.owner.verified, now=call.deps.clock.now())
    wants_passkey = back.startswith("/admin")  # nothing else is enough there (SEC-90)
    if wants_passkey:
        ways = tuple(way for way in ways if way == "webauthn")
    return page(call, "confirm.html", problem, me=me, methods=ways, return_to=back, wants_passkey=wants_passkey)


def _current(call: Call) -> Current:
    return Current(call.owner, on_purpose=False)


def _own(wanted: str) -> str:
    return wanted if _OWN_PATH.fullmatch(wanted) else HOME


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise Malformed from cause
    if not isinstance(found, dict):
        raise Malformed
    return found


_PAGE: dict[str, Any] = {"cors": False, "media_type": "text/html"}

ROUTES = (
    Route(
        "POST", "/signin/passkey", sign_in_by_passkey, "Sign in by a passkey, from our own page", "Pages",
        guard=Guard.ANYBODY, form=page_forms.PasskeyAnswerForm, **_PAGE,
    ),
    Route("GET", "/account/confirm", confirm, "Prove once more who one is", "Pages", guard=Guard.SESSION, **_PAGE),
    Route(
        "POST", "/account/confirm/totp", confirm_by_totp, "The same by a code of the app", "Pages",
        guard=Guard.SESSION, form=page_forms.ConfirmForm, **_PAGE,
    ),
    Route(
        "POST", "/account/confirm/recovery", confirm_by_recovery_code, "The same by a recovery code", "Pages",
        guard=Guard.SESSION, form=page_forms.ConfirmForm, **_PAGE,
    ),
    Route("POST", "/account/totp", begin_totp, "Add an authenticator app", "Pages", guard=Guard.RECENT, form=page_forms.Form, **_PAGE),
    Route(
        "POST", "/account/totp/confirm", finish_totp, "Show its first code", "Pages",
        guard=Guard.SESSION, form=page_forms.CodeForm, **_PAGE,
    ),
    Route("POST", "/account/totp/remove", remove_totp, "Remove it", "Pages", guard=Guard.RECENT, form=page_forms.Form, **_PAGE),
    Route(
        "POST", "/account/recovery-codes", make_recovery_codes, "Make recovery codes", "Pages",
        guard=Guard.RECENT, form=page_forms.Form, **_PAGE,
    ),
)  # fmt: skip
