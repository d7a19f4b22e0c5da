"""Letters on their way out: claimed, delivered outside any transaction, written down (SEC-84).

A crash between a delivery and its note leaves the letter `sending`; after its lease it is sent once
more, with the same Message-ID. In every other case a letter leaves once.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import TemplateError

from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.deps import Deps
from pwauth_server.events import Event, Occurrence
from pwauth_server.flows.mail import PURPOSE
from pwauth_server.rules import retry
from pwauth_server.rules.letters import LetterKind
from pwauth_server.rules.sealing import CannotOpenError
from pwauth_server.store import email_queue, magic_links
from pwauth_server.store.email_queue import Letter
from pwauth_server.store.transaction import Tx

#: Letters claimed together, and delivered at once.
BATCH = 40
SENDERS = 4
#: How long a claim holds, in seconds; renewed before a letter is tried with less than half of it left.
LEASE = 60.0
#: How often the queue is looked at when nothing rings, in seconds: the command line rings no bell here.
IDLE = 5.0

_NEVER_TRIED = Delivery(Outcome.DOWN, "")


@dataclass(frozen=True, slots=True)
class Rest:
    """What the loop does next: wait so many seconds, and whether a new letter may cut that short."""

    seconds: float
    until_rung: bool


class Postman:
    """Delivers what is due, a batch at a time."""

    def __init__(self, deps: Deps) -> None:
        """Know nothing of the mail servers yet: the first letter is a probe."""
        self._deps = deps
        self._is_down = True
        self._attempt = 0

    async def reclaim(self) -> None:
        """Put back every letter that a dead process of this database held; only if we are alone on it."""
        now = self._deps.clock.now()
        await self._deps.db.unit(lambda tx: email_queue.reclaim(tx, now=now, leases_before=now + LEASE))

    async def run(self) -> Rest:
        """Deliver one batch; tell how long to rest before the next."""
        letters = await self._claim()
        if not letters:
            for transport in self._deps.transports:
                await transport.rest()
            return await self._until_due()
        waiting = iter(letters)
        down: list[str] = []
        await asyncio.gather(*(self._work(waiting, down) for _ in range(min(SENDERS, len(letters)))))
        for letter in waiting:  # claimed, but nobody could be asked
            await self._deps.db.unit(lambda tx, it=letter: email_queue.release(tx, it.id))  # type: ignore[misc]
        if down:
            self._is_down = True
            spread = 1 - retry.JITTER + 2 * retry.JITTER * self._deps.entropy.fraction()
            return Rest(retry.DELAYS[0] * spread, until_rung=False)
        return Rest(0.0, until_rung=False)

    async def _claim(self) -> list[Letter]:
        now = self._deps.clock.now()
        limit = 1 if self._is_down else BATCH

        async def work(tx: Tx) -> list[Letter]:
            for _ in range(await email_queue.expire_stale(tx, now)):
                await tx.record(Occurrence(Event.LETTER_EXPIRED, now, facts={"transport": "none"}))
            await email_queue.reclaim(tx, now=now, leases_before=now)
            return await email_queue.claim(tx, now=now, lease_until=now + LEASE, limit=limit)

        return await self._deps.db.unit(work)

    async def _until_due(self) -> Rest:
        due = await email_queue.next_due(self._deps.db.reads)
        wait = IDLE if due is None else max(0.0, due - self._deps.clock.now())
        return Rest(min(wait, IDLE), until_rung=True)

    async def _work(self, letters: Iterator[Letter], down: list[str]) -> None:
        """Deliver letters one after the other until none is left or no server can be asked."""
        lease_until = self._deps.clock.now() + LEASE
        while not down and (letter := next(letters, None)) is not None:
            now = self._deps.clock.now()
            if lease_until - now < LEASE / 2 and not await self._renew(letter, now):
                continue
            delivery, transport = await self._deliver(letter)
            if delivery.outcome is Outcome.DOWN:
                down.append(delivery.reason)
            await self._write_down(letter, delivery, transport)

    async def _renew(self, letter: Letter, now: float) -> bool:
        return await self._deps.db.unit(lambda tx: email_queue.renew(tx, letter.id, now + LEASE))

    async def _deliver(self, letter: Letter) -> tuple[Delivery, str]:
        """Return what became of a letter, and through which transport; outside any transaction."""
        if not await self._is_wanted(letter):
            return Delivery(Outcome.REFUSED, "expired"), "none"
        try:
            facts: Mapping[str, str] = json.loads(self._deps.ring.open(PURPOSE, str(letter.id), letter.body))
            message = self._deps.letters.render(
                LetterKind(letter.kind), facts, to=letter.recipient, message_id=letter.message_id, date=letter.created_at
            )
        except CannotOpenError:
            return Delivery(Outcome.REFUSED, "unreadable"), "none"
        except (TemplateError, ValueError):
            return Delivery(Outcome.REFUSED, "template"), "none"
        worst, through = _NEVER_TRIED, "none"
        for transport in self._deps.transports:
            delivery = await transport.deliver(message, letter.recipient)
            if delivery.outcome in {Outcome.ACCEPTED, Outcome.REFUSED}:
                return delivery, transport.name
            # One transport said "later": that counts more than another one being away.
            if worst.outcome is Outcome.DOWN:
                worst, through = delivery, transport.name
        return worst, through

    async def _is_wanted(self, letter: Letter) -> bool:
        """Tell whether what a letter carries can still be used: its link may have been closed since the claim."""
        now = self._deps.clock.now()
        if letter.link_id is None:
            return now < letter.expires_at
        link = await magic_links.find(self._deps.db.reads, letter.link_id)
        return link is not None and link.is_live(now)

    async def _write_down(self, letter: Letter, delivery: Delivery, transport: str) -> None:
        now = self._deps.clock.now()
        came_back = self._is_down and delivery.outcome is not Outcome.DOWN and transport != "none"
        chance = self._deps.entropy.fraction()

        async def work(tx: Tx) -> None:
            await self._note(tx, letter, delivery, transport, now, chance)
            if came_back:
                await email_queue.due_again(tx, now)

        await self._deps.db.unit(work)
        if came_back:
            self._is_down = False

    async def _note(self, tx: Tx, letter: Letter, delivery: Delivery, transport: str, now: float, chance: float) -> None:
        reason = delivery.reason
        facts: dict[str, str | int | float] = {"transport": transport, "letter": str(letter.id)}
        if delivery.outcome is Outcome.ACCEPTED:
            await email_queue.mark_sent(tx, letter.id, now=now, transport=transport)
            await tx.record(Occurrence(Event.LETTER_SENT, now, facts=facts | {"seconds": now - letter.created_at}))
            return
        if delivery.outcome is Outcome.REFUSED and reason != "expired":
            await email_queue.mark_failed(tx, letter.id, now=now, error=reason, transport=transport)
            await tx.record(Occurrence(Event.LETTER_FAILED, now, reason=reason, facts=facts))
            return
        # An outage never uses a letter's tries up; only what a server says of the letter itself does.
        attempts = min(letter.attempts, len(retry.DELAYS)) if delivery.outcome is Outcome.DOWN else letter.attempts
        until = None
        if delivery.outcome is not Outcome.REFUSED:
            until = retry.next_attempt(attempts=attempts, now=now, expires_at=letter.expires_at, chance=chance)
        if until is not None:
            await email_queue.defer(tx, letter.id, until=until, error=reason, transport=transport)
            await tx.record(Occurrence(Event.LETTER_DEFERRED, now, reason=reason, facts=facts))
        elif letter.expires_at - now < retry.SHORTEST or reason == "expired":
            await email_queue.mark_expired(tx, letter.id, now=now, error=reason)
            await tx.record(Occurrence(Event.LETTER_EXPIRED, now, reason=reason, facts=facts))
        else:
            await email_queue.mark_failed(tx, letter.id, now=now, error=reason, transport=transport)
            await tx.record(Occurrence(Event.LETTER_FAILED, now, reason=reason, facts=facts))
