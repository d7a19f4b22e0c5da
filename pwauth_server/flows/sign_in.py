"""The one door: whatever was proven, and however, a session is born here and nowhere else."""

from dataclasses import dataclass, replace

from pwauth_server.deps import Deps
from pwauth_server.errors import IdentityMismatch, SignInFailed, Unauthenticated
from pwauth_server.events import MAILBOX, Caller, Event, Method, Occurrence, Reason
from pwauth_server.flows import ceremonies, guesses, invites, mailbox_proof, tokens
from pwauth_server.flows.ceremonies import Challenge, Purpose
from pwauth_server.rules import assurance, policy
from pwauth_server.rules.assurance import Standing
from pwauth_server.store import epoch, factors, sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User

#: First factors that are not enough by themselves where a second one is asked for.
_FIRST = frozenset({*MAILBOX, Method.TOTP})


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody has just shown: whose, how, and the words for it in tokens (RFC 8176)."""

    method: Method
    amr: tuple[str, ...]
    email: str
    #: The account, where one was proven; None where only the mailbox is known.
    user: User | None = None
    #: Where the person wanted to go.
    return_to: str | None = None


@dataclass(frozen=True, slots=True)
class Current:
    """The session that somebody holds who signs in once more: stepping up, or as somebody else."""

    session: Session
    #: Sent on purpose, as a bearer token; a cookie is sent by the browser, whoever sits there now.
    on_purpose: bool


@dataclass(frozen=True, slots=True)
class SecondFactorDue:
    """A first factor was right, and this account asks for a second one."""

    pending_id: str
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A finished sign-in: the session, its tokens, and where the person wanted to go."""

    session: Session
    tokens: tokens.TokenPair
    return_to: str | None


#: What a unit of work that ends in `finish` returns.
Ending = Session | SecondFactorDue | Reason


async def finish(tx: Tx, deps: Deps, proof: Proof, caller: Caller, now: float, *, current: Current | None = None) -> Ending:
    """Open a session for what was proven, ask for a second factor, or tell why not.

    The account is made here if its mailbox is new (SEC-05). A ``current`` session of the same person is replaced
    by the new one, which knows what both have shown (SEC-56). Raises IdentityMismatch if a bearer of somebody
    else's session signs in, and Unauthenticated if that session is over: whatever the caller wrote is undone.
    """
    current = await _still_held(tx, current, now)
    user = await _account(tx, deps, proof, current, caller=caller, now=now)
    if isinstance(user, Reason):
        return user
    before = _same_person(current, user)
    standing = _standing(before, proof, user, now)
    if due := await _second_factor(tx, deps, proof, user, standing, caller=caller, now=now):
        return due
    if before:
        await _replace(tx, before, caller, now)
    await users.record_sign_in(tx, user.id, now)
    await factors.forgive(tx, user.id)
    session = await _open(tx, deps, user, standing, before, caller=caller, now=now)
    for event in (Event.SIGN_IN_SUCCEEDED, Event.TOKENS_ISSUED):
        await tx.record(Occurrence(event, now, caller, user.id, session.id, method=proof.method))
    return session


async def conclude(
    deps: Deps, ending: Ending, method: Method, caller: Caller, *, return_to: str | None = None
) -> SignedIn | SecondFactorDue:
    """Turn what a unit returned into the answer; raise SignInFailed, in the same words whatever the reason (SEC-33)."""
    if isinstance(ending, Reason):
        await record_failure(deps, method, ending, caller)
        raise SignInFailed
    if isinstance(ending, SecondFactorDue):
        return ending
    if set(ending.amr) != {assurance.OTP}:
        await guesses.forgive_strangers(deps, ending.email)
    return SignedIn(ending, await tokens.issue(deps, ending), return_to)


async def still_due(deps: Deps, pending_id: str) -> SecondFactorDue | None:
    """Return what a sign-in still waits for, so that its page can ask again; None if it no longer waits."""
    found = await ceremonies.find(deps.db.reads, pending_id, Purpose.SECOND_FACTOR, deps.clock.now())
    if found is None or found.user_id is None:
        return None
    return SecondFactorDue(pending_id, _methods(await factors.owned(deps.db.reads, found.user_id)))


async def record_failure(deps: Deps, method: Method, reason: Reason, caller: Caller) -> None:
    """Write a failed sign-in down: the reason is for audit and metrics, never for the client."""
    await deps.db.record(Occurrence(Event.SIGN_IN_FAILED, deps.clock.now(), caller, method=method, reason=reason))


async def _account(tx: Tx, deps: Deps, proof: Proof, current: Current | None, *, caller: Caller, now: float) -> User | Reason:
    """Return whose account was proven, or why nobody may sign in to it.

    The row is held: what is decided here about an account is still so when its session is written.
    """
    if proof.user is None:
        user = await _of_mailbox(tx, deps, proof.email, caller, now)
    else:
        user = await users.hold(tx, proof.user.id)
    if user is None:
        return Reason.NOT_ALLOWED if proof.user is None else Reason.UNKNOWN
    if user.disabled:
        return Reason.DISABLED
    if proof.method in MAILBOX:
        holding = current.session if current and current.on_purpose and current.session.user_id == user.id else None
        return await mailbox_proof.proven(tx, deps, user, holding, caller=caller, now=now)
    if user.verified or user.imported:
        return user
    if deps.config.enrolment != "first_use":
        return Reason.UNVERIFIED
    return Reason.EXPIRED if now >= user.created_at + policy.UNVERIFIED_LIFE else user


