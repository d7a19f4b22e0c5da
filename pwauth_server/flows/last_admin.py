"""The last administrator stays, whatever happens at once (SEC-59, SEC-91)."""

from uuid import UUID

from pwauth_server.flows import admin_access
from pwauth_server.flows.admin_access import Actor
from pwauth_server.rules import assurance
from pwauth_server.store import magic_links, users
from pwauth_server.store.transaction import Runs, Tx
from pwauth_server.store.users import User


async def hold(tx: Tx, user_id: UUID, *, by: Actor | None, now: float) -> User | None:
    """Return a person as they are now; until this transaction ends nobody else changes them, or any administrator.

    Of two that would each take away the other's last colleague, the second sees what the first did. Raises what
    `admin_access.still_may` raises.

    Links are held before people, as a sign-in by mail holds them: two that wait for each other would both fail.
    """
    known = await users.find(tx, user_id)
    if known is not None:
        await magic_links.hold_all_of(tx, known.email)
    held = await users.hold_with(tx, user_id, assurance.ADMIN)
    if by is not None:
        await admin_access.still_may(tx, by, now)
    return held


async def able(db: Runs) -> list[User]:
    """Return everybody who can administer."""
    return [admin for admin in await users.with_role(db, assurance.ADMIN) if admin.verified and not admin.disabled]


async def is_last_admin(tx: Tx, user: User) -> bool:
    """Tell whether a person whom `hold` returned is the only one left who can administer."""
    return [admin.id for admin in await able(tx)] == [user.id]
