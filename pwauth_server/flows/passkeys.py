"""A person's passkeys: added, listed, renamed, removed (SEC-01, SEC-40, SEC-44, SEC-46, SEC-48, SEC-58, SEC-59)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pwauth_server.deps import Deps
from pwauth_server.errors import CeremonyOver, Conflict, IdentityMismatch, LastFactor, Missing, PasskeyRefused, Unauthenticated
from pwauth_server.events import Caller, Event, Occurrence
from pwauth_server.flows import ceremonies, first_use, notices, step_up
from pwauth_server.flows.ceremonies import Challenge, Purpose
from pwauth_server.flows.sessions import Session
from pwauth_server.rules import assurance, authenticators, ids, passkey_options, passkeys
from pwauth_server.rules.passkey_options import Descriptor, Owner
from pwauth_server.rules.passkeys import BadPasskeyError, NewPasskey, Site
from pwauth_server.store import factors, users
from pwauth_server.store import passkeys as store
from pwauth_server.store.passkeys import Passkey
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User

#: The web takes `Passkey` from here: it knows flows, not the store.
__all__ = ["Passkey"]

#: Passkeys of one person at the most: options name them all.
MAX_PASSKEYS = 20


@dataclass(frozen=True, slots=True)
class Options:
    """What a browser needs to ask an authenticator."""

    pending_id: str
    #: `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    public_key: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A person's passkeys, with what browsers are told to keep their own lists true (WebAuthn L3 section 5.1.10)."""

    passkeys: Sequence[Passkey]
    rp_id: str
    #: None while no passkey was ever asked for.
    handle: bytes | None

    @property
    def accepted(self) -> list[bytes]:
        """Return the credential ids that still sign in."""
        return [it.credential_id for it in self.passkeys if it.suspended_at is None]


async def begin(deps: Deps, session: Session | None, *, email: str | None, caller: Caller) -> Options:
    """Return a challenge for a new passkey of the person who is signed in.

    Without a session there is only `enrolment = "first_use"`: an ``email`` that nobody has proven yet (SEC-01).
    Raises IdentityMismatch if ``email`` is not the session's, Unauthenticated if nobody may enrol for it, and
    Conflict if there are too many passkeys.
    """
    if session is None:
        await first_use.admit(deps, caller)
    elif email not in {None, session.email}:
        raise IdentityMismatch
    await get_ready()
    now, challenge = deps.clock.now(), deps.entropy.random(passkey_options.CHALLENGE_BYTES)
    fresh_handle = deps.entropy.random(passkey_options.HANDLE_BYTES)

    async def work(tx: Tx) -> Options:
        user = await step_up.hold(tx, session, now) if session else await _newcomer(tx, deps, email, caller, now)
        own = await store.of_user(tx, user.id)
        _check_room(len(own))
        owner = Owner(await users.give_handle(tx, user.id, fresh_handle), user.email, user.name)
        ceremony = Challenge(
            id=deps.entropy.row_id(now),
            purpose=Purpose.PASSKEY_REGISTRATION,
            secret_hash=b"",
            expires_at=now + ceremonies.LIFE,
            challenge=challenge,
            user_id=user.id,
            session_id=session.id if session else None,
        )
        asked = passkey_options.creation(
            rp_id=deps.config.rp_id,
            rp_name=deps.config.webauthn_rp_name,
            owner=owner,
            challenge=challenge,
            own=descriptors(own),
            life=ceremonies.LIFE,
        )
        return Options(await ceremonies.begin(tx, deps, ceremony), asked)

    return await deps.db.unit(work)


async def finish(
    deps: Deps, session: Session | None, *, pending_id: str, response: Mapping[str, Any], name: str | None, caller: Caller
) -> Passkey:
    """Store the passkey that an authenticator made, and tell its owner by mail (SEC-46, SEC-58).

    The challenge is used up whatever comes of it. Raises CeremonyOver if there is none, Missing if it is another
    session's, PasskeyRefused for an answer that does not count, and Conflict if there are too many passkeys.
    """
    now = deps.clock.now()
    ceremony = await deps.db.unit(lambda tx: ceremonies.take(tx, pending_id, Purpose.PASSKEY_REGISTRATION, now))
    if ceremony is None or ceremony.challenge is None or ceremony.user_id is None:
        raise CeremonyOver
    if ceremony.session_id != (session.id if session else None):
        raise Missing
    try:
        made = passkeys.verify_new(response, challenge=ceremony.challenge, site=site_of(deps))
    except BadPasskeyError as cause:
        raise PasskeyRefused from cause
    passkey = _named(deps, ceremony, made, name, now)

    async def work(tx: Tx) -> Passkey:
        # Asked once more: the account may have got a factor meanwhile that this session does not show.
        user = await step_up.hold(tx, session, now) if session else await _still_newcomer(tx, deps, passkey, now)
        _check_room(await store.count_of(tx, user.id))
        if not await store.create(tx, passkey):
            raise PasskeyRefused
        await _tell(tx, deps, Event.PASSKEY_ADDED, passkey, user, caller=caller, now=now)
        return passkey

    return await deps.db.unit(work)


