"""One-time passwords of an authenticator app: enrolled, confirmed, shown, removed (SEC-01, 02, 30 to 36)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import IdentityMismatch, LastFactor, Missing, SignInFailed, StepUpRequired, Unauthenticated
from pwauth_server.events import Caller, Event, Method, Occurrence, Reason
from pwauth_server.flows import ceremonies, first_use, guesses, notices, sign_in, step_up
from pwauth_server.flows.ceremonies import Purpose
from pwauth_server.flows.guesses import Party
from pwauth_server.flows.in_turn import in_turn
from pwauth_server.flows.sign_in import Current, Ending, Proof, SecondFactorDue, SignedIn
from pwauth_server.rules import assurance, client_address, ids
from pwauth_server.rules import totp as rules
from pwauth_server.rules.limits import Limit
from pwauth_server.rules.sealing import NONCE_BYTES, CannotOpenError
from pwauth_server.store import factors, sessions, totp, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx, Work
from pwauth_server.store.users import User

PURPOSE = "totp"
#: How long a new secret waits for its first code, in seconds.
PENDING_LIFE = 600

#: Tries to spend the step of a right code; False if it is spent.
Spend = Callable[[int], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret that waits for its first code, shown once."""

    secret: str
    url: str
    #: The URL as a picture (SVG).
    picture: str


@dataclass(frozen=True, slots=True)
class Guess:
    """A code as somebody typed it."""

    code: str
    caller: Caller
    now: float
    party: Party


async def enrol(deps: Deps, *, session: Session | None, email: str | None, caller: Caller) -> Enrolment:
    """Make a secret that counts once a code of it was shown; until then an older one does (SEC-02).

    Without a session only where `enrolment = "first_use"` lets in whoever comes first. Raises IdentityMismatch for
    somebody else's address and Unauthenticated for nobody's.
    """
    now, secret = deps.clock.now(), deps.entropy.random(rules.SECRET_BYTES)
    if session is None:
        await first_use.admit(deps, caller)
        if email is None or deps.config.totp_mode == "second_factor":  # such a secret could never be used
            raise Unauthenticated
    elif email not in {None, session.email}:
        raise IdentityMismatch

    async def work(tx: Tx) -> User | None:
        user = await _enrolling(tx, deps, session, email, caller=caller, now=now)
        if user is not None:
            sealed = seal(deps, user.id, secret)
            await totp.begin(tx, user.id, sealed, until=now + PENDING_LIFE, session_id=session.id if session else None)
        return user

    user = await deps.db.unit(work)
    if user is None:
        raise Unauthenticated
    issuer = deps.config.webauthn_rp_name or deps.config.public_host
    url = rules.url(secret, issuer=issuer, account=user.email)
    return Enrolment(rules.shown(secret), url, await in_turn(deps.drawing, lambda: rules.drawn(url)))


def is_meant(current: Current, email: str | None) -> bool:
    """Tell whether a code is shown for the session that came with it; raise IdentityMismatch for a bearer of somebody else's.

    A cookie is sent by the browser: whoever names another address signs in as that one.
    """
    if email is None or email == current.session.email:
        return True
    if current.on_purpose:
        raise IdentityMismatch
    return False


async def verify_for(deps: Deps, *, current: Current, code: str, caller: Caller) -> SignedIn | SecondFactorDue:
    """Confirm the secret that waits in a session, and keep the session; if none waits, step up by the one that counts."""
    it, held = Guess(code, caller, deps.clock.now(), Party.SESSION), current.session

    async def work(tx: Tx) -> Ending:
        user, session = await users.hold(tx, held.user_id), await sessions.find(tx, held.id)
        if user is None or session is None or not session.is_live(it.now):
            raise Unauthenticated
        row = await totp.find(tx, user.id)
        waiting = row.waiting(session.id, it.now)
        # Who began to set up a new app and gave up still steps up by the one that counts (SEC-02).
        if waiting and (row.sealed_secret is None or _fits(deps, user, waiting, it)):
            await _still_enough(tx, session, it.now)
            reason = await _accept(tx, deps, user, it, sealed=waiting, spend=_confirms(tx, deps, user, waiting, it))
            return reason or await _kept(tx, session, it)
        reason = await _accept(tx, deps, user, it, sealed=row.sealed_secret, spend=_spends(tx, deps, user, row.sealed_secret))
        return reason or await sign_in.finish(tx, deps, _proof(user), caller, it.now, current=current)

    return await _guessed(deps, held.email, it, work)


