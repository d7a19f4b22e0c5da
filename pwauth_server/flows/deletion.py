"""Deleting an account: with everything that belongs to it; the audit log keeps ids (SEC-09, SEC-98)."""

from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import last_admin, mail, step_up
from pwauth_server.flows.admin_access import Actor
from pwauth_server.rules import moments
from pwauth_server.rules.letters import LetterKind
from pwauth_server.rules.moments import DAY
from pwauth_server.store import invites, letter_list, magic_links, sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User

#: Letters of an account that are forgotten with it, at the most; the rest is purged in its time.
MAX_LETTERS = 1000
#: How long the last letter is worth sending, in seconds.
FAREWELL_LIFE = 7 * DAY


async def delete(deps: Deps, user_id: UUID, caller: Caller, *, by: Actor | Session) -> bool:
    """Delete somebody's account, on an administrator's word or its owner's, and tell the mailbox; False if there is none.

    Raises Conflict for the last administrator, and what `last_admin.hold` and `step_up.hold` raise for who may not. The
    id is never given to anybody again: whoever signs up with the address later is somebody else to every app.
    """
    now, admin = deps.clock.now(), by if isinstance(by, Actor) else None
    who = {"by": admin.word} if admin else {}
    letters = await _letters(deps, user_id)

    async def work(tx: Tx) -> bool:
        user = await last_admin.hold(tx, user_id, by=admin, now=now)
        if user is None:
            return False
        if isinstance(by, Session):
            await step_up.hold(tx, by, now)
        if await last_admin.is_last_admin(tx, user):
            raise Conflict("This is the last administrator.")
        for session_id in await sessions.end_all(tx, user.id, now=now, reason=Reason.DELETED):
            await tx.record(Occurrence(Event.SESSION_ENDED, now, caller, user.id, session_id, reason=Reason.DELETED, facts=who))
        await users.delete(tx, user.id)
        await magic_links.close_every_one_of(tx, user.email, now)
        await invites.use(tx, user.email)
        await letter_list.forget(tx, user.email, letters)
        await tx.record(Occurrence(Event.USER_DELETED, now, caller, user.id, facts=who))
        await _say_farewell(tx, deps, user, caller, now, by=admin)
        return True

    return await deps.db.unit(work)


async def _letters(deps: Deps, user_id: UUID) -> list[UUID]:
    """Return the ids of somebody's letters; looked for apart, because nothing finds them by address quickly."""
    async with deps.db.apart() as reads:
        user = await users.find(reads, user_id)
        return letter_list.ids_of(await letter_list.to(reads, user.email, limit=MAX_LETTERS)) if user else []


async def _say_farewell(tx: Tx, deps: Deps, user: User, caller: Caller, now: float, *, by: Actor | None) -> None:
    if not user.verified:
        return
    whose = ("an administrator", "the administration") if by else (caller.ip, caller.browser)
    facts = {"at": moments.in_words(now), "ip": whose[0], "browser": whose[1]}
    await mail.post(tx, deps, kind=LetterKind.FAREWELL, to=user.email, facts=facts, expires_at=now + FAREWELL_LIFE, now=now)
