"""One thing done to several people: each on their own, so that one who is refused takes nobody else back."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pwauth_server.deps import Deps
from pwauth_server.errors import Missing, Refused
from pwauth_server.events import Caller
from pwauth_server.flows import admin_users
from pwauth_server.flows.admin_access import Actor
from pwauth_server.flows.admin_users import Change
from pwauth_server.rules import ids
from pwauth_server.store import people
from pwauth_server.store.people import Profile

#: So many people at once at the most.
MOST = 40


class Action(StrEnum):
    """What can be done to several people."""

    DISABLE = "disable"
    ENABLE = "enable"
    END_SESSIONS = "end_sessions"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one person: done, unless there is a ``problem``."""

    profile: Profile
    problem: Refused | None


async def chosen(deps: Deps, user_ids: Sequence[str]) -> list[Profile]:
    """Return the people of these ids, by address; ids of nobody are left out."""
    known = {found for text in user_ids[:MOST] if (found := ids.parse(text))}
    async with deps.db.apart() as reads:
        profiles = [profile for user_id in known if (profile := await people.find(reads, user_id))]
    return sorted(profiles, key=lambda it: it.user.email)


async def perform(deps: Deps, actor: Actor, action: Action, user_ids: Sequence[str], caller: Caller) -> list[Outcome]:
    """Do it to each of them and return what became of whom; who has gone in between counts as done."""
    # Whoever administers comes last: afterwards they may no longer.
    profiles = sorted(await chosen(deps, user_ids), key=lambda it: it.user.id == actor.id)
    return [Outcome(it, await _try(deps, actor, action, str(it.user.id), caller)) for it in profiles]


async def _try(deps: Deps, actor: Actor, action: Action, user_id: str, caller: Caller) -> Refused | None:
    try:
        if action is Action.DELETE:
            await admin_users.delete(deps, actor, user_id, caller)
        elif action is Action.END_SESSIONS:
            await admin_users.end_sessions(deps, actor, user_id, caller)
        else:
            await admin_users.change(deps, actor, user_id, Change(disabled=action is Action.DISABLE), caller)
    except Missing:
        return None
    except Refused as problem:
        return problem
    return None
