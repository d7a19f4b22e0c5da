"""Roles change in one place, so that whatever is told of it, by mail or to a program, has one shape."""

from collections.abc import Sequence
from dataclasses import replace

from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.flows import notices
from pwauth_server.flows.admin_access import Actor
from pwauth_server.rules.assurance import ADMIN
from pwauth_server.store import users
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


async def give(
    tx: Tx, deps: Deps, owner: User, wanted: Sequence[str], *, caller: Caller, now: float, by: Actor | None = None
) -> User:
    """Give somebody exactly these roles, and return them with these; who becomes or ceases to be an administrator is told."""
    changed = replace(owner, roles=tuple(sorted(set(wanted))))
    await users.set_roles(tx, owner.id, changed.roles)
    facts = {"by": by.word} if by else {}
    facts |= {"before": " ".join(owner.roles), "after": " ".join(changed.roles)}
    if (ADMIN in owner.roles) == (ADMIN in changed.roles):
        await tx.record(Occurrence(Event.USER_CHANGED, now, caller, owner.id, facts={"changed": "roles", **facts}))
        return changed
    event = Event.ROLE_GRANTED if ADMIN in changed.roles else Event.ROLE_REVOKED
    await notices.tell(tx, deps, Occurrence(event, now, caller, owner.id, facts=facts), owner)
    return changed
