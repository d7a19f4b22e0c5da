"""Signing in once more before something sensitive: recently, and with what the account has (SEC-57; RFC 9470)."""

from pwauth_server.deps import Deps
from pwauth_server.errors import StepUpRequired, Unauthenticated
from pwauth_server.rules import assurance
from pwauth_server.store import factors, sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Runs, Tx
from pwauth_server.store.users import User


async def require(deps: Deps, session: Session) -> None:
    """Let a session pass that may change factors or end other sessions; raise StepUpRequired otherwise."""
    await _require(deps.db.reads, session, deps.clock.now())


async def hold(tx: Tx, session: Session, now: float) -> User:
    """Ask once more, with the account held until this transaction ends, and return its owner.

    Between guard and change the session may have been ended, above all by "this wasn't me", or the account may have
    got a factor that this session does not show. Raises Unauthenticated or StepUpRequired.
    """
    owner, found = await users.hold(tx, session.user_id), await sessions.find(tx, session.id)
    if owner is None or found is None or not found.is_live(now):
        raise Unauthenticated
    await _require(tx, found, now)
    return owner


async def _require(db: Runs, session: Session, now: float) -> None:
    owned = await factors.owned(db, session.user_id)
    if not assurance.is_enough(session.acr, session.amr, auth_time=session.auth_time, now=now, owned=owned):
        methods = assurance.steps(owned, session.amr, verified=session.verified, now=now)
        raise StepUpRequired(methods=methods, max_age=int(assurance.MAX_AGE))
