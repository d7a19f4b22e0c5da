"""Tokens of a session: issued, rotated, revoked, introspected (SEC-20 to SEC-27, SEC-50 to SEC-54)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pwauth_server.deps import Deps
from pwauth_server.errors import InvalidGrant, Unauthenticated
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import keys, notices
from pwauth_server.rules import signatures, tokens
from pwauth_server.rules.limits import Limit
from pwauth_server.rules.refresh import Verdict, judge
from pwauth_server.rules.sealing import KeyRing
from pwauth_server.rules.tokens import InvalidTokenError
from pwauth_server.store import sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.transaction import Tx

REFRESH_PURPOSE = "refresh-token"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets for a session (RFC 6749 section 5.1)."""

    access_token: str
    refresh_token: str
    expires_in: int
    session_id: str


@dataclass(frozen=True, slots=True)
class Proven:
    """A bearer who holds a current access token of a live session."""

    access: tokens.Access
    session: Session


async def issue(deps: Deps, session: Session) -> TokenPair:
    """Return the tokens of a session's present generation; the same generation, the same refresh token."""
    held = deps.keys.current if session.epoch == deps.keys.current.epoch else await keys.reload(deps)
    moment = deps.clock.now()
    now = int(moment)
    life = min(deps.config.access_token_expiry_seconds, max(1, int(session.absolute_expires_at) - now))
    access = tokens.Access(
        issuer=held.issuer,
        audience=held.audience if session.verified else tokens.unverified_audience(held.issuer),
        subject=session.user_id,
        session_id=session.id,
        token_id=deps.entropy.serial(),
        issued_at=now,
        expires_at=now + life,
        auth_time=int(session.auth_time),
        email=session.email if session.verified else None,
        email_verified=session.verified,
        amr=session.amr,
        acr=session.acr,
        roles=session.roles,
    )
    return TokenPair(
        access_token=tokens.sign(held.signing_key(moment), tokens.ACCESS_TYPE, access.claims()),
        refresh_token=_refresh_token(deps, session),
        expires_in=life,
        session_id=str(session.id),
    )


async def rotate(deps: Deps, refresh_token: str, caller: Caller) -> TokenPair:
    """Exchange a refresh token for its successor (RFC 9700 section 4.14.2).

    Raises InvalidGrant for anything but the live token, or the one before it while its answer may
    have got lost. A token that was spent earlier ends its session, committed before the refusal.
    """
    presented = _read_refresh(deps, refresh_token)
    await deps.limiter.take(Limit.REFRESH_PER_SESSION, str(presented.session_id))
    now = deps.clock.now()
    session = await deps.db.unit(lambda tx: _exchange(tx, deps, presented, caller, now))
    if session is None:
        raise InvalidGrant
    return await issue(deps, session)


async def _exchange(tx: Tx, deps: Deps, presented: tokens.Refresh, caller: Caller, now: float) -> Session | None:
    idle = deps.config.refresh_token_expiry_seconds
    rotated = await sessions.rotate(tx, presented.session_id, generation=presented.generation, now=now, idle=idle)
    if rotated is not None:
        await tx.record(Occurrence(Event.TOKENS_ISSUED, now, caller, rotated.user_id, rotated.id))
        return rotated
    session = await sessions.find(tx, presented.session_id)
    if session is None:
        return None
    verdict = judge(
        presented=presented.generation,
        generation=session.generation,
        rotated_at=session.rotated_at,
        is_live=session.is_live(now),
        now=now,
        grace=deps.config.refresh_grace_seconds,
    )
    if verdict is Verdict.REUSED:
        await _end_family(tx, deps, session, caller, now)
    return session if verdict is Verdict.REPLAY else None


