"""Signing in by mail: ask for a letter, then show its link or its code (SEC-04, 05, 08, 10 to 19)."""

from typing import NoReturn
from uuid import UUID

from pwauth_server.deps import Deps
from pwauth_server.errors import ConfirmationRequired, DifferentBrowser, SignInFailed
from pwauth_server.events import Caller, Event, Method, Occurrence, Reason
from pwauth_server.flows import invites, mail, mail_quotas, sign_in
from pwauth_server.flows.sign_in import Current, Ending, Proof, SecondFactorDue, SignedIn
from pwauth_server.rules import addresses, assurance, client_address, codes, moments, secrets
from pwauth_server.rules.letters import LetterKind
from pwauth_server.rules.limits import Limit
from pwauth_server.store import factors, magic_links, users
from pwauth_server.store.magic_links import MagicLink
from pwauth_server.store.transaction import Tx

#: Live requests a client may have for an address (SEC-19), and how long none of them is pushed out (seconds).
MAX_LIVE = 3
PROTECTED = 60.0
CODE_PURPOSE = "code"
#: What a link is for: asked for by mail, or made on the host for somebody who is locked out.
LOGIN, HOST = "login", "host"
#: Life of a link of the host in seconds.
HOST_LIFE = 600.0


async def request(deps: Deps, *, email: str, return_to: str | None, browser_hash: bytes, caller: Caller) -> UUID:
    """Queue a letter for a canonical address and return the request's id.

    The answer is the same for every address, whether a letter leaves or not (SEC-08, SEC-82); only
    limits show. ``browser_hash`` is the hash of the asking browser's cookie (SEC-17).
    """
    now = deps.clock.now()
    if not await _may_send(deps, addresses.mailbox_key(email), client_address.bucket(caller.ip)):
        # A second click within the cooldown: the letter that is on its way belongs to the first one.
        known = await magic_links.latest_of_browser(deps.db.reads, email, browser_hash, now)
        return known or deps.entropy.row_id(now)
    is_welcome = await _is_welcome(deps, email)
    if is_welcome:
        await mail_quotas.count(deps)
    link, token, code = _new_link(deps, email=email, return_to=return_to, browser_hash=browser_hash, caller=caller, now=now)

    async def work(tx: Tx) -> None:
        await magic_links.make_room(tx, email, caller.ip, keep=MAX_LIVE - 1, cooldown=PROTECTED, now=now)
        await magic_links.create(tx, link)
        # Everything but the letter happens for strangers too, so that timing tells nothing.
        if is_welcome:
            facts = _facts(deps, link, token, code)
            await mail.post(
                tx, deps, kind=LetterKind.SIGN_IN, to=email, facts=facts, expires_at=link.expires_at, now=now, link_id=link.id
            )
        await tx.record(Occurrence(Event.LINK_REQUESTED, now, caller))

    await deps.db.unit(work)
    return link.id


async def verify_link(
    deps: Deps, *, token: str, browser_hash: bytes | None, confirmed: bool, caller: Caller, current: Current | None = None
) -> SignedIn | SecondFactorDue:
    """Use a link up and sign its mailbox in.

    Without the cookie of the asking browser, ``confirmed`` must say that the person chose to sign in
    here (`confirm`), or the link is refused (`strict`); neither spends it (SEC-17).
    """
    link, now = await presented(deps, token, caller), deps.clock.now()
    await _check_binding(deps, link, browser_hash, confirmed=confirmed, caller=caller)

    async def work(tx: Tx) -> Ending:
        return await use_up(tx, deps, link, method_of(link), caller=caller, now=now, current=current)

    return await sign_in.conclude(deps, await deps.db.unit(work), method_of(link), caller, return_to=link.return_to)


