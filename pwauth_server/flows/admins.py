"""Administrators, made and helped on the host: nothing of this can be done over HTTP (SEC-90)."""

from collections.abc import Sequence

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, Missing
from pwauth_server.events import ON_THE_HOST, Event, Occurrence
from pwauth_server.flows import last_admin, magic_link, notices, roles
from pwauth_server.rules.assurance import ADMIN
from pwauth_server.store import magic_links, users
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User

_NOBODY = "Nobody has an account for {email} yet: its owner has to sign in by mail first."


async def grant(deps: Deps, email: str) -> bool:
    """Make the owner of a canonical address an administrator; False if that was so. Raises Missing without such an account."""
    now = deps.clock.now()

    async def work(tx: Tx) -> bool:
        owner = await _owner(tx, email)
        if ADMIN in owner.roles:
            return False
        await roles.give(tx, deps, owner, (*owner.roles, ADMIN), caller=ON_THE_HOST, now=now)
        return True

    return await deps.db.unit(work)


async def revoke(deps: Deps, email: str) -> bool:
    """Take the role away, at once for every session; False if it was not there. Raises Missing, or Conflict for the last one."""
    now = deps.clock.now()

    async def work(tx: Tx) -> bool:
        found = await users.find_by_email(tx, email)
        owner = await last_admin.hold(tx, found.id, by=None, now=now) if found else None
        if owner is None or not owner.verified:
            raise Missing(_NOBODY.format(email=email))
        if ADMIN not in owner.roles:
            return False
        if await last_admin.is_last_admin(tx, owner):
            raise Conflict(f"{email} is the last administrator: make another one first.")
        await roles.give(tx, deps, owner, [role for role in owner.roles if role != ADMIN], caller=ON_THE_HOST, now=now)
        return True

    return await deps.db.unit(work)


async def listed(deps: Deps) -> Sequence[User]:
    """Return all administrators, by address."""
    return await users.with_role(deps.db.reads, ADMIN)


async def login_link(deps: Deps, email: str) -> str:
    """Return a link that signs the owner of a canonical address in once, within ten minutes, whatever factors are lost."""
    now = deps.clock.now()
    link, token = magic_link.for_host(deps, email, ON_THE_HOST, now)

    async def work(tx: Tx) -> None:
        owner = await _owner(tx, email)
        if owner.disabled:
            raise Conflict(f"The account of {email} is disabled.")
        await magic_links.create(tx, link)
        await notices.tell(tx, deps, Occurrence(Event.LOGIN_LINK_MADE, now, ON_THE_HOST, owner.id), owner)

    await deps.db.unit(work)
    return magic_link.url(deps, token)


async def _owner(tx: Tx, email: str) -> User:
    owner = await users.hold_by_email(tx, email)
    if owner is None or not owner.verified:
        raise Missing(_NOBODY.format(email=email))
    return owner
