"""Letters on their way out: claimed, delivered outside any transaction, written down (SEC-84).

A crash between a delivery and its note leaves the letter `sending`; it is then sent once more, with
the same Message-ID. That can only happen to the few letters in hand: each is claimed in the
transaction that writes down the one before it.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence

from jinja2 import TemplateError

from pwauth_server.adapters.transport import Delivery, Outcome
from pwauth_server.deps import Deps
from pwauth_server.events import Event, Occurrence
from pwauth_server.flows.mail import PURPOSE
from pwauth_server.flows.mail_chain import NOWHERE, Attempt, Chain
from pwauth_server.rules import retry
from pwauth_server.rules.letters import LetterKind, Message
from pwauth_server.rules.sealing import CannotOpenError
from pwauth_server.store import email_queue, magic_links
from pwauth_server.store.email_queue import Letter
from pwauth_server.store.transaction import Tx

#: Letters in hand at the same time at the most.
SENDERS = 4
#: How long a transport has for one letter at least, in seconds.
TURN = 30.0
#: Patience with one command of a mail server, times this, is what it has at least.
SLOWEST_DIALOGUE = 3
#: How often the queue is looked at when nothing rings, in seconds: the command line rings no bell here.
IDLE = 5.0
#: After another node was quicker to take a letter, in seconds.
CONTENDED = 0.05
#: Begins the reason of a letter that waits for a server, not because of anything that was said about the letter.
AWAY = "down_"
EXPIRED, UNREADABLE, TEMPLATE = "expired", "unreadable", "template"


class Postman:
    """Keeps a few letters in hand while any are due; knows whether any transport can be asked."""

    def __init__(self, deps: Deps) -> None:
        """Know nothing of the transports yet: the first letter is a probe."""
        self._deps = deps
        turn = max(TURN, SLOWEST_DIALOGUE * max(deps.config.smtp_timeout_seconds, deps.config.smtp2_timeout_seconds))
        self._chain = Chain(deps, turn)
        #: How long a claim holds: every transport may use its turn up, and one more is left for writing that down.
        self._lease = turn * (len(deps.transports) + 1)
        self._rounds: set[asyncio.Task[None]] = set()
        self._broken: BaseException | None = None
        self._is_away = True
        self._busy_at = 0.0
        self._is_stopping = False

    async def reclaim(self) -> None:
        """Put back every letter that a dead process of this database held; only if we are alone on it."""
        now = self._deps.clock.now()
        await self._deps.db.unit(lambda tx: email_queue.reclaim(tx, now=now, leases_before=float("inf")))

    async def run(self) -> float:
        """Take in hand what is due; return after how many seconds, or at which ring of the bell, to look again.

        Never waits for a transport. Raises what broke a round since the last look.
        """
        self._raise_broken()
        now = self._deps.clock.now()
        while len(self._rounds) < (1 if self._is_away else SENDERS) and not self._is_stopping:
            if self._is_away and (rest := self._chain.resting()):
                return rest
            due = await email_queue.next_due(self._deps.db.reads)
            if due is None or due > now:
                await self._rest_if_idle(now)
                return IDLE if due is None else min(due - now, IDLE)
            letter = await self._take(now)
            if letter is None:
                return CONTENDED
            if self._is_stopping:
                await self._release(letter)
                break
            self._start(letter)
        return IDLE

    async def settle(self) -> None:
        """Wait until no letter is in hand."""
        while self._rounds:
            await asyncio.wait(self._rounds)
        self._raise_broken()

    async def stop(self, patience: float) -> None:
        """Take nothing more in hand and finish what is, at most ``patience`` seconds.

        A letter that is cut off may have been accepted: it stays claimed, so that nobody sends it
        again before its lease is over or this process has a successor.
        """
        self._is_stopping = True
        if self._rounds:
            _, late = await asyncio.wait(self._rounds, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._chain.rest()

    # -- taking letters in hand

    async def _take(self, now: float) -> Letter | None:
        async def work(tx: Tx) -> Letter | None:
            for _ in range(await email_queue.expire_stale(tx, now)):
                await tx.record(Occurrence(Event.LETTER_EXPIRED, now, reason=EXPIRED, facts={"transport": NOWHERE}))
            await email_queue.reclaim(tx, now=now, leases_before=now)
            return await email_queue.claim(tx, now=now, lease_until=now + self._lease)

        return await self._deps.db.unit(work)

    def _start(self, letter: Letter) -> None:
        task = asyncio.create_task(self._round(letter), name=f"letter {letter.id}")
        self._rounds.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._rounds.discard(task)
        self._busy_at = self._deps.clock.now()
        if not task.cancelled():
            self._broken = task.exception() or self._broken
        # There is a hand free again.
        self._deps.mail_bell.ring()

    def _raise_broken(self) -> None:
        broken, self._broken = self._broken, None
        if broken is not None:
            raise broken

    async def _round(self, letter: Letter | None) -> None:
        """Deliver letters one after the other until none is due or no transport can be asked."""
        while letter is not None:
            if self._is_stopping:
                await self._release(letter)
                return
            verdict, passed = await self._deliver(letter)
            letter = await self._write_down(letter, verdict, passed)

    async def _release(self, letter: Letter) -> None:
        await self._deps.db.unit(lambda tx: email_queue.release(tx, letter))

    async def _rest_if_idle(self, now: float) -> None:
        """Close connections when nothing was in hand for a while: the next letter may be just behind the last."""
        if self._rounds:
            self._busy_at = now
        elif now - self._busy_at >= IDLE:
            await self._chain.rest()

    # -- outside any transaction

    async def _deliver(self, letter: Letter) -> tuple[Attempt, Sequence[Attempt]]:
        """Return what decides over a letter, and the attempts after which it was passed on."""
        if not await self._is_wanted(letter):
            return _unsent(EXPIRED)
        try:
            message = self._opened(letter)
        except CannotOpenError:
            return _unsent(UNREADABLE)
        except (TemplateError, ValueError):
            return _unsent(TEMPLATE)
        return await self._chain.deliver(message, letter.recipient)

    def _opened(self, letter: Letter) -> Message:
        facts: Mapping[str, str] = json.loads(self._deps.ring.open(PURPOSE, str(letter.id), letter.body))
        kind = LetterKind(letter.kind)
        return self._deps.letters.render(kind, facts, to=letter.recipient, message_id=letter.message_id, date=letter.created_at)

    async def _is_wanted(self, letter: Letter) -> bool:
        """Tell whether what a letter carries can still be used: its link may have been closed since the claim."""
        now = self._deps.clock.now()
        if letter.link_id is None:
            return now < letter.expires_at
        link = await magic_links.find(self._deps.db.reads, letter.link_id)
        return link is not None and link.is_live(now)

    # -- written down

    async def _write_down(self, letter: Letter, verdict: Attempt, passed: Sequence[Attempt]) -> Letter | None:
        """Write the outcome down; in the same transaction take the next letter, if there is one to be asked about."""
        now, chance = self._deps.clock.now(), self._deps.entropy.fraction()
        outcome = verdict.delivery.outcome
        is_answer = outcome in {Outcome.ACCEPTED, Outcome.REFUSED} and verdict.transport != NOWHERE
        came_back = self._is_away and is_answer
        if outcome is Outcome.DOWN:
            self._is_away = True
        elif came_back:
            self._is_away = False
        goes_on = outcome is not Outcome.DOWN and not self._is_stopping

        async def work(tx: Tx) -> Letter | None:
            for attempt in passed:
                await tx.record(_occurrence(Event.LETTER_PASSED_ON, letter, attempt, now))
            await _note(tx, letter, verdict, now=now, chance=chance)
            if came_back:
                await email_queue.due_again(tx, now=now, error_prefix=AWAY)
            return await email_queue.claim(tx, now=now, lease_until=now + self._lease) if goes_on else None

        following = await self._deps.db.unit(work)
        if came_back:
            self._deps.mail_bell.ring()  # the other hands may help now
        return following


def _unsent(reason: str) -> tuple[Attempt, Sequence[Attempt]]:
    return Attempt(NOWHERE, Delivery(Outcome.REFUSED, reason)), ()


def _occurrence(event: Event, letter: Letter, attempt: Attempt, now: float) -> Occurrence:
    delivery = attempt.delivery
    reason = f"{AWAY}{delivery.reason}" if delivery.outcome is Outcome.DOWN else delivery.reason
    return Occurrence(event, now, reason=reason, facts={"transport": attempt.transport, "letter": str(letter.id)})


async def _note(tx: Tx, letter: Letter, verdict: Attempt, *, now: float, chance: float) -> None:
    event, until = _fate(letter, verdict.delivery, now, chance)
    occurrence, transport = _occurrence(event, letter, verdict, now), verdict.transport
    reason = occurrence.reason
    if event is Event.LETTER_SENT:
        is_ours = await email_queue.mark_sent(tx, letter, now=now, transport=transport)
        occurrence = occurrence._replace(facts={**occurrence.facts, "seconds": now - letter.created_at})
    elif event is Event.LETTER_DEFERRED:
        is_ours = await email_queue.defer(tx, letter, until=until, error=reason, transport=transport)
    elif event is Event.LETTER_EXPIRED:
        is_ours = await email_queue.mark_expired(tx, letter, now=now, error=reason, transport=transport)
    else:
        is_ours = await email_queue.mark_failed(tx, letter, now=now, error=reason, transport=transport)
    if is_ours:
        await tx.record(occurrence)


def _fate(letter: Letter, delivery: Delivery, now: float, chance: float) -> tuple[Event, float]:
    """Return what becomes of a letter, and when it is tried again if it is."""
    if delivery.outcome is Outcome.ACCEPTED:
        return Event.LETTER_SENT, 0.0
    if delivery.outcome is Outcome.REFUSED:
        return (Event.LETTER_EXPIRED if delivery.reason == EXPIRED else Event.LETTER_FAILED), 0.0
    # An outage never uses a letter's tries up; only what a server says of the letter itself does.
    attempts = min(letter.attempts, len(retry.DELAYS)) if delivery.outcome is Outcome.DOWN else letter.attempts
    until = retry.next_attempt(attempts=attempts, now=now, expires_at=letter.expires_at, chance=chance)
    if until is not None:
        return Event.LETTER_DEFERRED, until
    is_over = letter.expires_at - now < retry.SHORTEST
    return (Event.LETTER_EXPIRED if is_over else Event.LETTER_FAILED), 0.0
