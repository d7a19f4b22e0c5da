"""Telling a program of the operator's what happens (`webhook_url`): everything that the audit log holds, at least once.

An event waits in the outbox from the transaction in which it happened until the program has said 2xx to it, or has not
in twelve tries, which take ten hours at the least. While the program does not answer, one event at a time is tried; those
behind it wait with it, and however long they did, each has its twelve. One that it refuses stops nobody else: a program
that knows some events only would else hold up what it waits for.
"""

import math

from pwauth_server.adapters.signed_post import SignedPost
from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.deps import Deps
from pwauth_server.events import Event, Occurrence
from pwauth_server.rules import retry
from pwauth_server.rules.moments import rfc3339
from pwauth_server.store import audit_log, event_outbox
from pwauth_server.store.audit_log import Entry
from pwauth_server.store.event_outbox import Due
from pwauth_server.store.transaction import Tx

#: Seconds between two looks at the outbox, and before the next try after one that failed.
EVERY, PAUSE = 2.0, 30.0
#: Seconds that the program gets to accept a connection, and again to answer.
PATIENCE = 10.0
#: Seconds that an event is in hand: nobody else tries it meanwhile.
LEASE = 60.0


class EventPosts:
    """Posts events, one after the other."""

    def __init__(self, deps: Deps, *, post: SignedPost | None = None) -> None:
        """Post as the configuration says; tests bring their own place."""
        config = deps.config
        self._deps = deps
        self._post = post or SignedPost(config.webhook_url, config.webhook_secret.get_secret_value(), deps.clock, patience=PATIENCE)
        self._not_before = 0.0
        self._is_ending = False

    async def run(self) -> None:
        """Post what is due, until the program is away."""
        deps = self._deps
        if 0 < self._not_before - deps.clock.now() <= PAUSE:
            return
        while not self._is_ending and await event_outbox.is_any_due(deps.db.reads, deps.clock.now()):
            if not await self._tell_next():
                self._not_before = deps.clock.now() + PAUSE
                return

    def stop(self) -> None:
        """Begin nothing more; what is in hand is due again later."""
        self._is_ending = True

    async def _tell_next(self) -> bool:
        """Tell the first event that is due; False if the program could not take it."""
        deps, now = self._deps, self._deps.clock.now()
        due = await deps.db.unit(lambda tx: event_outbox.claim(tx, now=now, until=now + LEASE))
        if due is None:  # another node has it
            return True
        entry = await audit_log.find(deps.db.reads, due.id)
        if entry is None:  # older than the audit log
            await deps.db.unit(lambda tx: event_outbox.forget(tx, due.id))
            return True
        delivery = await self._post.send(name_of(entry), content(entry))
        await deps.db.unit(lambda tx: self._conclude(tx, due, entry, delivery))
        return delivery.outcome in {Outcome.ACCEPTED, Outcome.REFUSED}

    async def _conclude(self, tx: Tx, due: Due, entry: Entry, delivery: Delivery) -> None:
        deps, now = self._deps, self._deps.clock.now()
        facts: dict[str, str | int | float] = {"number": entry.id, "problem": delivery.reason}
        if delivery.outcome is Outcome.ACCEPTED:
            await event_outbox.forget(tx, due.id)
            await tx.record(Occurrence(Event.WEBHOOK_ACCEPTED, now))
            return
        at = retry.next_attempt(attempts=due.attempts, now=now, expires_at=math.inf, chance=deps.entropy.fraction())
        if at is None:
            await event_outbox.forget(tx, due.id)
            await tx.record(Occurrence(Event.WEBHOOK_DROPPED, now, facts=facts))
            return
        await event_outbox.defer(tx, due.id, at)
        await tx.record(Occurrence(Event.WEBHOOK_DEFERRED, now, facts=facts))


def name_of(entry: Entry) -> str:
    """Return the same id for every try of an event, and for no other: numbers begin anew where a backup was restored."""
    return f"event-{entry.id}-{int(entry.at * 1000)}"


def content(entry: Entry) -> dict[str, object]:
    """Return what is posted, in the shape that Standard Webhooks recommends."""
    return {"type": entry.event, "timestamp": rfc3339(entry.at), "data": entry.told()}