async def verify_code(
    deps: Deps, *, request_id: UUID | None, code: str, browser_hash: bytes | None, caller: Caller, current: Current | None = None
) -> SignedIn | SecondFactorDue:
    """Sign in with the code of one's own request; five wrong tries end the request, link included (SEC-16).

    Whoever has the letter can work the request's id out from its link. So where links are bound to the browser that
    asked (`strict`), codes are too (SEC-17).
    """
    now = deps.clock.now()
    await deps.limiter.check(Limit.SIGN_IN_FAILURES, client_address.bucket(caller.ip))
    if request_id is None:
        await _guess_failed(deps, Method.CODE, Reason.UNKNOWN, caller)
    if deps.config.magic_link_binding == "strict" and (asked := await magic_links.find(deps.db.reads, request_id)):
        await _check_binding(deps, asked, browser_hash, confirmed=True, caller=caller)
    mac = codes.mac(deps.ring.derive(CODE_PURPOSE), str(request_id), code)

    async def work(tx: Tx) -> tuple[Ending, MagicLink | None]:
        link = await magic_links.reserve_try(tx, request_id, now)
        if link is None:
            dead = await magic_links.find(tx, request_id)
            return _why_dead(dead, now) if dead else Reason.UNKNOWN, dead
        if link.purpose != LOGIN:
            return Reason.UNKNOWN, None
        if not secrets.same(link.code_mac, mac):
            return Reason.WRONG_CODE, link
        return await use_up(tx, deps, link, Method.CODE, caller=caller, now=now, current=current), link

    outcome, link = await deps.db.unit(work)
    if link is None or outcome is Reason.WRONG_CODE:
        await _guess_failed(deps, Method.CODE, outcome if isinstance(outcome, Reason) else Reason.UNKNOWN, caller)
    return await sign_in.conclude(deps, outcome, Method.CODE, caller, return_to=link.return_to)


def for_host(deps: Deps, email: str, caller: Caller, now: float) -> tuple[MagicLink, str]:
    """Return a link for whoever is at the host, and its token; no code fits it, and any browser may use it."""
    link, token, _ = _new_link(deps, email=email, return_to=None, browser_hash=b"", caller=caller, now=now)
    no_code = deps.entropy.random(len(link.code_mac))
    return link._replace(purpose=HOST, browser_hash=None, code_mac=no_code, expires_at=now + HOST_LIFE), token


def url(deps: Deps, token: str) -> str:
    """Return the address of a link."""
    return f"{deps.config.link_url}?token={token}"


async def presented(deps: Deps, token: str, caller: Caller) -> MagicLink:
    """Return the live link that a token spells; raise SignInFailed otherwise. Nothing is used up."""
    now = deps.clock.now()
    await deps.limiter.check(Limit.SIGN_IN_FAILURES, client_address.bucket(caller.ip))
    shown = secrets.parse(secrets.MAGIC_LINK, token)
    link = await magic_links.find(deps.db.reads, shown.id) if shown else None
    if shown is None or link is None or link.purpose not in {LOGIN, HOST} or not secrets.same(link.token_hash, shown.digest):
        await _guess_failed(deps, Method.LINK, Reason.UNKNOWN, caller)
    if not link.is_live(now):
        # Whoever holds the whole secret is not guessing: no limit is charged.
        await _failed(deps, method_of(link), _why_dead(link, now), caller)
    return link


async def use_up(tx: Tx, deps: Deps, link: MagicLink, method: Method, *, caller: Caller, now: float, current: Current | None) -> Ending:
    """Spend a link, end the other ones of its mailbox, and sign in (SEC-10, SEC-19)."""
    if not await magic_links.consume(tx, link.id, now):
        return Reason.USED
    await magic_links.close_all_of(tx, link.email, now)
    if link.purpose == HOST:
        return await _by_host(tx, deps, link, caller, now, current=current)
    return await sign_in.finish(tx, deps, _proof(link, method), caller, now, current=current)


def page_opened(deps: Deps, caller: Caller) -> None:
    """Count that somebody, or a mail scanner, looked at the page; nothing is read or written (SEC-12)."""
    deps.metrics.heard(Occurrence(Event.LINK_OPENED, deps.clock.now(), caller))


async def _may_send(deps: Deps, mailbox: str, client: str) -> bool:
    """Take from every quota of a letter; False within the silent cooldown of mailbox and client.

    The cooldown is the client's own: if it were the mailbox's, a stranger who asks every minute could
    keep the owner's letters from being sent (SEC-65).
    """
    limiter = deps.limiter
    if not await limiter.has_room(Limit.MAIL_COOLDOWN, mailbox, client):
        return False
    # For everybody, so that it tells nothing; only a letter that leaves counts against it.
    await mail_quotas.check_cap(deps)
    await limiter.take_each(
        [
            (Limit.MAIL_PER_MAILBOX_AND_CLIENT, mailbox, client),
            (Limit.MAIL_PER_MAILBOX_AND_CLIENT_HOUR, mailbox, client),
            (Limit.MAIL_PER_MAILBOX_AND_CLIENT_DAY, mailbox, client),
            (Limit.MAIL_PER_MAILBOX_HOUR, mailbox),
            (Limit.MAIL_PER_MAILBOX_DAY, mailbox),
        ]
    )
    return await limiter.try_take(Limit.MAIL_COOLDOWN, mailbox, client)


