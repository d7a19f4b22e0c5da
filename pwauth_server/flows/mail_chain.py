"""The mail transports in their order: a letter is offered to the first, and to the next one only while that is away.

What one of them may have taken is not passed on: people would get two letters, and wonder. It waits for its next try,
as with one transport; better perhaps twice than never, and under one Message-ID. A transport that is away is left in
peace for a while and then asked about one letter, so that its silence is not waited for with each of them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pwauth_server.adapters.transport import Delivery, Outcome, Transport
from pwauth_server.deps import Deps
from pwauth_server.rules import retry
from pwauth_server.rules.letters import Message

#: How long a transport that is away is left in peace at least, on average and at the longest, in seconds.
SHORTEST_REST, REST, LONGEST_REST = (retry.DELAYS[0] * factor for factor in (1 - retry.JITTER, 1, 1 + retry.JITTER))
#: The transport of a letter that never got to one.
NOWHERE = "none"
TIMEOUT = "timeout"
#: After these a letter is surely still ours.
_PASSED_ON = frozenset({Outcome.DOWN, Outcome.UNANSWERED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a letter at one transport."""

    transport: str
    delivery: Delivery


class Chain:
    """The transports of one process, and what it knows of them."""

    def __init__(self, deps: Deps, turn: float) -> None:
        """Give each transport ``turn`` seconds for a letter; expect all of them to be there."""
        self._deps, self._turn = deps, turn
        #: Until when those that were away the last time are left in peace.
        self._away: dict[str, float] = {}

    def resting(self) -> float:
        """Return for how many seconds no transport can be asked."""
        return min(self._rest_of(transport) for transport in self._deps.transports)

    async def deliver(self, message: Message, recipient: str) -> tuple[Attempt, Sequence[Attempt]]:
        """Return what decides over a letter, and the attempts after which it was passed on."""
        passed: list[Attempt] = []
        for transport in self._deps.transports:
            if self._rest_of(transport):
                continue
            attempt = Attempt(transport.name, await self._ask(transport, message, recipient))
            if attempt.delivery.outcome not in _PASSED_ON:
                return attempt, passed
            passed.append(attempt)
        if not passed:
            return Attempt(NOWHERE, Delivery(Outcome.DOWN, NOWHERE)), passed
        # One that broke over this letter says more about it than others that are away.
        verdict = next((it for it in passed if it.delivery.outcome is not Outcome.DOWN), passed[-1])
        return verdict, [it for it in passed if it is not verdict]

    async def rest(self) -> None:
        """Close what transports keep open between letters."""
        for transport in self._deps.transports:
            await transport.rest()

    async def _ask(self, transport: Transport, message: Message, recipient: str) -> Delivery:
        name, was_away = transport.name, transport.name in self._away
        if was_away:
            # While this letter asks whether it is back, the others go past it.
            self._away[name] = self._deps.clock.now() + REST
        try:
            # However slowly a server drips: the claim must outlast the delivery, or two would be sending.
            async with asyncio.timeout(self._turn):
                delivery = await transport.deliver(message, recipient)
        except TimeoutError:
            delivery = Delivery(Outcome.DEFERRED, TIMEOUT)
        if delivery.outcome is Outcome.DOWN:
            rest = SHORTEST_REST + (LONGEST_REST - SHORTEST_REST) * self._deps.entropy.fraction()
            self._away[name] = self._deps.clock.now() + rest
        elif delivery.outcome in {Outcome.ACCEPTED, Outcome.REFUSED}:
            self._away.pop(name, None)
        elif was_away:
            self._away[name] = 0.0  # it is not quite back: again one letter asks, the next one
        return delivery

    def _rest_of(self, transport: Transport) -> float:
        left = self._away.get(transport.name, 0.0) - self._deps.clock.now()
        # Bounded below and above: a clock that was set back must not silence the queue.
        return left if 0 < left <= LONGEST_REST else 0.0
