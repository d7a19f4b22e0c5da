"""One's own account as a whole: what happened to it, everything that is stored about it, and its end (SEC-55, SEC-98)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pwauth_server.deps import Deps
from pwauth_server.errors import Unauthenticated
from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.flows import deletion
from pwauth_server.rules.assurance import Owned
from pwauth_server.rules.limits import Limit
from pwauth_server.store import audit_log, factors, letter_list, people, sessions
from pwauth_server.store.audit_log import Entry, Filter
from pwauth_server.store.people import PasskeyInfo, Profile
from pwauth_server.store.sessions import Session

#: Rows of a kind in an export at the most, the newest: nobody downloads without end.
MAX_EVENTS = 10_000
MAX_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is stored about a person, without anything that proves who they are."""

    profile: Profile
    owned: Owned
    passkeys: Sequence[PasskeyInfo]
    sessions: Sequence[Mapping[str, Any]]
    letters: Sequence[Mapping[str, Any]]
    events: Sequence[Entry]


async def events(deps: Deps, session: Session, *, before: int | None, limit: int) -> list[Entry]:
    """Return what happened to the account of a session, newest first, from below the id ``before`` on."""
    async with deps.db.apart() as reads:
        return await audit_log.page(reads, Filter(user_id=session.user_id), before=before, limit=limit)


async def export(deps: Deps, session: Session, caller: Caller) -> Export:
    """Collect everything about the person of a session; that it was asked for is an event of the account too.

    Raises RateLimited if that was asked too often.
    """
    user_id = session.user_id
    await deps.limiter.take(Limit.EXPORTS_PER_ACCOUNT, str(user_id))
    await deps.db.record(Occurrence(Event.USER_EXPORTED, deps.clock.now(), caller, user_id, session.id))
    async with deps.db.apart() as reads:
        profile = await people.find(reads, user_id)
        if profile is None:  # deleted since the guard looked
            raise Unauthenticated
        return Export(
            profile=profile,
            owned=await factors.owned(reads, user_id),
            passkeys=await people.passkeys_of(reads, user_id),
            sessions=await sessions.history(reads, user_id, limit=MAX_ROWS),
            letters=await letter_list.to(reads, profile.user.email, limit=MAX_ROWS),
            events=await audit_log.page(reads, Filter(user_id=user_id), before=None, limit=MAX_EVENTS),
        )


async def delete(deps: Deps, session: Session, caller: Caller) -> None:
    """Delete the account of a session; raise Conflict for the last administrator, Unauthenticated if it has ended since."""
    if not await deletion.delete(deps, session.user_id, caller, by=session):
        raise Unauthenticated
