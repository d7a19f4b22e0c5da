"""Everything that is stored about people, without anything that proves who they are (SEC-98)."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Missing
from pwauth_server.events import ON_THE_HOST, Event, Occurrence
from pwauth_server.rules import ids
from pwauth_server.rules.assurance import Owned
from pwauth_server.store import audit_log, factors, letter_list, people, sessions, users
from pwauth_server.store.audit_log import Entry, Filter
from pwauth_server.store.people import PasskeyInfo, Profile
from pwauth_server.store.transaction import Runs

#: Rows of a kind for one person at the most, the newest: nobody downloads without end.
MAX_EVENTS = 10_000
MAX_ROWS = 1000
#: People that are looked up together.
BATCH = 500

Letters = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is stored about a person, without anything that proves who they are."""

    profile: Profile
    owned: Owned
    passkeys: Sequence[PasskeyInfo]
    sessions: Sequence[Mapping[str, Any]]
    letters: Letters
    events: Sequence[Entry]


async def collect(reads: Runs, profile: Profile, letters: Letters) -> Export:
    """Return what there is about a person."""
    user_id = profile.user.id
    return Export(
        profile=profile,
        owned=await factors.owned(reads, user_id),
        passkeys=await people.passkeys_of(reads, user_id),
        sessions=await sessions.history(reads, user_id, limit=MAX_ROWS),
        letters=letters,
        events=await audit_log.newest(reads, Filter(user_id=user_id), before=None, limit=MAX_EVENTS),
    )


async def of_person(reads: Runs, user_id: UUID) -> Export | None:
    """Return what there is about one person; None if there is no such account."""
    profile = await people.find(reads, user_id)
    return None if profile is None else await collect(reads, profile, await letter_list.to(reads, profile.user.email, limit=MAX_ROWS))


async def of_address(deps: Deps, email: str) -> Export:
    """Return what there is about the owner of a canonical address, for whoever is at the host; raise Missing if there is nobody."""
    user = await users.find_by_email(deps.db.reads, email)
    if user is not None:
        await deps.db.record(Occurrence(Event.USER_EXPORTED, deps.clock.now(), ON_THE_HOST, user.id))
        async with deps.db.snapshot() as reads:
            if found := await of_person(reads, user.id):
                return found
    raise Missing(f"There is no account of {email}.")


async def everybody(deps: Deps) -> AsyncGenerator[Export, None]:
    """Yield what there is about each person as it was at one moment, for whoever is at the host."""
    await deps.db.record(Occurrence(Event.USER_EXPORTED, deps.clock.now(), ON_THE_HOST))
    async with deps.db.snapshot() as reads:
        # All at once: no index finds letters by address.
        letters: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in await letter_list.all_of(reads):
            letters[row["recipient"]].append(row)
        last = ids.NIL
        while batch := await people.after(reads, last, limit=BATCH):
            for profile in batch:
                yield await collect(reads, profile, letters[profile.user.email][:MAX_ROWS])
            last = batch[-1].user.id
