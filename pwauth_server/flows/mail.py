"""Letters on their way in: posted with their cause, listed, requeued (SEC-72, SEC-84)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Missing
from pwauth_server.events import ON_THE_HOST, Caller, Event, Occurrence
from pwauth_server.flows import admin_access
from pwauth_server.flows.admin_access import Actor
from pwauth_server.rules import compact_json, ids, moments
from pwauth_server.rules.letters import LetterKind
from pwauth_server.rules.sealing import NONCE_BYTES
from pwauth_server.store import email_queue, letter_list
from pwauth_server.store.statements import Statements
from pwauth_server.store.transaction import Tx

PURPOSE = "letter"
#: How long a test letter is worth sending, in seconds.
TEST_LIFE = 3600.0


async def post(
    tx: Tx,
    deps: Deps,
    *,
    kind: LetterKind,
    to: str,
    facts: Mapping[str, str],
    expires_at: float,
    now: float,
    link_id: UUID | None = None,
) -> UUID:
    """Queue a letter in the transaction of its cause; the mail loop wakes when that is committed.

    ``to`` is a canonical address, ``expires_at`` the end of the life of what the letter carries. Only
    the facts are kept, sealed for this row: a stolen database yields no link and no code.
    """
    letter_id = deps.entropy.row_id(now)
    name = str(letter_id)
    body = deps.ring.seal(PURPOSE, name, compact_json.encode(facts).encode(), deps.entropy.random(NONCE_BYTES))
    await email_queue.create(
        tx,
        letter_id=letter_id,
        kind=str(kind),
        recipient=to,
        message_id=deps.letters.message_id(name),
        body=body,
        now=now,
        expires_at=expires_at,
        link_id=link_id,
    )
    await tx.record(Occurrence(Event.LETTER_QUEUED, now))
    tx.after_commit(deps.mail_bell.ring)
    return letter_id


async def send_test(deps: Deps, to: str, caller: Caller = ON_THE_HOST, *, by: Actor | None = None) -> UUID:
    """Queue a test letter to a canonical address, ``by`` an administrator or from the host."""
    now = deps.clock.now()
    facts = {"at": moments.in_words(now)}

    async def work(tx: Tx) -> UUID:
        who = await _who(tx, by, now)
        letter_id = await post(tx, deps, kind=LetterKind.TEST, to=to, facts=facts, expires_at=now + TEST_LIFE, now=now)
        await tx.record(Occurrence(Event.LETTER_TESTED, now, caller, facts={"letter": str(letter_id), **who}))
        return letter_id

    return await deps.db.unit(work)


async def listed(deps: Deps, *, limit: int = 100, offset: int = 0) -> Sequence[Mapping[str, Any]]:
    """Return letters without their bodies, newest first."""
    return await letter_list.page(deps.db.reads, limit=limit, offset=offset)


async def find(deps: Deps, letter_id: UUID) -> Mapping[str, Any] | None:
    """Return a letter that is still listed, without its body."""
    return await letter_list.find(deps.db.reads, letter_id)


async def requeue(deps: Deps, letter_id: str, caller: Caller = ON_THE_HOST, *, by: Actor | None = None) -> None:
    """Let a dead letter be tried again, ``by`` an administrator or from the host; raise Missing if there is none that still could be."""
    found, now = ids.parse(letter_id), deps.clock.now()

    async def work(tx: Tx) -> bool:
        who = await _who(tx, by, now)
        if found is None or not await email_queue.requeue(tx, found, now):
            return False
        await tx.record(Occurrence(Event.LETTER_REQUEUED, now, caller, facts={"letter": str(found), **who}))
        tx.after_commit(deps.mail_bell.ring)
        return True

    if not await deps.db.unit(work):
        raise Missing("There is no dead letter of that id which could still be sent.")


async def _who(tx: Tx, by: Actor | None, now: float) -> dict[str, str]:
    """Return whom the audit log names; an administrator who has ceased to be one is refused here."""
    if by is None:
        return {}
    await admin_access.still_may(tx, by, now)
    return {"by": by.word}


async def purge(deps: Deps) -> int:
    """Delete every finished letter; return how many."""
    now, deleted = deps.clock.now(), 0
    while count := await deps.db.unit(lambda tx: email_queue.purge(tx, before=now, now=now, limit=500)):
        deleted += count
    return deleted


async def snapshot(reads: Statements, now: float) -> tuple[Mapping[str, int], float]:
    """Return how many letters there are of each status, and the age in seconds of the oldest that waits."""
    oldest = await email_queue.oldest(reads)
    return await email_queue.counts(reads), 0.0 if oldest is None else max(0.0, now - oldest)
