"""Whether a reverse proxy may let somebody through to an app, and as whom (SEC-97)."""

from dataclasses import dataclass
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Forbidden, Unauthenticated
from pwauth_server.store import users
from pwauth_server.store.sessions import Session


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is let through."""

    user_id: UUID
    email: str
    name: str
    groups: tuple[str, ...]
    session_id: UUID


async def admit(deps: Deps, session: Session) -> Visitor:
    """Return who the person of a live session is to the apps behind a proxy.

    Raises Forbidden if nobody has proven the mailbox: such an account may be a stranger's (SEC-07).
    """
    if not session.verified:
        raise Forbidden("This account has not proven its mailbox.")
    user = await deps.db.remembered(("visitor", session.user_id), lambda: users.find(deps.db.reads, session.user_id))
    if user is None or user.disabled:  # changed since the guard looked
        raise Unauthenticated
    return Visitor(user.id, user.email, user.name, session.roles, session.id)
