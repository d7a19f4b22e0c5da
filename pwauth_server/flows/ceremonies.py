"""Ceremonies: what begins with one call and ends with another, under a `pending_id` that works once (SEC-40)."""

from dataclasses import replace

from pwauth_server.deps import Deps
from pwauth_server.rules import secrets
from pwauth_server.store import challenges
from pwauth_server.store.challenges import Challenge, Purpose
from pwauth_server.store.transaction import Runs, Tx

__all__ = ["Challenge", "Purpose"]

#: Life of a ceremony in seconds.
LIFE = 300.0


async def begin(tx: Tx, deps: Deps, ceremony: Challenge) -> str:
    """Store a ceremony and return its `pending_id`; its id and hash are made here."""
    secret = deps.entropy.random(32)
    await challenges.create(tx, replace(ceremony, secret_hash=secrets.digest(secret)))
    return secrets.issue(secrets.PENDING, ceremony.id, secret)


async def find(db: Runs, pending_id: str, purpose: Purpose, now: float) -> Challenge | None:
    """Return a live ceremony of that purpose without using it up; None for anything else."""
    presented = secrets.parse(secrets.PENDING, pending_id)
    found = await challenges.find(db, presented.id) if presented else None
    if presented is None or found is None or not secrets.same(found.secret_hash, presented.digest):
        return None
    return found if found.purpose is purpose and now < found.expires_at else None


async def take(tx: Tx, pending_id: str, purpose: Purpose, now: float) -> Challenge | None:
    """Use a live ceremony of that purpose up and return it; None for everybody but the first."""
    found = await find(tx, pending_id, purpose, now)
    return await challenges.take(tx, found.id) if found else None
