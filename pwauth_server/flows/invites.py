"""Invitations: an address may sign up until a moment, by the same letters as everybody (SEC-08, SEC-15).

The letter of an invitation carries no token: it leads to the sign-in page. So there is no second kind of link that
could be taken for the first.
"""

from dataclasses import dataclass
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, Missing
from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.flows import admin_access, mail, mail_quotas
from pwauth_server.flows.admin_access import Actor
from pwauth_server.rules import ids, moments, policy
from pwauth_server.rules.letters import LetterKind
from pwauth_server.rules.moments import DAY
from pwauth_server.store import invites, users
from pwauth_server.store.invites import Invite
from pwauth_server.store.transaction import Runs, Tx
from pwauth_server.store.users import User

__all__ = ["Invite"]

#: Where people sign in.
PAGE = "/signin"


@dataclass(frozen=True, slots=True)
class Invitations:
    """A page of open invitations, and how many there are on all pages."""

    invites: list[Invite]
    total: int


async def may_sign_up(db: Runs, deps: Deps, email: str, now: float) -> bool:
    """Tell whether a canonical address without an account may get one at ``now``."""
    invited = deps.config.signup != "open" and await invites.is_invited(db, email, now)
    return policy.may_sign_up(email, signup=deps.config.signup, domains=deps.config.signup_domains, invited=invited)


async def accept(tx: Tx, user: User, caller: Caller, now: float) -> None:
    """Use up the invitation of somebody who has just signed up, if there is one."""
    invite_id = await invites.use(tx, user.email)
    if invite_id is not None:
        await tx.record(Occurrence(Event.INVITE_ACCEPTED, now, caller, user.id, facts={"invite": str(invite_id)}))


async def invite(deps: Deps, actor: Actor, *, email: str, days: int, caller: Caller) -> Invite:
    """Invite a canonical address for so many days and queue the letter; inviting again moves the end.

    Raises Conflict if the address has an account, RateLimited or MailCapReached if it gets too many letters.
    """
    now = deps.clock.now()
    await mail_quotas.take(deps, email)
    wanted = Invite(deps.entropy.row_id(now), email, actor.word, now, now + days * DAY)

    async def work(tx: Tx) -> Invite:
        await admin_access.still_may(tx, actor, now)
        if await users.hold_by_email(tx, email) is not None:
            raise Conflict("This address has an account already.")
        made = await invites.put(tx, wanted)
        facts = {"link": f"{deps.config.public_url}{PAGE}", "until": moments.in_words(made.expires_at)}
        await mail.post(tx, deps, kind=LetterKind.INVITATION, to=email, facts=facts, expires_at=made.expires_at, now=now)
        await tx.record(Occurrence(Event.INVITE_SENT, now, caller, facts={"by": actor.word, "invite": str(made.id), "days": days}))
        return made

    return await deps.db.unit(work)


async def listed(deps: Deps, *, limit: int, offset: int) -> Invitations:
    """Return open invitations, newest first."""
    now = deps.clock.now()
    async with deps.db.apart() as reads:
        return Invitations(await invites.page(reads, now=now, limit=limit, offset=offset), await invites.count(reads, now))


async def withdraw(deps: Deps, actor: Actor, invite_id: str, caller: Caller) -> None:
    """Take an invitation back at once; raise Missing if there is none of that id."""
    found, now = ids.parse(invite_id), deps.clock.now()

    async def work(tx: Tx, known: UUID) -> None:
        await admin_access.still_may(tx, actor, now)
        if not await invites.withdraw(tx, known):
            raise Missing
        await tx.record(Occurrence(Event.INVITE_WITHDRAWN, now, caller, facts={"by": actor.word, "invite": str(known)}))

    if found is None:
        raise Missing
    await deps.db.unit(lambda tx: work(tx, found))
