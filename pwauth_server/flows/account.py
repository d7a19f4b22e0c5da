"""A person's own account."""

from dataclasses import dataclass

from pwauth_server.deps import Deps
from pwauth_server.errors import Unauthenticated
from pwauth_server.store import sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, with counts."""

    user: User
    session: Session
    sessions: int

    def __hash__(self) -> int:
        """Hash by session; equality still looks at everything."""
        return hash(self.session)


async def me(deps: Deps, session: Session) -> Me:
    """Return the person of a session."""
    # The count of sessions falls by itself as they run out, so an answer is kept for a second at most.
    return await deps.db.remembered(("me", session.id, int(deps.clock.now())), lambda: _me(deps, session))


async def _me(deps: Deps, session: Session) -> Me:
    reads = deps.db.reads
    user = await users.find(reads, session.user_id)
    if user is None:  # deleted since the guard looked
        raise Unauthenticated
    return Me(user, session, await sessions.count_live_of(reads, session.user_id, deps.clock.now()))


async def rename(deps: Deps, session: Session, name: str) -> None:
    """Set the name by which other people know this person."""

    async def work(tx: Tx) -> None:
        await users.rename(tx, session.user_id, name)

    await deps.db.unit(work)
