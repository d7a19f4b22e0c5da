"""What happened to somebody's account is recorded, and the owner is told by mail (SEC-58)."""

from dataclasses import dataclass
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import Missing
from pwauth_server.events import Event, Occurrence
from pwauth_server.flows import mail
from pwauth_server.rules import client_address, ids, moments, signatures, tokens
from pwauth_server.rules.letters import LetterKind
from pwauth_server.rules.moments import DAY
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User

#: One letter for each kind of event in so many seconds: a series is one piece of news.
COALESCED = 600.0
#: How long a notice is worth sending, and its "this wasn't me" worth pressing, in seconds.
LIFE = 7 * DAY

PURPOSE = "disown"
TOKEN_TYPE = "dt+jwt"  # noqa: S105 - the name of a kind
PATH = "/not-me"


@dataclass(frozen=True, slots=True)
class Disowning:
    """What a "this wasn't me" link says: whose account, and from when on nothing is the owner's (Unix seconds)."""

    user_id: UUID
    since: int


async def tell(tx: Tx, deps: Deps, it: Occurrence, owner: User) -> None:
    """Record an occurrence and queue a letter to the owner of the account, unless one of its kind has just gone out.

    Nobody is written to whose mailbox was never proven: such an account may be a stranger's doing.
    """
    since = it.at - COALESCED
    # What happens after "this wasn't me" is no part of a series that it ended.
    ended = await tx.last_recorded(owner.id, Event.DISOWNED, since=since)
    is_news = not await tx.has_recorded(owner.id, it.event, since=since if ended is None else ended)
    await tx.record(it)
    if not is_news or not owner.verified:
        return
    # The owner learns that it was an administrator, not where that one sits.
    is_administration = "by" in it.facts
    facts = {
        "event": it.event.value,
        "at": moments.in_words(it.at),
        "ip": "an administrator" if is_administration else client_address.in_words(it.caller.ip),
        "browser": "the administration" if is_administration else it.caller.browser,
        "link": f"{deps.config.public_url}{PATH}?token={_token(deps, owner.id, it.at)}",
    }
    await mail.post(tx, deps, kind=LetterKind.NOTICE, to=owner.email, facts=facts, expires_at=it.at + LIFE, now=it.at)


def read(deps: Deps, token: str) -> Disowning:
    """Return what a link of a notice says; raise Missing for anything that we did not write or that is too old."""
    try:
        parsed = tokens.parse(token)
        claims = next(tokens.verify(parsed, _key(deps, key_id), TOKEN_TYPE) for key_id in deps.ring.ids if key_id.hex() == parsed.kid)
    except (tokens.InvalidTokenError, StopIteration) as cause:
        raise gone() from cause
    user_id, since = ids.parse(str(claims.get("sub"))), claims.get("iat")
    # Whether a link was used is remembered by the audit log, so it works no longer than that does.
    life = min(LIFE, deps.config.audit_retention_days * DAY)
    if user_id is None or not isinstance(since, int) or not 0 <= deps.clock.now() - since < life:
        raise gone()
    return Disowning(user_id, since)


def gone() -> Missing:
    """Return what is said about every link that does not work, whatever the reason."""
    return Missing("This link is too old, or it is not ours.")


def _token(deps: Deps, user_id: UUID, at: float) -> str:
    return tokens.sign(_key(deps, deps.ring.current_id), TOKEN_TYPE, {"sub": str(user_id), "iat": int(at)})


def _key(deps: Deps, key_id: bytes) -> signatures.Key:
    secret = deps.ring.derive(PURPOSE, key_id)
    return signatures.Key(key_id.hex(), "HS256", secret, secret)
