"""Sessions as their owner sees them: listed, ended, kept alive by a browser (SEC-54, SEC-55)."""

import hmac
from hashlib import sha256
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Missing, Unauthenticated
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import step_up
from pwauth_server.rules import ids
from pwauth_server.store import sessions
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx

#: The web takes `Session` from here: it knows flows, not the store.
__all__ = ["Session"]

#: What a cookie is good for: everything here, or telling apps behind a proxy who visits them.
COOKIE_PURPOSE, VISIT_PURPOSE = "session-cookie", "visit-cookie"
#: A browser's session is written down as used at most this often, in seconds.
TOUCH_EVERY = 60.0


async def of_owner(deps: Deps, session: Session) -> list[Session]:
    """Return the live sessions of a session's owner, newest first."""
    return await sessions.live_of(deps.db.reads, session.user_id, deps.clock.now())


async def end(deps: Deps, owner: Session, session_id: str, caller: Caller) -> None:
    """End one of the owner's sessions; somebody else's is as missing as one that never was (SEC-48)."""
    found = ids.parse(session_id)
    session = await sessions.find(deps.db.reads, found) if found else None
    if session is None or session.user_id != owner.user_id or not session.is_live(deps.clock.now()):
        raise Missing
    reason = Reason.LOGOUT if session.id == owner.id else Reason.ENDED_BY_USER
    if not await _end(deps, session, reason, caller):
        raise Missing


async def log_out(deps: Deps, session: Session, caller: Caller) -> None:
    """End the session that asks."""
    await _end(deps, session, Reason.LOGOUT, caller)


async def end_others(deps: Deps, owner: Session, caller: Caller) -> int:
    """End all sessions of the owner but the one that asks; return how many.

    The account is held, so that a thief's session which is stepping up right now is either ended as it is or has its
    successor ended. Raises Unauthenticated or StepUpRequired if the one that asks may no longer (SEC-57).
    """
    now = deps.clock.now()

    async def work(tx: Tx) -> int:
        await step_up.hold(tx, owner, now)
        ended = await sessions.end_others(tx, owner.user_id, keep=owner.id, now=now, reason=Reason.ENDED_BY_USER)
        for session_id in ended:
            await tx.record(_ended(owner.user_id, session_id, Reason.ENDED_BY_USER, caller, now))
        return len(ended)

    return await deps.db.unit(work)


def cookie_for(deps: Deps, session: Session) -> str:
    """Return what a browser holds: the session's id and a MAC, worthless without our secret (SEC-70)."""
    return _cookie(deps, session, COOKIE_PURPOSE)


def visit_cookie_for(deps: Deps, session: Session) -> str:
    """Return what a browser shows to apps behind a proxy: an app that keeps it can do nothing with it here (SEC-97)."""
    return _cookie(deps, session, VISIT_PURPOSE)


async def of_cookie(deps: Deps, value: str) -> Session:
    """Return the live session a cookie belongs to, and keep it alive; raise Unauthenticated otherwise."""
    return await _of(deps, value, COOKIE_PURPOSE)


async def of_visit_cookie(deps: Deps, value: str) -> Session:
    """Return the same for a cookie that tells apps who visits."""
    return await _of(deps, value, VISIT_PURPOSE)


async def _of(deps: Deps, value: str, purpose: str) -> Session:
    now = deps.clock.now()
    # As with bearer tokens: the same until anybody commits anything, and time is asked every time (SEC-54).
    session = await deps.db.remembered((purpose, value), lambda: _find(deps, value, purpose))
    if not session.is_live(now):
        raise Unauthenticated
    if now - session.last_used_at >= TOUCH_EVERY:
        expires_at = min(now + deps.config.refresh_token_expiry_seconds, session.absolute_expires_at)
        await deps.db.unit(lambda tx: sessions.touch(tx, session.id, now=now, expires_at=expires_at))
    return session


async def _end(deps: Deps, session: Session, reason: Reason, caller: Caller) -> bool:
    now = deps.clock.now()

    async def work(tx: Tx) -> bool:
        if not await sessions.end(tx, session.id, now=now, reason=reason):
            return False
        await tx.record(_ended(session.user_id, session.id, reason, caller, now))
        return True

    return await deps.db.unit(work)


def _ended(user_id: UUID, session_id: UUID, reason: Reason, caller: Caller, now: float) -> Occurrence:
    return Occurrence(Event.SESSION_ENDED, now, caller, user_id, session_id, reason=reason)


async def _find(deps: Deps, value: str, purpose: str) -> Session:
    session_id = _read_cookie(deps, value, purpose)
    session = await sessions.find(deps.db.reads, session_id) if session_id else None
    if session is None:  # raised, not returned: what is invented is not remembered
        raise Unauthenticated
    return session


def _cookie(deps: Deps, session: Session, purpose: str) -> str:
    key_id = deps.ring.current_id
    return f"{key_id.hex()}.{session.id.hex}.{_mac(deps, key_id, session.id, purpose)}"


def _mac(deps: Deps, key_id: bytes, session_id: UUID, purpose: str) -> str:
    return hmac.digest(deps.ring.derive(purpose, key_id), session_id.bytes, sha256).hex()


def _read_cookie(deps: Deps, value: str, purpose: str) -> UUID | None:
    kid, _, rest = value.partition(".")
    text, _, mac = rest.partition(".")
    key_id = next((key_id for key_id in deps.ring.ids if key_id.hex() == kid), None)
    try:
        session_id = UUID(hex=text)
    except ValueError:
        return None
    if key_id is None or session_id.hex != text or not mac.isascii():
        return None
    return session_id if hmac.compare_digest(mac, _mac(deps, key_id, session_id, purpose)) else None
