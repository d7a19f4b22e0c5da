"""A browser that waits for its letter: what it may be told, and how the link's reader lets it in (SEC-17).

Only the browser that asked, known by its cookie, can look and enter. Whoever opened the link elsewhere types the
number that this browser shows: somebody who was talked into opening a stranger's link sees no number.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import SignInFailed
from pwauth_server.events import Caller, Event, Method, Occurrence, Reason
from pwauth_server.flows import delivery, magic_link, sign_in
from pwauth_server.flows.sign_in import Current, Ending, SecondFactorDue, SignedIn
from pwauth_server.rules import ids, secrets
from pwauth_server.store import email_queue, magic_links
from pwauth_server.store.magic_links import MagicLink
from pwauth_server.store.transaction import Tx

PURPOSE = "waiting-number"
#: What a browser is told of its letter: words of our own, not of the mail server.
ON_ITS_WAY, SENT, PRINTED, REFUSED, DELAYED = "waiting", "sent", "printed", "refused", "delayed"
#: How many seconds everybody is told that the letter is on its way, whether there is one or not.
PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sign-in request as the browser that made it may see it."""

    email: str
    letter: str
    #: Two digits.
    number: int
    is_live: bool
    is_approved: bool
    #: Unix seconds.
    asked_at: float


async def look(deps: Deps, request_id: UUID | None, browser_hash: bytes | None) -> Waiting | None:
    """Return the request of a browser, None if it made none of that id."""
    link = await _own(deps, request_id, browser_hash)
    if link is None:
        return None
    now = deps.clock.now()
    letter = await _letter(deps, link, now)
    return Waiting(link.email, letter, _number(deps, link.id), link.seems_live(now), link.approved, link.created_at)


async def approve(deps: Deps, *, token: str, number: str, caller: Caller) -> bool:
    """Let the waiting browser in, on the word of somebody who has the link and sees that browser's number.

    A wrong number ends the request and returns False: whoever guesses does not see it. Raises SignInFailed for a
    link that does not count.
    """
    link, now = await magic_link.presented(deps, token, caller), deps.clock.now()
    is_right = secrets.same(number.strip().encode(), str(_number(deps, link.id)).encode())

    async def work(tx: Tx) -> bool:
        if is_right and await magic_links.approve(tx, link.id, now):
            await tx.record(Occurrence(Event.LINK_APPROVED, now, caller))
            return True
        await magic_links.close(tx, link.id, now, reason="wrong_number")
        return False

    if await deps.db.unit(work):
        return True
    await sign_in.record_failure(deps, Method.LINK, Reason.WRONG_NUMBER, caller)
    return False


async def enter(
    deps: Deps, request_id: UUID | None, browser_hash: bytes | None, caller: Caller, *, current: Current | None = None
) -> SignedIn | SecondFactorDue:
    """Sign in the browser that was let in; raise SignInFailed for any other."""
    link, now = await _own(deps, request_id, browser_hash), deps.clock.now()
    if link is None or not link.approved:
        raise SignInFailed

    async def work(tx: Tx) -> Ending:
        return await magic_link.use_up(tx, deps, link, Method.LINK, caller=caller, now=now, current=current)

    return await sign_in.conclude(deps, await deps.db.unit(work), Method.LINK, caller, return_to=link.return_to)


async def _own(deps: Deps, request_id: UUID | None, browser_hash: bytes | None) -> MagicLink | None:
    link = await magic_links.find(deps.db.reads, request_id) if request_id and browser_hash else None
    if link is None or link.browser_hash is None or not secrets.same(link.browser_hash, browser_hash or b""):
        return None
    return link


async def _letter(deps: Deps, link: MagicLink, now: float) -> str:
    """Return what became of the letter, as far as it tells nothing about the address: not every one gets a letter (SEC-08).

    So what time it took is not told. More is said only where everybody may sign up and so every address gets one: that
    a mail server refused the letter, and that the whole queue waits for ours.
    """
    if now - link.created_at < PATIENCE:
        return ON_ITS_WAY
    there = PRINTED if deps.transports[0].name == "console" else SENT
    if deps.config.signup != "open":
        return there
    if await _is_refused(deps, link):
        return REFUSED
    return DELAYED if await email_queue.is_held_up(deps.db.reads, error_prefix=delivery.AWAY) else there


async def _is_refused(deps: Deps, link: MagicLink) -> bool:
    return await email_queue.state_of(deps.db.reads, link.id, near=ids.earliest(link.created_at)) == "failed"


def _number(deps: Deps, link_id: UUID) -> int:
    digest = hmac.digest(deps.ring.derive(PURPOSE), link_id.bytes, sha256)
    return 10 + int.from_bytes(digest[:8], "big") % 90
