"""Tries at short codes: counted before anything is compared, given back if they were right (SEC-31, SEC-32).

One count for all codes of an account, wherever they are typed. Who has shown the mailbox or holds a session
counts apart from strangers, so that those cannot lock the owner out (SEC-65).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import notices
from pwauth_server.rules import client_address
from pwauth_server.rules.limits import Limit
from pwauth_server.store import factors
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


@dataclass(slots=True)
class Try:
    """One try; its maker tells whether it was right."""

    was_right: bool = False


@asynccontextmanager
async def attempt(deps: Deps, account: str, caller: Caller, *, proven: bool) -> AsyncIterator[Try]:
    """Count one try with a code for an ``account`` (its canonical address, known or not).

    Raises RateLimited before the block if there were too many failures. Nothing but a right code gives the
    try back, and then only this one: a success of one's own refunds no failure (SEC-32).
    """
    client = client_address.bucket(caller.ip)
    party = "proven" if proven else "stranger"
    await deps.limiter.take(Limit.ONE_TIME_CODES_PER_CLIENT, client)
    await deps.limiter.take(Limit.ONE_TIME_CODES_PER_ACCOUNT, account, party)
    made = Try()
    yield made
    if made.was_right:
        await deps.limiter.give_back(Limit.ONE_TIME_CODES_PER_CLIENT, client)
        await deps.limiter.give_back(Limit.ONE_TIME_CODES_PER_ACCOUNT, account, party)


async def tell_if_suspended(tx: Tx, deps: Deps, owner: User, failures: int, *, caller: Caller, now: float) -> None:
    """Record and mail that a failure was one too many: for strangers, or for everybody (SEC-31)."""
    if failures in {factors.MAX_FAILURES, factors.MAX_FAILURES_PROVEN}:
        await notices.tell(tx, deps, Occurrence(Event.CODES_SUSPENDED, now, caller, owner.id, reason=Reason.SUSPENDED), owner)
