"""How a finished sign-in reaches whoever signed in: tokens for programs, a cookie for browsers (SEC-17)."""

from pwauth_server.deps import Deps
from pwauth_server.errors import PwauthError
from pwauth_server.flows import sessions, sign_in
from pwauth_server.flows.sign_in import SecondFactorDue, SignedIn
from pwauth_server.web import answers, cookies, forms, pages, replies
from pwauth_server.web.replies import Reply
from pwauth_server.web.route import Call


def by_program(call: Call, done: SignedIn | SecondFactorDue) -> Reply:
    """Answer with tokens, or with what is still due; a script of our own page that came with a cookie gets the new one."""
    reply = replies.ok(answers.signed_in(done))
    if isinstance(done, SignedIn) and call.current and not call.current.on_purpose:
        _put_session(call.deps, reply, done)
    return reply


def by_form(call: Call, done: SignedIn | SecondFactorDue, *, default: str = "/") -> Reply:
    """Send a browser on with the session in a cookie, or show it the page of what is still due."""
    if isinstance(done, SecondFactorDue):
        return second_factor(call, done)
    reply = replies.redirect(done.return_to or default)
    _put_session(call.deps, reply, done)
    for name in (cookies.REQUEST, cookies.WAITING):
        cookies.drop(reply, name)
    return reply


def second_factor(call: Call, due: SecondFactorDue, problem: PwauthError | None = None) -> Reply:
    """Ask a person for the second factor, again if there was a problem with it."""
    return pages.show(call.request, "second_factor.html", problem, due=due, nonce=forms.nonce(call.deps))


async def second_factor_refused(call: Call, pending_id: str, problem: PwauthError) -> Reply:
    """Let a person try the second factor again, as long as the sign-in waits for it."""
    due = await sign_in.still_due(call.deps, pending_id)
    return second_factor(call, due, problem) if due else pages.refused(call.request, problem)


def _put_session(deps: Deps, reply: Reply, done: SignedIn) -> None:
    life = int(done.session.absolute_expires_at - deps.clock.now())
    cookies.put(reply, cookies.SESSION, sessions.cookie_for(deps, done.session), max_age=life)
    if domain := deps.config.cookie_domain:
        cookies.put(reply, cookies.VISIT, sessions.visit_cookie_for(deps, done.session), max_age=life, domain=domain)
