"""Signing in once more before something sensitive: recently, and with what the account has (SEC-57; RFC 9470)."""

from pwauth_server.deps import Deps
from pwauth_server.errors import StepUpRequired
from pwauth_server.rules import assurance
from pwauth_server.store import factors
from pwauth_server.store.sessions import Session


async def require(deps: Deps, session: Session) -> None:
    """Let a session pass that may change factors or end other sessions; raise StepUpRequired otherwise."""
    owned = await factors.owned(deps.db.reads, session.user_id)
    if not assurance.is_enough(session.acr, auth_time=session.auth_time, now=deps.clock.now(), owned=owned):
        # Whatever a stranger's account holds: first the mailbox must be proven (SEC-07).
        methods = assurance.ways(owned) if session.verified else (assurance.EMAIL,)
        raise StepUpRequired(methods=methods, max_age=int(assurance.MAX_AGE))
