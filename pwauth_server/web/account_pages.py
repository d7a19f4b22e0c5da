"""The account page: who I am, how I can sign in, where I am signed in, what happened."""

from collections.abc import Awaitable, Callable
from typing import Any

from pwauth_server.errors import PwauthError
from pwauth_server.flows import account, own_data, passkeys, sessions
from pwauth_server.flows.passkeys import Passkey
from pwauth_server.rules import assurance, authenticators
from pwauth_server.web import cookies, forms, page_forms, pages, replies
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call, Guard, Route

HOME = "/account"
#: What the page may be told to say after something was done: keys of `account.said`.
SAID = frozenset({"saved", "passkey_added", "removed", "totp_added", "ended", "mail_on", "mail_off"})
#: Recent events on the page.
EVENTS = 20


async def show_account(call: Call) -> Reply:
    """Show everything a person can look after."""
    me, now = await account.me(call.deps, call.owner), call.request.args.get("said", "")
    facts: dict[str, Any] = {
        "passkeys": [_passkey(it) for it in (await passkeys.listed(call.deps, call.owner)).passkeys],
        "sessions": await sessions.of_owner(call.deps, call.owner),
        "events": [it.for_owner() for it in await own_data.events(call.deps, call.owner, before=None, limit=EVENTS)],
        "said": now if now in SAID else None,
    }
    return page(call, "account.html", me=me, **facts)


async def rename(call: Call) -> Reply:
    """Change one's name."""
    await account.change(call.deps, call.owner, call.caller, name=call.body.name, mail_sign_in=None)
    return done("saved")


async def rename_passkey(call: Call) -> Reply:
    """Give a passkey another name."""
    await passkeys.rename(call.deps, call.owner, call.path["passkey_id"], call.body.name, call.caller)
    return done("saved")


async def remove_passkey(call: Call) -> Reply:
    """Remove a passkey."""
    await passkeys.remove(call.deps, call.owner, call.path["passkey_id"], call.caller)
    return done("removed")


async def switch_mail_on(call: Call) -> Reply:
    """Get sign-in letters again."""
    await account.change(call.deps, call.owner, call.caller, name=None, mail_sign_in=True)
    return done("mail_on")


async def switch_mail_off(call: Call) -> Reply:
    """Get no more sign-in letters."""
    await account.change(call.deps, call.owner, call.caller, name=None, mail_sign_in=False)
    return done("mail_off")


async def end_session(call: Call) -> Reply:
    """End one of one's sessions; it may be this one."""
    await sessions.end(call.deps, call.owner, call.path["session_id"], call.caller)
    return done("ended")


async def end_other_sessions(call: Call) -> Reply:
    """End all of one's other sessions."""
    await sessions.end_others(call.deps, call.owner, call.caller)
    return done("ended")


async def ask_deletion(call: Call) -> Reply:
    """Ask before an account is deleted."""
    return page(call, "account_delete.html", me=await account.me(call.deps, call.owner))


async def delete(call: Call) -> Reply:
    """Delete one's account."""
    await own_data.delete(call.deps, call.owner, call.caller)
    reply = replies.redirect("/")
    cookies.drop_session(reply, call.deps.config)
    return reply


def page(call: Call, template: str, problem: PwauthError | None = None, **facts: Any) -> Reply:
    """Answer with a page of a signed-in person's own, which tells of a ``problem`` if there was one."""
    is_admin = assurance.ADMIN in call.owner.roles
    return pages.show(call.request, template, problem, here="account", is_admin=is_admin, nonce=forms.nonce(call.deps), **facts)


def done(said: str) -> Reply:
    """Go back to the account page, which says what was done."""
    return replies.redirect(f"{HOME}?said={said}")


def _passkey(it: Passkey) -> dict[str, Any]:
    made_by = authenticators.name_of(it.aaguid)
    return {
        "id": it.id,
        "name": it.name,
        "authenticator": made_by if made_by not in {authenticators.UNKNOWN, it.name} else None,  # nothing new
        "synced": bool(it.backup_eligible),
        "suspended": it.suspended_at is not None,
        "created_at": it.created_at,
        "last_used_at": it.last_used_at,
    }


def _post(path: str, handler: Callable[[Call], Awaitable[Reply]], summary: str, guard: Guard, form: Any = None) -> Route:
    form = form or page_forms.Form
    return Route("POST", path, handler, summary, "Pages", guard=guard, form=form, cors=False, media_type="text/html")


_PAGE: dict[str, Any] = {"cors": False, "media_type": "text/html"}

ROUTES = (
    Route("GET", HOME, show_account, "The account page", "Pages", guard=Guard.SESSION, **_PAGE),
    _post("/account/name", rename, "Change my name", Guard.SESSION, page_forms.NameForm),
    _post("/account/passkeys/<passkey_id:str>/rename", rename_passkey, "Rename a passkey", Guard.SESSION, page_forms.PasskeyForm),
    _post("/account/passkeys/<passkey_id:str>/remove", remove_passkey, "Remove a passkey", Guard.RECENT),
    _post("/account/mail/on", switch_mail_on, "Switch sign-in letters on", Guard.RECENT),
    _post("/account/mail/off", switch_mail_off, "Switch sign-in letters off", Guard.RECENT),
    _post("/account/sessions/<session_id:str>/end", end_session, "End a session", Guard.SESSION),
    _post("/account/sessions/end-others", end_other_sessions, "End all other sessions", Guard.RECENT),
    Route("GET", "/account/delete", ask_deletion, "Ask before the account is deleted", "Pages", guard=Guard.RECENT, **_PAGE),
    _post("/account/delete", delete, "Delete the account", Guard.RECENT),
)
