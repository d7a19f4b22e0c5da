"""What administrators do with people: find, change, shut out, delete; take factors and sessions away, never give any (SEC-91)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, Forbidden, LastFactor, Malformed, Missing
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import deletion, last_admin, notices, roles
from pwauth_server.flows.admin_access import Actor
from pwauth_server.rules import assurance, ids
from pwauth_server.rules.assurance import Owned
from pwauth_server.store import challenges, factors, magic_links, passkeys, people, sessions, totp, users
from pwauth_server.store.people import PasskeyInfo, Profile
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User

__all__ = ["PasskeyInfo", "Profile"]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of people, and how many there are on all pages."""

    profiles: list[Profile]
    total: int


@dataclass(frozen=True, slots=True)
class Details:
    """A person with what the account has."""

    profile: Profile
    owned: Owned
    passkeys: Sequence[PasskeyInfo]
    sessions: int


@dataclass(frozen=True, slots=True)
class Change:
    """What to change about a person; None: leave it."""

    disabled: bool | None = None
    name: str | None = None
    roles: tuple[str, ...] | None = None


async def search(deps: Deps, *, q: str, limit: int, offset: int) -> Found:
    """Return people whose address or name holds ``q``, or whose id it is; everybody without."""
    async with deps.db.apart() as reads:
        return Found(await people.page(reads, q=q, limit=limit, offset=offset), await people.count(reads, q=q))


async def find(deps: Deps, user_id: str) -> Details:
    """Return a person with factors and counts; raise Missing if there is none of that id."""
    reads, found = deps.db.reads, _id(user_id)
    profile = await people.find(reads, found)
    if profile is None:
        raise Missing
    live = await sessions.count_live_of(reads, found, deps.clock.now())
    return Details(profile, await factors.owned(reads, found), await people.passkeys_of(reads, found), live)


async def change(deps: Deps, actor: Actor, user_id: str, wanted: Change, caller: Caller) -> Details:
    """Change a person and return them as they are then; who is shut out has no session left.

    Raises Missing, Conflict for the last administrator, and Forbidden for making one: that is done on the host.
    """
    found, now = _id(user_id), deps.clock.now()
    if wanted == Change():
        raise Malformed("There is nothing to change.")

    async def work(tx: Tx) -> None:
        user = await _held(tx, actor, found, now)
        if wanted.roles is not None and set(wanted.roles) != set(user.roles):
            await _set_roles(tx, deps, user, wanted.roles, actor, caller=caller, now=now)
        if wanted.disabled is not None and wanted.disabled != user.disabled:
            await (_disable if wanted.disabled else _enable)(tx, user, actor, caller, now)
        if wanted.name is not None and wanted.name != user.name:
            await users.rename(tx, user.id, wanted.name)
            # Which field, not its content: the log outlives the account and holds no personal text.
            await tx.record(_by(actor, Event.USER_CHANGED, now, caller, user.id, changed="name"))

    await deps.db.unit(work)
    return await find(deps, user_id)


async def delete(deps: Deps, actor: Actor, user_id: str, caller: Caller) -> None:
    """Delete a person's account; raise Missing, or Conflict for the last administrator."""
    if not await deletion.delete(deps, _id(user_id), caller, by=actor):
        raise Missing


async def sessions_of(deps: Deps, user_id: str) -> list[Session]:
    """Return a person's live sessions, newest first, 100 at the most; raise Missing if there is no such person."""
    found = _id(user_id)
    if await users.find(deps.db.reads, found) is None:
        raise Missing
    return await sessions.live_of(deps.db.reads, found, deps.clock.now())


async def newest_sessions(deps: Deps, *, limit: int, offset: int) -> tuple[list[Session], int]:
    """Return live sessions of everybody, the newest first, and how many there are on all pages."""
    now = deps.clock.now()
    async with deps.db.apart() as reads:
        return await sessions.newest(reads, now, limit=limit, offset=offset), await sessions.count_live(reads, now)


async def end_sessions(deps: Deps, actor: Actor, user_id: str, caller: Caller) -> int:
    """End all sessions of a person; return how many."""
    found, now = _id(user_id), deps.clock.now()

    async def work(tx: Tx) -> int:
        user = await _held(tx, actor, found, now)
        return await _end_all(tx, user, actor, Reason.ENDED_BY_ADMIN, caller=caller, now=now)

    return await deps.db.unit(work)


async def end_session(deps: Deps, actor: Actor, session_id: str, caller: Caller) -> None:
    """End one session, whoever's; raise Missing if there is no live one of that id."""
    found, now = _id(session_id), deps.clock.now()

    async def work(tx: Tx) -> None:
        session = await sessions.find(tx, found)
        if session is None or not session.is_live(now):
            raise Missing
        await _held(tx, actor, session.user_id, now)
        if not await sessions.end(tx, found, now=now, reason=Reason.ENDED_BY_ADMIN):
            raise Missing
        await tx.record(_ended(actor, session.user_id, found, Reason.ENDED_BY_ADMIN, caller=caller, now=now))

    await deps.db.unit(work)


