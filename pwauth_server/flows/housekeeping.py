"""What is over is thrown away, in batches so small that no request notices."""

import asyncio

from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.rules import ids, policy
from pwauth_server.rules.moments import DAY
from pwauth_server.store import audit, challenges, email_queue, invites, magic_links, sessions, signing_keys, users
from pwauth_server.store.transaction import Tx

#: Rows of one batch; a batch is a unit of work like any other and shares its commit.
BATCH = 200
#: Breath between two batches, in seconds.
PAUSE = 0.02
#: Links are kept this long past their end, so that a late click is told "expired", in seconds.
KEEP_LINKS = 3600.0


async def sweep(deps: Deps) -> None:
    """Delete links, sessions, ceremonies, unproven accounts, invitations, letters, audit rows and keys whose time is over."""
    now = deps.clock.now()
    for purge in (_links, _sessions, _challenges, _unverified, _invites, _letters, _audit):
        while await purge(deps, now) >= BATCH:  # noqa: ASYNC110 - a breath, not a wait for something
            await asyncio.sleep(PAUSE)
    await deps.db.unit(lambda tx: signing_keys.purge(tx, now))


async def _links(deps: Deps, now: float) -> int:
    end = now - KEEP_LINKS

    async def work(tx: Tx) -> int:
        deleted, unused = await magic_links.purge(tx, below=ids.earliest(end), now=end, limit=BATCH)
        if unused:
            await tx.record(Occurrence(Event.LINK_EXPIRED, now, Caller(), facts={"count": unused}))
        return deleted

    return await deps.db.unit(work)


async def _sessions(deps: Deps, now: float) -> int:
    below = ids.earliest(now - deps.config.session_absolute_expiry_seconds)
    return await deps.db.unit(lambda tx: sessions.purge(tx, below=below, now=now, limit=BATCH))


async def _challenges(deps: Deps, now: float) -> int:
    return await deps.db.unit(lambda tx: challenges.purge(tx, now=now, limit=BATCH))


async def _unverified(deps: Deps, now: float) -> int:
    async def work(tx: Tx) -> int:
        deleted = await users.purge_unverified(tx, before=now - policy.UNVERIFIED_LIFE, limit=BATCH)
        for user_id in deleted:
            await tx.record(Occurrence(Event.UNVERIFIED_EXPIRED, now, user_id=user_id))
        return len(deleted)

    return await deps.db.unit(work)


async def _invites(deps: Deps, now: float) -> int:
    return await deps.db.unit(lambda tx: invites.purge(tx, now=now, limit=BATCH))


async def _letters(deps: Deps, now: float) -> int:
    before = now - deps.config.email_retention_days * DAY
    return await deps.db.unit(lambda tx: email_queue.purge(tx, before=before, now=now, limit=BATCH))


async def _audit(deps: Deps, now: float) -> int:
    before = now - deps.config.audit_retention_days * DAY
    return await deps.db.unit(lambda tx: tx.run(audit.PURGE_AUDIT, now, BATCH, before))
