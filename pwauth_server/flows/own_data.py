"""One's own account as a whole: what happened to it, everything that is stored about it, and its end (SEC-55, SEC-98)."""

from pwauth_server.deps import Deps
from pwauth_server.errors import Unauthenticated
from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.flows import deletion, exports
from pwauth_server.flows.exports import Export
from pwauth_server.rules.limits import Limit
from pwauth_server.store import audit_log
from pwauth_server.store.audit_log import Entry, Filter
from pwauth_server.store.sessions import Session


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
    async with deps.exporting, deps.db.apart() as reads:
        found = await exports.of_person(reads, user_id)
    if found is None:  # deleted since the guard looked
        raise Unauthenticated
    return found


async def delete(deps: Deps, session: Session, caller: Caller) -> None:
    """Delete the account of a session; raise Conflict for the last administrator, Unauthenticated if it has ended since."""
    if not await deletion.delete(deps, session.user_id, caller, by=session):
        raise Unauthenticated
