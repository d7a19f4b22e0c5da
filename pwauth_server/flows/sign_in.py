"""The one door: whatever proved a mailbox, a session is born here and nowhere else."""

from dataclasses import dataclass

from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Event, Method, Occurrence, Reason
from pwauth_server.rules import policy
from pwauth_server.store import epoch, sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody has just shown: the mailbox, how, and the words for it in tokens (RFC 8176)."""

    email: str
    method: Method
    amr: tuple[str, ...]
    acr: str


async def finish(tx: Tx, deps: Deps, proof: Proof, caller: Caller, now: float) -> Session | Reason:
    """Open a session for a proven mailbox, or tell why not; the account is made here if it is new (SEC-05)."""
    user = await _find_or_create(tx, deps, proof.email, caller, now)
    if user is None or user.disabled:
        return Reason.DISABLED
    await users.record_sign_in(tx, user.id, now)
    session = await _open(tx, deps, user, proof, caller=caller, now=now)
    for event in (Event.SIGN_IN_SUCCEEDED, Event.TOKENS_ISSUED):
        await tx.record(Occurrence(event, now, caller, user.id, session.id, method=proof.method))
    return session


async def _find_or_create(tx: Tx, deps: Deps, email: str, caller: Caller, now: float) -> User | None:
    found = await users.find_by_email(tx, email)
    if found is not None:
        return found
    # Asked again: the policy may have changed since the letter was sent (SEC-08).
    if not policy.may_sign_up(email, signup=deps.config.signup, domains=deps.config.signup_domains):
        return None
    user, created = await users.find_or_create(tx, user_id=deps.entropy.row_id(now), email=email, now=now)
    if created:
        await tx.record(Occurrence(Event.USER_CREATED, now, caller, user_id=user.id))
    return user


async def _open(tx: Tx, deps: Deps, user: User, proof: Proof, *, caller: Caller, now: float) -> Session:
    absolute = now + deps.config.session_absolute_expiry_seconds
    session = Session(
        id=deps.entropy.row_id(now),
        user_id=user.id,
        email=user.email,
        verified=True,
        disabled=False,
        roles=user.roles,
        generation=0,
        created_at=now,
        auth_time=now,
        amr=proof.amr,
        acr=proof.acr,
        ip=caller.ip,
        browser=caller.browser,
        last_used_at=now,
        rotated_at=now,
        expires_at=min(now + deps.config.refresh_token_expiry_seconds, absolute),
        absolute_expires_at=absolute,
        ended=False,
        epoch=await epoch.current(tx),
    )
    await sessions.create(tx, session)
    return session