async def verify_alone(deps: Deps, *, email: str, code: str, caller: Caller, current: Current | None) -> SignedIn | SecondFactorDue:
    """Sign in by nothing but an address and a code, where that is allowed (SEC-35).

    Whoever is not there, has no secret or may not sign in costs as much work as a wrong code, and is refused in the same
    words (SEC-33).
    """
    it = Guess(code, caller, deps.clock.now(), Party.STRANGER)

    async def work(tx: Tx) -> Ending:
        user = await users.hold_by_email(tx, email)
        row = await totp.find(tx, user.id if user else ids.NIL)
        waiting = row.waiting(None, it.now) if user and not user.verified else None
        if user and waiting and await first_use.is_open(tx, deps, user, it.now):
            reason = await _accept(tx, deps, user, it, sealed=waiting, spend=_confirms(tx, deps, user, waiting, it))
        else:
            reason = await _accept(tx, deps, user, it, sealed=row.sealed_secret, spend=_spends(tx, deps, user, row.sealed_secret))
        if reason or user is None:
            return reason or Reason.UNKNOWN
        return await sign_in.finish(tx, deps, _proof(user), caller, it.now, current=current)

    async def refuse(_: Tx) -> Ending:
        return Reason.NOT_ALLOWED

    return await _guessed(deps, email, it, refuse if deps.config.totp_mode == "second_factor" else work)


async def verify_second(deps: Deps, *, pending_id: str, code: str, caller: Caller, current: Current | None) -> SignedIn | SecondFactorDue:
    """Finish a sign-in that waits for its second factor; a wrong code does not use it up, the limits do."""
    it = Guess(code, caller, deps.clock.now(), Party.DOOR)
    found = await ceremonies.find(deps.db.reads, pending_id, Purpose.SECOND_FACTOR, it.now)
    user = await users.find(deps.db.reads, found.user_id) if found and found.user_id else None
    if user is None:
        # Nobody guesses 256 bits; whoever tries is counted like one who guesses links.
        await deps.limiter.take(Limit.SIGN_IN_FAILURES, client_address.bucket(caller.ip))
        await sign_in.record_failure(deps, Method.TOTP, Reason.UNKNOWN, caller)
        raise SignInFailed
    if current and current.on_purpose and current.session.user_id != user.id:
        raise IdentityMismatch  # before anything is compared, so that the answer tells nothing about the code
    user_id = user.id

    async def work(tx: Tx) -> Ending:
        user, row = await users.hold(tx, user_id), await totp.find(tx, user_id)
        if reason := await _accept(tx, deps, user, it, sealed=row.sealed_secret, spend=_spends(tx, deps, user, row.sealed_secret)):
            return reason
        first = await ceremonies.take(tx, pending_id, Purpose.SECOND_FACTOR, it.now)
        if first is None or user is None:
            return Reason.USED
        proof = _proof(user, *first.amr, return_to=first.return_to)
        return await sign_in.finish(tx, deps, proof, caller, it.now, current=current)

    return await _guessed(deps, user.email, it, work, return_to=found.return_to if found else None)


async def remove(deps: Deps, session: Session, caller: Caller) -> None:
    """Remove the one-time passwords of a session's owner; raise Missing, or LastFactor if nothing would be left (SEC-59)."""
    now = deps.clock.now()

    async def work(tx: Tx) -> None:
        user = await step_up.hold(tx, session, now)
        if not await totp.remove(tx, user.id):
            raise Missing
        if not assurance.is_usable(await factors.owned(tx, user.id)):
            raise LastFactor
        await notices.tell(tx, deps, Occurrence(Event.TOTP_REMOVED, now, caller, user.id, session.id), user)

    await deps.db.unit(work)


async def _enrolling(tx: Tx, deps: Deps, session: Session | None, email: str | None, *, caller: Caller, now: float) -> User | None:
    if session is not None:
        return await step_up.hold(tx, session, now)
    return await first_use.account_for(tx, deps, email, caller, now) if email else None


async def _still_enough(tx: Tx, session: Session, now: float) -> None:
    """Raise StepUpRequired if the account has got a factor, since its session asked for a secret, that the session did not show.

    That the session was recent was looked at when it asked, and a secret does not wait for long.
    """
    owned = await factors.owned(tx, session.user_id)
    if not assurance.is_enough(session.acr, session.amr, auth_time=now, now=now, owned=owned):
        raise StepUpRequired(methods=assurance.ways(owned), max_age=int(assurance.MAX_AGE))


