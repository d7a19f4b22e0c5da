"""What administrators look at: figures, the audit log, letters, ceremonies; all of it apart from the requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.flows import mail
from pwauth_server.rules import addresses, ids
from pwauth_server.rules.moments import DAY
from pwauth_server.store import audit_log, challenges, invites, letter_list, people, sessions, users
from pwauth_server.store.audit_log import Entry, Filter

__all__ = ["Entry", "Filter"]


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of one moment."""

    users: Mapping[str, int]
    sessions: int
    invites: int
    letters: Mapping[str, int]
    #: Age in seconds of the oldest letter that waits; 0 if none does.
    oldest_letter: float
    #: Event, method and number of the sign-ins of the last day, among the newest audit rows.
    sign_ins: Sequence[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Letters:
    """A page of letters without bodies, and how many there are on all pages."""

    letters: Sequence[Mapping[str, Any]]
    total: int


async def stats(deps: Deps) -> Stats:
    """Count everything now."""
    now = deps.clock.now()
    async with deps.db.apart() as reads:
        letters, oldest = await mail.snapshot(reads, now)
        return Stats(
            users=await people.figures(reads),
            sessions=await sessions.count_live(reads, now),
            invites=await invites.count(reads, now),
            letters=letters,
            oldest_letter=oldest,
            sign_ins=await audit_log.sign_ins(reads, since=now - DAY),
        )


async def audit(deps: Deps, wanted: Filter, *, before: int | None, limit: int) -> list[Entry]:
    """Return rows of the audit log, newest first, from below the id ``before`` on."""
    async with deps.db.apart() as reads:
        return await audit_log.page(reads, wanted, before=before, limit=limit)


async def audit_table(deps: Deps, wanted: Filter, *, before: int | None, limit: int) -> list[Entry]:
    """Return the same for a table of thousands of rows, one such at a time."""
    async with deps.exporting, deps.db.apart() as reads:
        return await audit_log.newest(reads, wanted, before=before, limit=limit)


async def whose(deps: Deps, typed: str) -> UUID | None:
    """Return the id of the person that somebody typed as an address or as an id, be it of an account that is gone."""
    try:
        email = addresses.canonical(typed)
    except ValueError:
        return ids.parse(typed.strip().lower())
    user = await users.find_by_email(deps.db.reads, email)
    return user.id if user else None


async def letters(deps: Deps, *, status: str | None, kind: str | None, recipient: str | None, limit: int, offset: int) -> Letters:
    """Return letters without bodies, newest first; None: any."""
    async with deps.db.apart() as reads:
        page = await letter_list.page(reads, status=status, kind=kind, recipient=recipient, limit=limit, offset=offset)
        return Letters(page, await letter_list.count(reads, status=status, kind=kind, recipient=recipient))


async def ceremonies(deps: Deps, *, limit: int, offset: int) -> Sequence[Mapping[str, Any]]:
    """Return ceremonies that are under way, without any secret, newest first."""
    async with deps.db.apart() as reads:
        return await challenges.page(reads, now=deps.clock.now(), limit=limit, offset=offset)