async def listed(deps: Deps, session: Session) -> Listed:
    """Return the passkeys of the person who is signed in."""
    reads = deps.db.reads
    own = await store.of_user(reads, session.user_id)
    return Listed(own, deps.config.rp_id, await users.find_handle(reads, session.user_id))


async def rename(deps: Deps, session: Session, passkey_id: str, name: str, caller: Caller) -> Passkey:
    """Give one of the owner's passkeys another name; raise Missing if there is no such one (SEC-48)."""
    found, now = ids.parse(passkey_id), deps.clock.now()

    async def work(tx: Tx) -> Passkey:
        passkey = await store.find(tx, session.user_id, found) if found else None
        if passkey is None or not await store.rename(tx, session.user_id, passkey.id, name):
            raise Missing
        await tx.record(Occurrence(Event.PASSKEY_RENAMED, now, caller, session.user_id, session.id, facts={"passkey": str(passkey.id)}))
        return replace(passkey, name=name)

    return await deps.db.unit(work)


async def remove(deps: Deps, session: Session, passkey_id: str, caller: Caller) -> Listed:
    """Forget one of the owner's passkeys, tell the owner by mail, and return what is left.

    Raises Missing if there is no such one (SEC-48), and LastFactor if nobody could sign in without it (SEC-59).
    """
    found, now = ids.parse(passkey_id), deps.clock.now()

    async def work(tx: Tx) -> None:
        # Of two removals at once the second sees what the first has left.
        user = await step_up.hold(tx, session, now)
        passkey = await store.find(tx, user.id, found) if found else None
        if passkey is None:
            raise Missing
        await _check_dispensable(tx, passkey, user)
        await store.delete(tx, user.id, passkey.id)
        await _tell(tx, deps, Event.PASSKEY_REMOVED, passkey, user, caller=caller, now=now)

    await deps.db.unit(work)
    return await listed(deps, session)


def descriptors(own: Sequence[Passkey]) -> tuple[Descriptor, ...]:
    """Return passkeys as options name them."""
    return tuple(Descriptor(it.credential_id, it.transports) for it in own)


async def get_ready() -> None:
    """Load what verifies the answer while its challenge is made: not later, when it would stop the event loop."""
    if not passkeys.is_loaded():
        await asyncio.to_thread(passkeys.load)


def site_of(deps: Deps) -> Site:
    """Return who we are to authenticators."""
    return Site(deps.config.rp_id, tuple(deps.config.passkey_origins))


async def _newcomer(tx: Tx, deps: Deps, email: str | None, caller: Caller, now: float) -> User:
    """Return the account of somebody without a session who may add the first factor; raise Unauthenticated otherwise."""
    user = await first_use.account_for(tx, deps, email, caller, now) if email else None
    if user is None:
        raise Unauthenticated
    return user


async def _still_newcomer(tx: Tx, deps: Deps, passkey: Passkey, now: float) -> User:
    """Return the same a little later: meanwhile the mailbox's owner may have come, or somebody else have enrolled."""
    user = await users.hold(tx, passkey.user_id)
    if user is None or not await first_use.is_open(tx, deps, user, now):
        raise Unauthenticated
    return user


def _check_room(number: int) -> None:
    if number >= MAX_PASSKEYS:
        raise Conflict(f"There are {MAX_PASSKEYS} passkeys already; remove one first.")


async def _check_dispensable(tx: Tx, passkey: Passkey, user: User) -> None:
    """Raise LastFactor if a passkey must stay: nobody could sign in without it, or an administrator would be without."""
    owned = await factors.owned(tx, user.id)
    if passkey.suspended_at is not None and assurance.is_usable(owned):  # it counts for nothing anyway
        return
    left = replace(owned, passkeys=owned.passkeys - 1)
    if not assurance.is_usable(left) or (assurance.ADMIN in user.roles and not left.passkeys):
        raise LastFactor


async def _tell(tx: Tx, deps: Deps, event: Event, passkey: Passkey, user: User, *, caller: Caller, now: float) -> None:
    await notices.tell(tx, deps, Occurrence(event, now, caller, user.id, facts={"passkey": str(passkey.id)}), user)


def _named(deps: Deps, ceremony: Challenge, made: NewPasskey, name: str | None, now: float) -> Passkey:
    if ceremony.user_id is None:  # a registration always has one
        raise LookupError("user")
    return Passkey(
        id=deps.entropy.row_id(now),
        user_id=ceremony.user_id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        backup_eligible=made.backup_eligible,
        backed_up=made.backed_up,
        transports=made.transports,
        aaguid=made.aaguid,
        name=name or authenticators.name_of(made.aaguid),
        created_at=now,
    )