async def _is_welcome(deps: Deps, email: str) -> bool:
    """Tell whether an address may have a letter; when it is used, that is asked again."""
    user = await users.find_by_email(deps.db.reads, email)
    # Asked for everybody, so that it takes as long for a stranger as for a guest.
    is_guest = await invites.may_sign_up(deps.db.reads, deps, email, deps.clock.now())
    if user is None:
        return is_guest
    if user.disabled or user.mail_sign_in:
        return not user.disabled
    return (await factors.owned(deps.db.reads, user.id)).mail_leads_on(deps.clock.now())


def _new_link(
    deps: Deps, *, email: str, return_to: str | None, browser_hash: bytes, caller: Caller, now: float
) -> tuple[MagicLink, str, str]:
    link_id, secret = deps.entropy.row_id(now), deps.entropy.random(32)
    code = deps.entropy.text(codes.ALPHABET, codes.LENGTH)
    link = MagicLink(
        id=link_id,
        purpose=LOGIN,
        email=email,
        token_hash=secrets.digest(secret),
        code_mac=codes.mac(deps.ring.derive(CODE_PURPOSE), str(link_id), code),
        browser_hash=browser_hash,
        tries=0,
        return_to=return_to,
        ip=caller.ip,
        browser=caller.browser,
        created_at=now,
        expires_at=now + deps.config.magic_link_expiry_seconds,
        closed=False,
    )
    return link, secrets.issue(secrets.MAGIC_LINK, link_id, secret), code


def _facts(deps: Deps, link: MagicLink, token: str, code: str) -> dict[str, str]:
    return {
        "link": url(deps, token),
        "code": codes.shown(code),
        "minutes": str(max(1, deps.config.magic_link_expiry_seconds // 60)),
        "asked_at": moments.in_words(link.created_at),
        "asked_from": link.ip,
        "asked_with": link.browser,
    }


async def _check_binding(deps: Deps, link: MagicLink, browser_hash: bytes | None, *, confirmed: bool, caller: Caller) -> None:
    """Refuse a link that another browser asked for, unless that is allowed and confirmed; it stays unspent."""
    if link.browser_hash is not None and browser_hash is not None and secrets.same(link.browser_hash, browser_hash):
        return
    if deps.config.magic_link_binding == "strict" and link.purpose != HOST:
        await sign_in.record_failure(deps, method_of(link), Reason.DIFFERENT_BROWSER, caller)
        raise DifferentBrowser
    if not confirmed:
        await sign_in.record_failure(deps, method_of(link), Reason.NOT_CONFIRMED, caller)
        raise ConfirmationRequired(asked_at=link.created_at, asked_from=link.ip, asked_with=link.browser)


def method_of(link: MagicLink) -> Method:
    """Return how a link signs in: of a letter, or of the host."""
    return Method.HOST_LINK if link.purpose == HOST else Method.LINK


async def _by_host(tx: Tx, deps: Deps, link: MagicLink, caller: Caller, now: float, *, current: Current | None) -> Ending:
    user = await users.find_by_email(tx, link.email)
    if user is None:  # deleted since; a link of the host proves no mailbox, so it makes no account
        return Reason.UNKNOWN
    proof = Proof(Method.HOST_LINK, (assurance.HOST,), user.email, user)
    return await sign_in.finish(tx, deps, proof, caller, now, current=current)


def _proof(link: MagicLink, method: Method) -> Proof:
    return Proof(method, (assurance.EMAIL,), link.email, return_to=link.return_to)


def _why_dead(link: MagicLink, now: float) -> Reason:
    if link.closed:
        return Reason.USED
    return Reason.EXPIRED if now >= link.expires_at else Reason.TOO_MANY_TRIES


async def _guess_failed(deps: Deps, method: Method, reason: Reason, caller: Caller) -> NoReturn:
    """Refuse a wrong secret and charge the client's quota of wrong guesses."""
    await deps.limiter.take(Limit.SIGN_IN_FAILURES, client_address.bucket(caller.ip))
    await _failed(deps, method, reason, caller)


async def _failed(deps: Deps, method: Method, reason: Reason, caller: Caller) -> NoReturn:
    """Refuse with the same words whatever the reason; the reason goes to audit and metrics (SEC-33)."""
    await sign_in.record_failure(deps, method, reason, caller)
    raise SignInFailed
