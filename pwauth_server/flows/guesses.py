"""Tries at short codes: counted before anything is compared, given back if they were right (SEC-31, SEC-32).

One count for all codes of an account, wherever they are typed. Only who stands at the door, a first factor in hand, is
counted apart: strangers, or a thief with a stolen session, must not be able to shut the owner out (SEC-65).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from pwauth_server.deps import Deps
from pwauth_server.errors import RateLimited
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import notices
from pwauth_server.rules import client_address
from pwauth_server.rules.limits import Limit
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


class Party(StrEnum):
    """Who tries: nobody known, somebody who holds a session, or somebody whose first factor has just opened half the door."""

    STRANGER = "stranger"
    SESSION = "session"
    DOOR = "door"

    @property
    def most(self) -> int:
        """Return after how many failures in a row codes are suspended for this party, until another way of signing in worked.

        NIST SP 800-63B-4 section 3.2.2 allows a hundred (SEC-31).
        """
        return 40 if self is Party.DOOR else 20

    @property
    def counted_as(self) -> "tuple[Party, ...]":
        """Return whose tries are used up by one of this party.

        A session's count twice: another way in forgives strangers, and a thief with the mailbox has one whenever he likes.
        """
        return (Party.STRANGER, Party.SESSION) if self is Party.SESSION else (self,)


@dataclass(slots=True)
class Try:
    """One try; its maker tells whether it was right."""

    was_right: bool = False


@asynccontextmanager
async def attempt(deps: Deps, account: str, caller: Caller, party: Party) -> AsyncIterator[Try]:
    """Count one try with a code for an ``account`` (its canonical address, known or not).

    Raises RateLimited before the block if there were too many failures; what is refused like that is compared with
    nothing, so it counts against nobody else. Nothing but a right code gives the try back, and then only this one: a
    success of one's own refunds no failure (SEC-32).
    """
    # First the account: else whoever goes on at one that is shut would shut all others for the whole office behind his address.
    uses = [(Limit.ONE_TIME_CODES_PER_ACCOUNT, f"{account}/{who}") for who in party.counted_as]
    uses.append((Limit.ONE_TIME_CODES_PER_CLIENT, client_address.bucket(caller.ip)))
    for number, use in enumerate(uses):
        try:
            await deps.limiter.take(*use)
        except RateLimited:
            # Else a client that may guess no more could still use up everybody's tries.
            await _give_back(deps, uses[:number])
            raise
    made = Try()
    yield made
    if made.was_right:
        await _give_back(deps, uses)


async def forgive_strangers(deps: Deps, account: str) -> None:
    """Let strangers try again at an ``account`` whose owner has just shown more than such a code: mostly it was the owner (SEC-31)."""
    await deps.limiter.forget(Limit.ONE_TIME_CODES_PER_ACCOUNT, account, Party.STRANGER)


async def _give_back(deps: Deps, uses: Sequence[tuple[Limit, str]]) -> None:
    for use in uses:
        await deps.limiter.give_back(*use)


async def tell_if_suspended(tx: Tx, deps: Deps, owner: User, failures: int, *, caller: Caller, now: float) -> None:
    """Record and mail that a failure was one too many for one of the parties (SEC-31)."""
    if failures in {party.most for party in Party}:
        await notices.tell(tx, deps, Occurrence(Event.CODES_SUSPENDED, now, caller, owner.id, reason=Reason.SUSPENDED), owner)
