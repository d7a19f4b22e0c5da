"""Signing in with a passkey: a challenge, then what an authenticator makes of it (SEC-40 to SEC-45)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from pwauth_server.deps import Deps
from pwauth_server.errors import SignInFailed
from pwauth_server.events import Caller, Event, Method, Occurrence, Reason
from pwauth_server.flows import ceremonies, notices, sign_in
from pwauth_server.flows.ceremonies import Challenge, Purpose
from pwauth_server.flows.passkeys import Options, descriptors, get_ready, site_of
from pwauth_server.flows.sign_in import Current, Ending, Proof, SecondFactorDue, SignedIn
from pwauth_server.rules import assurance, client_address, ids, passkey_options, passkeys
from pwauth_server.rules.limits import Limit
from pwauth_server.rules.passkeys import BadPasskeyError, Known, Use
from pwauth_server.store import passkeys as store
from pwauth_server.store import users
from pwauth_server.store.passkeys import Passkey
from pwauth_server.store.statements import ConstraintViolated
from pwauth_server.store.transaction import Tx

DECOY_PURPOSE = "passkey-decoys"


async def begin(deps: Deps, *, email: str | None) -> Options:
    """Return a challenge for a passkey of a canonical address, or of whoever holds one (SEC-41).

    An address without passkeys gets decoys, the same ones every time: nobody learns who has an account.
    """
    await get_ready()
    now, reads = deps.clock.now(), deps.db.reads
    user = await users.find_by_email(reads, email) if email is not None else None
    own = [it for it in await store.of_user(reads, user.id if user else ids.NIL) if it.suspended_at is None]
    decoys = passkey_options.decoys(deps.ring.derive(DECOY_PURPOSE), email or "")
    challenge = deps.entropy.random(passkey_options.CHALLENGE_BYTES)
    ceremony = Challenge(
        id=deps.entropy.row_id(now),
        purpose=Purpose.PASSKEY_SIGN_IN,
        secret_hash=b"",
        expires_at=now + ceremonies.LIFE,
        challenge=challenge,
        user_id=user.id if user else None,
        is_named=email is not None,
    )
    try:
        pending_id = await deps.db.unit(lambda tx: ceremonies.begin(tx, deps, ceremony))
    except ConstraintViolated:
        # Deleted a moment ago: the address has no account, like any other. Nothing is held for this: whoever asks for
        # a known address would wait for others who do, and could tell by it.
        pending_id = await deps.db.unit(lambda tx: ceremonies.begin(tx, deps, replace(ceremony, user_id=None)))
    allowed = () if email is None else descriptors(own) or decoys
    return Options(pending_id, passkey_options.request(rp_id=deps.config.rp_id, challenge=challenge, allowed=allowed, life=ceremonies.LIFE))


async def finish(
    deps: Deps, *, pending_id: str, response: Mapping[str, Any], caller: Caller, current: Current | None = None
) -> SignedIn | SecondFactorDue:
    """Sign in whoever's passkey answered the challenge; raise SignInFailed for whatever is wrong, in the same words.

    The challenge is used up before anything is looked at, so nobody can answer it twice (SEC-40).
    """
    now = deps.clock.now()
    await deps.limiter.check(Limit.SIGN_IN_FAILURES, client_address.bucket(caller.ip))
    ceremony = await deps.db.unit(lambda tx: ceremonies.take(tx, pending_id, Purpose.PASSKEY_SIGN_IN, now))
    passkey = await store.find_by_credential(deps.db.reads, passkeys.claimed_id(response) or b"")
    handle = await users.find_handle(deps.db.reads, passkey.user_id if passkey else ids.NIL)
    known = Known(passkey.public_key, passkey.backup_eligible, handle or b"") if passkey else passkeys.NOBODY
    if ceremony is None or ceremony.challenge is None:
        await _refuse(deps, Reason.UNKNOWN, caller)
    try:
        use = passkeys.verify_use(response, challenge=ceremony.challenge, site=site_of(deps), known=known, is_named=ceremony.is_named)
    except BadPasskeyError as cause:
        await _refuse(deps, Reason.UNKNOWN if passkey is None else Reason.BAD_ASSERTION, caller, cause)
    if passkey is None:
        await _refuse(deps, Reason.UNKNOWN, caller)
    # Whoever named an address gets in as its owner or not at all (SEC-44).
    if ceremony.is_named and ceremony.user_id != passkey.user_id:
        await _refuse(deps, Reason.WRONG_ACCOUNT, caller)
    outcome = await deps.db.unit(lambda tx: _let_in(tx, deps, passkey, use, current, caller=caller, now=now))
    if isinstance(outcome, Reason):
        await _refuse(deps, outcome, caller)
    return await sign_in.conclude(deps, outcome, Method.PASSKEY, caller)


async def _let_in(tx: Tx, deps: Deps, shown: Passkey, use: Use, current: Current | None, *, caller: Caller, now: float) -> Ending:
    """Judge the counter, remember it, and open the session; nobody else changes the account meanwhile."""
    # Read again: it may have been used, suspended or removed since.
    user, passkey = await users.hold(tx, shown.user_id), await store.find(tx, shown.user_id, shown.id)
    if passkey is None or user is None:
        return Reason.UNKNOWN
    if passkey.suspended_at is not None:
        return Reason.SUSPENDED
    if not passkeys.has_moved_on(stored=passkey.sign_count, said=use.sign_count):
        # It stays: whoever has a copy must not be able to take the owner's passkey away (SEC-45).
        await notices.tell(tx, deps, Occurrence(Event.PASSKEY_CLONED, now, caller, user.id, facts={"passkey": str(passkey.id)}), user)
        return Reason.CLONED
    await store.record_use(tx, passkey.id, sign_count=use.sign_count, backup_eligible=use.backup_eligible, backed_up=use.backed_up, now=now)
    kind = assurance.SYNCED_KEY if use.backup_eligible else assurance.DEVICE_KEY
    proof = Proof(Method.PASSKEY, (kind, assurance.PRESENT), user.email, user)
    return await sign_in.finish(tx, deps, proof, caller, now, current=current)


async def _refuse(deps: Deps, reason: Reason, caller: Caller, cause: BaseException | None = None) -> NoReturn:
    """Refuse with the same words whatever the reason, and charge the client's quota of failures (SEC-33)."""
    await deps.limiter.take(Limit.SIGN_IN_FAILURES, client_address.bucket(caller.ip))
    await sign_in.record_failure(deps, Method.PASSKEY, reason, caller)
    raise SignInFailed from cause
