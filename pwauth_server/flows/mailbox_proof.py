"""What becomes of an account when somebody shows its mailbox (SEC-06)."""

from dataclasses import replace

from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import invites, roles
from pwauth_server.rules import assurance
from pwauth_server.store import challenges, factors, sessions, totp, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


async def proven(tx: Tx, deps: Deps, user: User, holding: Session | None, *, caller: Caller, now: float) -> User:
    """Return the account of a mailbox that was just proven; what strangers may have planted there is gone (SEC-06).

    Before the first proof an account belongs to somebody, not to the mailbox's owner: apps may hold what that
    somebody did under its id, so the owner gets another one. Only who is ``holding`` the account's own session as
    well keeps both.
    """
    if not user.verified:
        if holding:
            user = await _promote(tx, user, holding, caller, now)
        elif user.imported and not await _may_be_a_strangers(tx, user):
            await users.verify(tx, user.id, now)
            user = replace(user, verified=True)
        else:
            user = await _reset(tx, deps, user, caller, now)
        await invites.accept(tx, user, caller, now)
    if user.email in deps.config.admin_emails and assurance.ADMIN not in user.roles:
        user = await roles.give(tx, deps, user, (*user.roles, assurance.ADMIN), caller=caller, now=now)
    return user


async def _may_be_a_strangers(tx: Tx, user: User) -> bool:
    """Tell whether anybody else can have used an account that was carried over: by a factor that it has, or had.

    One that an administrator has removed since leaves sessions behind, and what was done in them.
    """
    return (await factors.owned(tx, user.id)).beyond_mail or await users.has_signed_in(tx, user.id)


async def _promote(tx: Tx, user: User, theirs: Session, caller: Caller, now: float) -> User:
    """Let the holder of an account keep it, with its factor; whatever else is under way may be somebody else's."""
    await users.verify(tx, user.id, now)
    await challenges.take_all_of(tx, user.id)
    await totp.forget_pending(tx, user.id)
    for session_id in await sessions.end_others(tx, user.id, keep=theirs.id, now=now, reason=Reason.REVOKED):
        await tx.record(Occurrence(Event.SESSION_ENDED, now, caller, user.id, session_id, reason=Reason.REVOKED))
    return replace(user, verified=True)


async def _reset(tx: Tx, deps: Deps, user: User, caller: Caller, now: float) -> User:
    """Delete an account that nobody had proven, with all that belongs to it, and make the owner's own (SEC-06)."""
    await users.delete(tx, user.id)
    await tx.record(Occurrence(Event.UNVERIFIED_RESET, now, caller, user_id=user.id))
    user, _ = await users.find_or_create(tx, user_id=deps.entropy.row_id(now), email=user.email, now=now)
    await tx.record(Occurrence(Event.USER_CREATED, now, caller, user_id=user.id))
    return user