async def _guessed(deps: Deps, account: str, it: Guess, work: Work[Ending], *, return_to: str | None = None) -> SignedIn | SecondFactorDue:
    """Run a unit that looks at a code within the limits, and turn its end into the answer.

    A failure is written down in the same unit: a second commit would take time, and only where there is an account (SEC-33).
    """

    async def whole(tx: Tx) -> Ending:
        ending = await work(tx)
        if isinstance(ending, Reason):
            await tx.record(Occurrence(Event.SIGN_IN_FAILED, it.now, it.caller, method=Method.TOTP, reason=ending))
        return ending

    async with guesses.attempt(deps, account, it.caller, it.party) as made:
        ending = await deps.db.unit(whole)
        made.was_right = not isinstance(ending, Reason) or ending is Reason.REPLAYED
    if isinstance(ending, Reason):
        raise SignInFailed
    return await sign_in.conclude(deps, ending, Method.TOTP, it.caller, return_to=return_to)


def _fits(deps: Deps, user: User, sealed: bytes, it: Guess) -> bool:
    secret = _open(deps, user, sealed)
    return secret is not None and rules.matching_step(secret, it.code, it.now) is not None


async def _accept(tx: Tx, deps: Deps, user: User | None, it: Guess, *, sealed: bytes | None, spend: Spend) -> Reason | None:
    """Count a try, compare the code with a secret and spend its step; return why not, None if it was right.

    The work is the same for everybody whom a stranger may ask for, down to the number of statements.
    """
    failures = await factors.reserve_try(tx, user.id if user else ids.NIL, most=it.party.most)
    secret = _open(deps, user, sealed)
    step = rules.matching_step(secret or deps.ring.derive(PURPOSE), it.code, it.now)
    if user is None or user.disabled or failures is None:
        return Reason.UNKNOWN if user is None else Reason.DISABLED if user.disabled else Reason.SUSPENDED
    if secret is None:
        reason = Reason.NOT_ENROLLED
    elif step is None:
        reason = Reason.WRONG_CODE
    elif await spend(step):
        return None
    else:
        # Its sender knows the secret, or has just watched it being used: no guess.
        await factors.give_back_try(tx, user.id)
        return Reason.REPLAYED
    await guesses.tell_if_suspended(tx, deps, user, failures, caller=it.caller, now=it.now)
    return reason


def _spends(tx: Tx, deps: Deps, user: User | None, sealed: bytes | None) -> Spend:
    """Return what spends a step of the secret that counts; it goes under the newest key on that occasion (SEC-71)."""

    async def spend(step: int) -> bool:
        if user is None or sealed is None or not await totp.spend(tx, user.id, sealed, step=step):
            return False
        if not deps.ring.is_current(sealed) and (secret := _open(deps, user, sealed)):
            await totp.reseal(tx, user.id, sealed, seal(deps, user.id, secret))
        return True

    return spend


def _confirms(tx: Tx, deps: Deps, user: User, sealed: bytes, it: Guess) -> Spend:
    """Return what lets a secret that waited count from now on."""

    async def confirm(step: int) -> bool:
        if not await totp.confirm(tx, user.id, sealed, step=step, now=it.now):
            return False
        await notices.tell(tx, deps, Occurrence(Event.TOTP_ADDED, it.now, it.caller, user.id), user)
        return True

    return confirm


async def _kept(tx: Tx, session: Session, it: Guess) -> Session:
    """Return the session that confirmed a secret; its owner has been here, so earlier failures are forgiven."""
    await factors.forgive(tx, session.user_id)
    await tx.record(Occurrence(Event.TOKENS_ISSUED, it.now, it.caller, session.user_id, session.id))
    return session


def _proof(user: User, *first: str, return_to: str | None = None) -> Proof:
    return Proof(Method.TOTP, assurance.shown(first, (assurance.OTP,)), user.email, user, return_to)


def seal(deps: Deps, user_id: UUID, secret: bytes) -> bytes:
    """Return a secret as the database keeps it: for its owner, under the newest key (SEC-71)."""
    return deps.ring.seal(PURPOSE, str(user_id), secret, deps.entropy.random(NONCE_BYTES))


def _open(deps: Deps, user: User | None, sealed: bytes | None) -> bytes | None:
    """Return a secret; None if there is none, or if somebody has moved or changed it in the database."""
    if user is None or sealed is None:
        return None
    try:
        return deps.ring.open(PURPOSE, str(user.id), sealed)
    except CannotOpenError:
        return None