async def _end_family(tx: Tx, deps: Deps, session: Session, caller: Caller, now: float) -> None:
    """Two parties hold this session's tokens, and one of them is a thief: nobody keeps it (SEC-52).

    The account is held: thefts of several sessions at once are one piece of news.
    """
    owner = await users.hold(tx, session.user_id)
    if owner is None or not await sessions.end(tx, session.id, now=now, reason=Reason.REUSE):
        return
    reused = Occurrence(Event.REFRESH_REUSED, now, caller, owner.id, session.id, reason=Reason.REUSE)
    await notices.tell(tx, deps, reused, owner)
    await tx.record(reused._replace(event=Event.SESSION_ENDED))


async def prove(deps: Deps, token: str) -> Proven:
    """Return whose live session a bearer token belongs to; raise Unauthenticated for anything else.

    Whatever ended, renamed or disabled anything is seen at once, on every node: an answer is only
    given again while nobody has committed anything at all (SEC-54). Time is asked every time.
    """
    proven = await deps.db.remembered(("bearer", token), lambda: _prove(deps, token))
    now = deps.clock.now()
    if not tokens.is_current(proven.access, now) or not proven.session.is_live(now):
        raise Unauthenticated
    return proven


async def _prove(deps: Deps, token: str) -> Proven:
    held = await keys.fresh(deps)
    try:
        access = held.access(token, deps.clock.now())
    except InvalidTokenError as cause:
        raise Unauthenticated from cause
    session = await sessions.find(deps.db.reads, access.session_id)
    if session is None or session.user_id != access.subject:
        raise Unauthenticated
    return Proven(access, session)


async def introspect(deps: Deps, token: str) -> Proven | None:
    """Return whose live session a token belongs to, or None for everything else (RFC 7662 section 2.2).

    A session whose mailbox nobody has proven counts for nothing elsewhere (SEC-07).
    """
    try:
        proven = await prove(deps, token)
    except Unauthenticated:
        return None
    return proven if proven.session.verified else None


async def revoke(deps: Deps, token: str, caller: Caller) -> None:
    """End the session a token belongs to; whatever else is presented changes nothing (RFC 7009)."""
    try:
        session_id = _read_refresh(deps, token).session_id
    except InvalidGrant:
        try:
            session_id = (await prove(deps, token)).session.id
        except Unauthenticated:
            return
    now = deps.clock.now()

    async def work(tx: Tx) -> None:
        session = await sessions.find(tx, session_id)
        if session is not None and await sessions.end(tx, session_id, now=now, reason=Reason.REVOKED):
            await tx.record(Occurrence(Event.SESSION_ENDED, now, caller, session.user_id, session_id, reason=Reason.REVOKED))

    await deps.db.unit(work)


def _refresh_token(deps: Deps, session: Session) -> str:
    claims = tokens.Refresh(session.id, session.generation, int(session.rotated_at), int(session.expires_at))
    signing = next(iter(_refresh_keys(deps.ring).values()))
    return tokens.sign(signing, tokens.REFRESH_TYPE, tokens.refresh_claims(claims, deps.config.public_url))


@lru_cache(maxsize=1)
def _refresh_keys(ring: KeyRing) -> Mapping[str, signatures.Key]:
    """Return the keys of refresh tokens by the name that a token calls them; the first one signs."""
    secrets = {key_id.hex(): ring.derive(REFRESH_PURPOSE, key_id) for key_id in ring.ids}
    return {kid: signatures.Key(kid, "HS256", secret, secret) for kid, secret in secrets.items()}


def _read_refresh(deps: Deps, token: str) -> tokens.Refresh:
    """Return the claims of a refresh token that we signed; raise InvalidGrant otherwise.

    Only tokens with our signature go on from here: a stranger cannot set off the reuse alarm.
    """
    try:
        parsed = tokens.parse(token)
        key = _refresh_keys(deps.ring).get(parsed.kid)
        if key is None:
            raise InvalidGrant
        claims = tokens.verify(parsed, key, tokens.REFRESH_TYPE)
        return tokens.read_refresh(claims, deps.config.public_url)
    except InvalidTokenError as cause:
        raise InvalidGrant from cause