async def lift(deps: Deps, actor: Actor, user_id: str, caller: Caller) -> None:
    """Remove what a person disowned, so that the mailbox can do again what it could before; raise Missing if there is nothing.

    Whether the owner pressed "this wasn't me" or a thief of the mailbox, an administrator can find out, and we cannot.
    """
    found, now = _id(user_id), deps.clock.now()

    async def work(tx: Tx) -> None:
        user = await _held(tx, actor, found, now)
        if not await factors.remove_disowned(tx, user.id):
            raise Missing
        if not assurance.is_usable(await factors.owned(tx, user.id)):
            await users.set_mail_sign_in(tx, user.id, off_at=None)
        await notices.tell(tx, deps, _by(actor, Event.FREEZE_LIFTED, now, caller, user.id), user)

    await deps.db.unit(work)


async def remove_totp(deps: Deps, actor: Actor, user_id: str, caller: Caller) -> None:
    """Take a person's one-time passwords away and tell them; raise Missing, or LastFactor if nobody could sign in then."""
    found, now = _id(user_id), deps.clock.now()

    async def work(tx: Tx) -> None:
        user = await _held(tx, actor, found, now)
        if not await totp.remove(tx, user.id):
            raise Missing
        if not assurance.is_usable(await factors.owned(tx, user.id)):
            raise LastFactor
        await notices.tell(tx, deps, _by(actor, Event.TOTP_REMOVED, now, caller, user.id), user)

    await deps.db.unit(work)


async def remove_passkey(deps: Deps, actor: Actor, user_id: str, passkey_id: str, caller: Caller) -> None:
    """Take a passkey of a person away and tell them.

    Raises Missing, or LastFactor if nobody could sign in then, or an administrator would be without one (SEC-59).
    """
    found, key, now = _id(user_id), _id(passkey_id), deps.clock.now()

    async def work(tx: Tx) -> None:
        user = await _held(tx, actor, found, now)
        before = await factors.owned(tx, user.id)
        if not await passkeys.delete(tx, user.id, key):
            raise Missing
        owned = await factors.owned(tx, user.id)
        if owned.passkeys != before.passkeys:  # one that was disowned counted for nothing
            if not assurance.is_usable(owned):
                raise LastFactor
            if assurance.ADMIN in user.roles and not owned.passkeys:
                raise LastFactor("An administrator needs a passkey; take the role away first.")
        elif not assurance.is_usable(owned):  # what was disowned is all that the way back hangs on
            raise LastFactor("Nobody could sign in any more; remove all that was disowned at once instead.")
        await notices.tell(tx, deps, _by(actor, Event.PASSKEY_REMOVED, now, caller, user.id, passkey=str(key)), user)

    await deps.db.unit(work)


async def _held(tx: Tx, actor: Actor, user_id: UUID, now: float) -> User:
    user = await last_admin.hold(tx, user_id, by=actor, now=now)
    if user is None:
        raise Missing
    return user


async def _set_roles(tx: Tx, deps: Deps, user: User, wanted: Sequence[str], actor: Actor, *, caller: Caller, now: float) -> None:
    is_revoked = assurance.ADMIN in user.roles and assurance.ADMIN not in wanted
    if assurance.ADMIN in wanted and assurance.ADMIN not in user.roles:
        raise Forbidden("Administrators are made on the host: pwauth admin grant.")
    if is_revoked and await last_admin.is_last_admin(tx, user):
        raise Conflict("This is the last administrator.")
    if is_revoked and user.email in deps.config.admin_emails:
        raise Conflict("This address stands in admin_emails and would be an administrator again; take it out there first.")
    await roles.give(tx, deps, user, wanted, caller=caller, now=now, by=actor)


async def _disable(tx: Tx, user: User, actor: Actor, caller: Caller, now: float) -> None:
    """Shut a person out in this instant: nothing that is under way survives, not even until they are let in again."""
    if await last_admin.is_last_admin(tx, user):
        raise Conflict("This is the last administrator.")
    await users.set_disabled(tx, user.id, at=now)
    await _end_all(tx, user, actor, Reason.DISABLED, caller=caller, now=now)
    await challenges.take_all_of(tx, user.id)
    await magic_links.close_every_one_of(tx, user.email, now)
    await tx.record(_by(actor, Event.USER_DISABLED, now, caller, user.id, before="enabled", after="disabled"))


async def _enable(tx: Tx, user: User, actor: Actor, caller: Caller, now: float) -> None:
    await users.set_disabled(tx, user.id, at=None)
    await tx.record(_by(actor, Event.USER_ENABLED, now, caller, user.id, before="disabled", after="enabled"))


async def _end_all(tx: Tx, user: User, actor: Actor, reason: Reason, *, caller: Caller, now: float) -> int:
    ended = await sessions.end_all(tx, user.id, now=now, reason=reason)
    for session_id in ended:
        await tx.record(_ended(actor, user.id, session_id, reason, caller=caller, now=now))
    return len(ended)


def _id(text: str) -> UUID:
    found = ids.parse(text)
    if found is None:
        raise Missing
    return found


def _by(actor: Actor, event: Event, now: float, caller: Caller, user_id: UUID, **facts: str) -> Occurrence:
    return Occurrence(event, now, caller, user_id, facts={"by": actor.word, **facts})


def _ended(actor: Actor, user_id: UUID, session_id: UUID, reason: Reason, *, caller: Caller, now: float) -> Occurrence:
    return Occurrence(Event.SESSION_ENDED, now, caller, user_id, session_id, reason=reason, facts={"by": actor.word})
