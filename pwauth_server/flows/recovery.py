"""Recovery codes: made, and shown on top of the mailbox when nothing else is at hand (SEC-39)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import IdentityMismatch, Unauthenticated
from pwauth_server.events import Caller, Event, Method, Occurrence, Reason
from pwauth_server.flows import ceremonies, guesses, notices, sign_in, step_up
from pwauth_server.flows.ceremonies import Purpose
from pwauth_server.flows.guesses import Party
from pwauth_server.flows.sign_in import Current, Ending, Proof, SecondFactorDue, SignedIn
from pwauth_server.rules import assurance, client_address, codes, recovery, secrets
from pwauth_server.rules.limits import Limit
from pwauth_server.store import factors, recovery_codes, users
from pwauth_server.store.recovery_codes import Kept
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx

# A hash fills 16 MiB and a core for 40 ms: two at once are enough, and the event loop is free of them.
_hashing = ThreadPoolExecutor(2, "scrypt")
#: Hashed where there is no code, so that it takes as long.
_NOTHING = bytes(recovery.SALT_BYTES)


@dataclass(frozen=True, slots=True)
class _Way:
    """Whose code is asked for, and what the mailbox has already opened: a session, or a sign-in that waits."""

    user_id: UUID
    email: str
    amr: tuple[str, ...]
    current: Current | None
    pending_id: str | None = None
    return_to: str | None = None

    @property
    def party(self) -> Party:
        """Return who tries."""
        return Party.SESSION if self.pending_id is None else Party.DOOR


async def make(deps: Deps, session: Session, caller: Caller) -> list[str]:
    """Return ten new codes as people read them; all earlier ones are void. They cannot be shown again."""
    await deps.limiter.take(Limit.RECOVERY_CODES_MADE, str(session.user_id))
    texts = [recovery.code(position, deps.entropy.text(codes.ALPHABET, recovery.CHANCE)) for position in range(recovery.COUNT)]
    salts = [deps.entropy.random(recovery.SALT_BYTES) for _ in texts]
    hashes = await asyncio.gather(*(_digest(text, salt) for text, salt in zip(texts, salts, strict=True)))
    now = deps.clock.now()
    kept = [Kept(deps.entropy.row_id(now), n, salt, hashed) for n, (salt, hashed) in enumerate(zip(salts, hashes, strict=True))]

    async def work(tx: Tx) -> None:
        owner = await step_up.hold(tx, session, now)
        await recovery_codes.replace(tx, owner.id, kept, now)
        await notices.tell(tx, deps, Occurrence(Event.RECOVERY_CODES_MADE, now, caller, owner.id, session.id), owner)

    await deps.db.unit(work)
    return [recovery.shown(text) for text in texts]


async def step_up_with(deps: Deps, *, code: str, caller: Caller, current: Current | None) -> SignedIn | SecondFactorDue:
    """Let somebody step up who holds a session that the mailbox opened; raise Unauthenticated without one."""
    if current is None:
        raise Unauthenticated
    held = current.session
    if assurance.EMAIL not in held.amr or not held.verified:
        return await _refused(deps, Reason.NOT_ALLOWED, caller)
    # On purpose, whatever brought it: without this very session the code alone would sign in.
    return await _show(deps, code, _Way(held.user_id, held.email, (assurance.RECOVERY,), Current(held, on_purpose=True)), caller)


async def finish_with(deps: Deps, *, pending_id: str, code: str, caller: Caller, current: Current | None) -> SignedIn | SecondFactorDue:
    """Let somebody in whose mailbox was the first factor, and who owes a second one."""
    waits = await ceremonies.find(deps.db.reads, pending_id, Purpose.SECOND_FACTOR, deps.clock.now())
    user = await users.find(deps.db.reads, waits.user_id) if waits and waits.user_id else None
    if waits is None or user is None:
        # Nobody guesses 256 bits; whoever tries is counted like one who guesses links.
        await deps.limiter.take(Limit.SIGN_IN_FAILURES, client_address.bucket(caller.ip))
        return await _refused(deps, Reason.UNKNOWN, caller)
    if current and current.on_purpose and current.session.user_id != user.id:
        raise IdentityMismatch  # before anything is compared, so that the answer tells nothing about the code
    if assurance.EMAIL not in waits.amr:
        return await _refused(deps, Reason.NOT_ALLOWED, caller)
    amr = (*waits.amr, assurance.RECOVERY)
    return await _show(deps, code, _Way(user.id, user.email, amr, current, pending_id, waits.return_to), caller)


async def _show(deps: Deps, code: str, way: _Way, caller: Caller) -> SignedIn | SecondFactorDue:
    """Count the try, compare one slow hash whatever was typed, and use the code up (SEC-31, SEC-33)."""
    async with guesses.attempt(deps, way.email, caller, way.party) as made:
        number, kept = await deps.db.unit(lambda tx: _reserve(tx, way, recovery.position_of(code)))
        hashed = await _digest(code, kept.salt if kept else _NOTHING)
        is_right = kept is not None and secrets.same(kept.hash, hashed)
        ending: Ending = Reason.WRONG_CODE
        if number is None:
            ending = Reason.SUSPENDED
        elif kept is not None and is_right:
            ending = await _use(deps, kept.id, way, caller)
        made.was_right = not isinstance(ending, Reason)
    if number is not None and not made.was_right:
        await deps.db.unit(lambda tx: _missed(tx, deps, way, number, caller))
    return await sign_in.conclude(deps, ending, Method.RECOVERY_CODE, caller, return_to=way.return_to)


async def _reserve(tx: Tx, way: _Way, position: int) -> tuple[int | None, Kept | None]:
    number = await factors.reserve_try(tx, way.user_id, most=way.party.most)
    return number, await recovery_codes.find(tx, way.user_id, position)


async def _use(deps: Deps, code_id: UUID, way: _Way, caller: Caller) -> Ending:
    now = deps.clock.now()

    async def work(tx: Tx) -> Ending:
        user = await users.hold(tx, way.user_id)
        if way.pending_id is not None and not await ceremonies.take(tx, way.pending_id, Purpose.SECOND_FACTOR, now):
            return Reason.USED
        if user is None or not await recovery_codes.use(tx, code_id, now):
            return Reason.USED
        proof = Proof(Method.RECOVERY_CODE, way.amr, user.email, user, way.return_to)
        ending = await sign_in.finish(tx, deps, proof, caller, now, current=way.current)
        if isinstance(ending, Session):
            await notices.tell(tx, deps, Occurrence(Event.RECOVERY_CODE_USED, now, caller, user.id, ending.id), user)
        return ending

    return await deps.db.unit(work)


async def _missed(tx: Tx, deps: Deps, way: _Way, number: int, caller: Caller) -> None:
    owner = await users.find(tx, way.user_id)
    if owner is not None:
        await guesses.tell_if_suspended(tx, deps, owner, number, caller=caller, now=deps.clock.now())


async def _refused(deps: Deps, reason: Reason, caller: Caller) -> SignedIn | SecondFactorDue:
    return await sign_in.conclude(deps, reason, Method.RECOVERY_CODE, caller)


async def _digest(text: str, salt: bytes) -> bytes:
    return await asyncio.get_running_loop().run_in_executor(_hashing, recovery.digest, text, salt)
