"""The last administrator stays, whatever happens at once (SEC-59, SEC-91)."""

from uuid import UUID

from pwauth_server.errors import Forbidden
from pwauth_server.flows.admin_access import Actor
from pwauth_server.rules import assurance
from pwauth_server.store import magic_links, users
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


async def hold(tx: Tx, user_id: UUID, *, by: Actor | None) -> User | None:
    """Return a person as they are now; until this transaction ends nobody else changes them, or any administrator.

    Of two that would each take away the other's last colleague, the second sees what the first did. Raises Forbidden if
    whoever administers has stopped being an administrator since the guard looked.

    Links are held before people, as a sign-in by mail holds them: two that wait for each other would both fail.
    """
    known = await users.find(tx, user_id)
    if known is not None:
        await magic_links.hold_all_of(tx, known.email)
    held = await users.hold_with(tx, user_id, assurance.ADMIN)
    if by is not None and by.is_person:
        person = await users.find(tx, by.id)
        if person is None or person.disabled or assurance.ADMIN not in person.roles:
            raise Forbidden
    return held


async def is_last_admin(tx: Tx, user: User) -> bool:
    """Tell whether a person whom `hold` returned is the only one left who can administer."""
    able = [admin.id for admin in await users.with_role(tx, assurance.ADMIN) if admin.verified and not admin.disabled]
    return able == [user.id]
