"""Disowning ("this wasn't me"): an owner takes back what happened to the account since a letter told of it (SEC-58).

The link proves no more than that somebody reads the mailbox, so it gives nothing: it ends and suspends, and for three
days what it suspended is still asked for (`assurance.FROZEN`): otherwise it would give the account to that somebody. It works
once: what the owner adds after pressing it stays, whoever finds the letter later and presses it again.
"""

import math
from dataclasses import dataclass

from pwauth_server.deps import Deps
from pwauth_server.events import Caller, Event, Occurrence, Reason
from pwauth_server.flows import mail, notices
from pwauth_server.flows.notices import Disowning
from pwauth_server.rules import assurance, moments
from pwauth_server.rules.letters import LetterKind
from pwauth_server.store import challenges, factors, magic_links, sessions, totp, users
from pwauth_server.store.transaction import Tx
from pwauth_server.store.users import User


@dataclass(frozen=True, slots=True)
class _Span:
    """What is taken back: all that came between two moments (Unix seconds)."""

    since: float
    until: float
    #: Whether a link of the same time or a later one was pressed before.
    is_again: bool


async def disown(deps: Deps, token: str, caller: Caller) -> None:
    """End and suspend what came since the letter of ``token``, and tell the administrators; pressed again, do nothing.

    Raises Missing for a link that we did not write, or that is too old.
    """
    said, now = notices.read(deps, token), deps.clock.now()

    async def work(tx: Tx) -> None:
        known = await users.find(tx, said.user_id)
        if known is None:
            raise notices.gone()
        await magic_links.hold_all_of(tx, known.email)
        owner = await users.hold(tx, said.user_id)
        if owner is None:
            raise notices.gone()
        await _disown(tx, deps, owner, await _span(tx, said), caller=caller, now=now)

    await deps.db.unit(work)


async def _span(tx: Tx, said: Disowning) -> _Span:
    """Return what a link takes back: all that is there by now, or was when it or a later letter's link was pressed first.

    Without an end, because the account is held: what was added while we waited for that, or on a node whose clock is
    ahead, was added before the press.
    """
    before = await tx.first_recorded(said.user_id, Event.DISOWNED, Reason.DISOWNED, since=said.since)
    return _Span(said.since, math.inf if before is None else before, is_again=before is not None)


async def _disown(tx: Tx, deps: Deps, owner: User, span: _Span, *, caller: Caller, now: float) -> None:
    taken = await _take_back(tx, owner, span, caller=caller, now=now)
    if span.is_again and not taken:
        return
    # Also when it is pressed again: whoever came back by what is only now taken away must not stay.
    await _throw_out(tx, owner, caller, now)
    reason = Reason.USED if span.is_again else Reason.DISOWNED
    await tx.record(Occurrence(Event.DISOWNED, now, caller, owner.id, reason=reason, facts={"since": span.since}))
    facts = {
        "account": owner.email,
        "since": moments.in_words(span.since),
        "at": moments.in_words(now),
        "ip": caller.ip,
        "browser": caller.browser,
    }
    for address in await _administrators(tx, deps):
        await mail.post(tx, deps, kind=LetterKind.DISOWNED, to=address, facts=facts, expires_at=now + notices.LIFE, now=now)


async def _throw_out(tx: Tx, owner: User, caller: Caller, now: float) -> None:
    """End every session, every link and everything that has begun."""
    for session_id in await sessions.end_all(tx, owner.id, now=now, reason=Reason.DISOWNED):
        await tx.record(Occurrence(Event.SESSION_ENDED, now, caller, owner.id, session_id, reason=Reason.DISOWNED))
    await magic_links.close_all_of(tx, owner.email, now)
    await challenges.take_all_of(tx, owner.id)
    await totp.forget_pending(tx, owner.id)


async def _take_back(tx: Tx, owner: User, span: _Span, *, caller: Caller, now: float) -> bool:
    """Suspend what was added; tell whether there was anything."""
    taken = await factors.suspend_added(tx, owner.id, since=span.since, until=span.until, now=now)
    off_at = await users.mail_off_since(tx, owner.id)
    # At once only where the mailbox had the account a moment before, and nothing else has it now. In all other cases a
    # thief of the mailbox would open by it what was shut to him; then it opens in three days (`Owned.mail_opens`).
    if off_at is not None and span.since <= off_at <= span.until and not (await factors.owned(tx, owner.id)).passkeys:
        await users.set_mail_sign_in(tx, owner.id, off_at=None)
        await tx.record(Occurrence(Event.MAIL_SIGN_IN_ON, now, caller, owner.id, reason=Reason.DISOWNED))
        return True
    return taken > 0


async def _administrators(tx: Tx, deps: Deps) -> list[str]:
    """Return the addresses of everybody who administers this server, each once."""
    granted = [user.email for user in await users.with_role(tx, assurance.ADMIN) if not user.disabled]
    return list(dict.fromkeys([*granted, *deps.config.admin_emails]))