async def _of_mailbox(tx: Tx, deps: Deps, email: str, caller: Caller, now: float) -> User | None:
    """Return the account of a mailbox, a new one if need be; None if the address may not have one."""
    while (user := await users.hold_by_email(tx, email)) is None:
        # Asked again: the policy may have changed since the letter was sent (SEC-08).
        if not await invites.may_sign_up(tx, deps, email, now):
            return None
        user, created = await users.find_or_create(tx, user_id=deps.entropy.row_id(now), email=email, now=now)
        if created:
            await tx.record(Occurrence(Event.USER_CREATED, now, caller, user_id=user.id))
            await invites.accept(tx, user, caller, now)
            return user
        # Somebody was faster, and may not have proven anything: look again, and hold what is there.
    return user


async def _still_held(tx: Tx, current: Current | None, now: float) -> Current | None:
    """Return the session of a caller as it is now: it may have ended since the guard looked, and then it adds nothing."""
    if current is None:
        return None
    found = await sessions.find(tx, current.session.id)
    if found is not None and found.is_live(now):
        return replace(current, session=found)
    if current.on_purpose:
        raise Unauthenticated
    return None


def _standing(before: Session | None, proof: Proof, user: User, now: float) -> Standing:
    if before is None:
        amr = assurance.shown(proof.amr)
        return Standing(amr, assurance.level(amr, verified=user.verified), now)
    return assurance.renewed(Standing(before.amr, before.acr, before.auth_time), proof.amr, verified=user.verified, now=now)


async def _replace(tx: Tx, before: Session, caller: Caller, now: float) -> None:
    """End the session that steps up; raise Unauthenticated if somebody else was faster: it can be replaced once."""
    if not await sessions.end(tx, before.id, now=now, reason=Reason.STEPPED_UP):
        raise Unauthenticated
    await tx.record(Occurrence(Event.SESSION_ENDED, now, caller, before.user_id, before.id, reason=Reason.STEPPED_UP))


def _same_person(current: Current | None, user: User) -> Session | None:
    """Return the session that steps up; a browser where somebody else was signed in simply changes hands."""
    if current is None or current.session.user_id == user.id:
        return current.session if current else None
    if current.on_purpose:
        raise IdentityMismatch
    return None


async def _second_factor(
    tx: Tx, deps: Deps, proof: Proof, user: User, standing: Standing, *, caller: Caller, now: float
) -> SecondFactorDue | Reason | None:
    """Begin to wait for a second factor, if this account has one and the settings or its owner ask for it.

    Not if a session shows that it was there a moment ago; long ago is not enough, or a session would never end. Whoever
    switched mail sign-in off asks for a code on top of the mailbox, always (SEC-59).
    """
    mode = deps.config.totp_mode
    if proof.method in MAILBOX and not user.mail_sign_in:
        owned = await factors.owned(tx, user.id)
        if not owned.mail_opens(now):
            return await _wait(tx, deps, proof, user, owned, caller=caller, now=now) if owned.mail_leads_on(now) else Reason.MAIL_OFF
        await users.set_mail_sign_in(tx, user.id, off_at=None)
        await tx.record(Occurrence(Event.MAIL_SIGN_IN_ON, now, caller, user.id, reason=Reason.DISOWNED))
    if mode == "fallback" or proof.method not in _FIRST:
        return None
    if assurance.SEVERAL in standing.amr and assurance.is_recent(standing.auth_time, now):
        return None
    if proof.method is Method.TOTP:
        # It is the second factor, so none can follow.
        return None if mode == "both" else Reason.NOT_ALLOWED
    owned = await factors.owned(tx, user.id)
    return await _wait(tx, deps, proof, user, owned, caller=caller, now=now) if owned.asks_for_totp(now) else None


async def _wait(
    tx: Tx, deps: Deps, proof: Proof, user: User, owned: assurance.Owned, *, caller: Caller, now: float
) -> SecondFactorDue | Reason:
    if not (due := _methods(owned)):  # disowned, and nothing else is left: frozen, not open
        return Reason.SUSPENDED
    ceremony = Challenge(
        id=deps.entropy.row_id(now),
        purpose=Purpose.SECOND_FACTOR,
        secret_hash=b"",
        expires_at=now + ceremonies.LIFE,
        user_id=user.id,
        amr=proof.amr,
        return_to=proof.return_to,
    )
    pending_id = await ceremonies.begin(tx, deps, ceremony)
    await tx.record(Occurrence(Event.SECOND_FACTOR_DUE, now, caller, user.id, method=proof.method))
    return SecondFactorDue(pending_id, due)


def _methods(owned: assurance.Owned) -> tuple[str, ...]:
    return tuple(way for way in assurance.ways(owned) if way != "email")


async def _open(tx: Tx, deps: Deps, user: User, standing: Standing, before: Session | None, *, caller: Caller, now: float) -> Session:
    absolute = now + deps.config.session_absolute_expiry_seconds
    if before and before.verified and standing.auth_time == before.auth_time:
        # What the session rests on was not shown again, so it does not live longer (SEC-53).
        absolute = min(absolute, before.absolute_expires_at)
    if not user.verified:
        absolute = min(absolute, (now if user.imported else user.created_at) + policy.UNVERIFIED_LIFE)
    session = Session(
        id=deps.entropy.row_id(now),
        user_id=user.id,
        email=user.email,
        verified=user.verified,
        disabled=False,
        roles=assurance.roles(user.roles, standing.acr),
        generation=0,
        created_at=now,
        auth_time=standing.auth_time,
        amr=standing.amr,
        acr=standing.acr,
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
