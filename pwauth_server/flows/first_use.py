"""The open enrolment of the Rust server before this one, fenced in: `enrolment = "first_use"` (SEC-05 to SEC-07).

Whoever comes first may add the first factor of an address that nobody has proven. Such an account is worth nothing
outside, lives for a day, and gives way to the first person who proves the mailbox. That an address is taken shows.
"""

from pwauth_server.deps import Deps
from pwauth_server.errors import Unauthenticated
from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.rules import client_address, policy
from pwauth_server.rules.limits import Limit
from pwauth_server.store import factors, users
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


async def admit(deps: Deps, caller: Caller) -> None:
    """Let somebody without a session begin to enrol; raise Unauthenticated unless the settings say so.

    Each call may make an account, so that they are limited.
    """
    if deps.config.enrolment != "first_use":
        raise Unauthenticated
    await deps.limiter.take(Limit.FIRST_USE_PER_CLIENT, client_address.bucket(caller.ip))


async def account_for(tx: Tx, deps: Deps, email: str, caller: Caller, now: float) -> User | None:
    """Return the unproven account of a canonical address that may get its first factor, a new one if need be.

    None for everybody else: proven, disabled, with a factor already, over, or not allowed to sign up. The row is held, so
    a factor that is added in this transaction is the first one.
    """
    if deps.config.enrolment != "first_use":
        return None
    user = await users.hold_by_email(tx, email)
    if user is None:
        if not policy.may_sign_up(email, signup=deps.config.signup, domains=deps.config.signup_domains):
            return None
        user, created = await users.find_or_create(tx, user_id=deps.entropy.row_id(now), email=email, now=now, verified=False)
        if not created:  # somebody was faster
            return None
        await tx.record(Occurrence(Event.USER_CREATED, now, caller, user_id=user.id))
    return user if await is_open(tx, deps, user, now) else None


async def is_open(tx: Tx, deps: Deps, user: User, now: float) -> bool:
    """Tell whether an account still waits for its first factor: asked again when one is about to count.

    One that was taken over from another server waits for its owner's mailbox, and for nobody else.
    """
    is_shut = user.verified or user.disabled or user.imported or now >= user.created_at + policy.UNVERIFIED_LIFE
    if deps.config.enrolment != "first_use" or is_shut:
        return False
    return not (await factors.owned(tx, user.id)).beyond_mail
