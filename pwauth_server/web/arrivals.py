"""How a finished sign-in reaches whoever signed in: tokens for programs, a cookie for browsers (SEC-17, SEC-18)."""

import hmac
from hashlib import sha256

from pwauth_server.deps import Deps
from pwauth_server.errors import CrossOrigin, PwauthError
from pwauth_server.flows import sessions, sign_in
from pwauth_server.flows.sign_in import SecondFactorDue, SignedIn
from pwauth_server.rules import secrets
from pwauth_server.web import answers, cookies, guards, pages, replies
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call

FORM_PURPOSE = "form-nonce"
#: A page may lie open at least this long, in seconds: as long as the longest link lives.
NONCE_LIFE = 900


def by_program(call: Call, done: SignedIn | SecondFactorDue) -> Reply:
    """Answer with tokens, or with what is still due; a script of our own page that came with a cookie gets the new one."""
    reply = replies.ok(answers.signed_in(done))
    if isinstance(done, SignedIn) and call.current and not call.current.on_purpose:
        _put_session(call.deps, reply, done)
    return reply


def by_form(call: Call, done: SignedIn | SecondFactorDue) -> Reply:
    """Send a browser on with the session in a cookie, or show it the page of what is still due."""
    if isinstance(done, SecondFactorDue):
        return second_factor(call, done)
    reply = replies.redirect(done.return_to or "/")
    _put_session(call.deps, reply, done)
    cookies.drop(reply, cookies.REQUEST)
    return reply


def second_factor(call: Call, due: SecondFactorDue, problem: PwauthError | None = None) -> Reply:
    """Ask a person for the second factor, again if there was a problem with it."""
    html = pages.render("second_factor.html", due=due, nonce=nonces(call.deps)[0], problem=problem)
    return pages.refusing(html, problem) if problem else replies.page(html)


async def second_factor_refused(call: Call, pending_id: str, problem: PwauthError) -> Reply:
    """Let a person try the second factor again, as long as the sign-in waits for it."""
    due = await sign_in.still_due(call.deps, pending_id)
    return second_factor(call, due, problem) if due else pages.refused(problem)


def check_form(call: Call, nonce: str) -> None:
    """Raise CrossOrigin unless a form was sent from a page of ours."""
    guards.same_origin(call.request, call.deps.config)
    if not any(secrets.same(nonce.encode(), ours.encode()) for ours in nonces(call.deps)):
        raise CrossOrigin


def nonces(deps: Deps) -> tuple[str, str]:
    """Return what proves that a form came from a page of ours: the nonce of now, and the one before it.

    It tells nothing about a link, so the page of a live one is that of an invented one (SEC-13).
    """
    window = int(deps.clock.now() // NONCE_LIFE)
    key = deps.ring.derive(FORM_PURPOSE)
    now, before = (hmac.digest(key, str(number).encode(), sha256).hex() for number in (window, window - 1))
    return now, before


def _put_session(deps: Deps, reply: Reply, done: SignedIn) -> None:
    life = int(done.session.absolute_expires_at - deps.clock.now())
    cookies.put(reply, cookies.SESSION, sessions.cookie_for(deps, done.session), max_age=life)
