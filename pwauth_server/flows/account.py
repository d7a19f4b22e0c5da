"""A person's own account."""

from dataclasses import dataclass

from pwauth_server.deps import Deps
from pwauth_server.errors import LastFactor, Unauthenticated
from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.flows import notices, step_up
from pwauth_server.rules import assurance
from pwauth_server.rules.assurance import Owned
from pwauth_server.store import factors, sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, with counts."""

    user: User
    session: Session
    sessions: int
    owned: Owned

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
    live = await sessions.count_live_of(reads, session.user_id, deps.clock.now())
    return Me(user, session, live, await factors.owned(reads, session.user_id))


async def change(deps: Deps, session: Session, caller: Caller, *, name: str | None, mail_sign_in: bool | None) -> None:
    """Set the name by which other people know this person, or whether sign-in letters are sent; None leaves it as it is.

    Letters are a way to sign in, so switching them wants a step-up; raises StepUpRequired, or LastFactor if the account
    has too little besides. All of it happens, or nothing.
    """
    now = deps.clock.now()

    async def work(tx: Tx) -> None:
        if name is not None:
            await users.rename(tx, session.user_id, name)
        if mail_sign_in is not None:
            await _switch_mail(tx, deps, session, caller, now, is_on=mail_sign_in)

    await deps.db.unit(work)


async def _switch_mail(tx: Tx, deps: Deps, session: Session, caller: Caller, now: float, *, is_on: bool) -> None:
    owner = await step_up.hold(tx, session, now)
    if owner.mail_sign_in is is_on:
        return
    if not is_on and not assurance.may_go_without_mail(await factors.owned(tx, owner.id)):
        raise LastFactor("Add a second passkey, or recovery codes to your passkey, before you switch mail off.")
    await users.set_mail_sign_in(tx, owner.id, off_at=None if is_on else now)
    event = Event.MAIL_SIGN_IN_ON if is_on else Event.MAIL_SIGN_IN_OFF
    await notices.tell(tx, deps, Occurrence(event, now, caller, owner.id, session.id), owner)
