"""What administrators and owners look at, on both databases."""

from uuid import UUID, uuid4

import pytest

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, MailCapReached, Missing, RateLimited
from pwauth_server.events import Caller, Event, Method, Occurrence, Reason
from pwauth_server.flows import admin_mail, admin_views, housekeeping, invites, own_data, sign_in
from pwauth_server.flows.admin_access import Actor
from pwauth_server.flows.admin_views import Filter
from pwauth_server.flows.sign_in import Proof
from pwauth_server.rules.limits import Limit
from pwauth_server.store import challenges
from pwauth_server.store.challenges import Challenge, Purpose
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Tx
from tests.fakes import FakeClock
from tests.mail_fakes import post

BOSS = Actor(uuid4())
HERE = Caller("203.0.113.9", "Firefox on Linux", "r1")
DAY = 86_400.0
INVITES = Sql("test_invites", "SELECT email FROM invites")
#: A world where only guests sign up, on each kind of database in turn.
SETTINGS = {"signup": "invite"}


async def invite(deps: Deps, email: str, days: int = 7) -> invites.Invite:
    """Invite an address."""
    return await invites.invite(deps, BOSS, email=email, days=days, caller=HERE)


async def arrive(deps: Deps, email: str) -> Session | Reason:
    """Prove a mailbox."""

    async def work(tx: Tx) -> Session | Reason:
        ending = await sign_in.finish(tx, deps, Proof(Method.LINK, ("email",), email), HERE, deps.clock.now())
        assert isinstance(ending, Session | Reason)
        return ending

    return await deps.db.unit(work)


async def guest(deps: Deps, email: str) -> Session:
    """Invite an address and sign it in."""
    await invite(deps, email)
    session = await arrive(deps, email)
    assert isinstance(session, Session)
    return session


async def test_a_guest_comes_in_until_the_end(deps: Deps, clock: FakeClock) -> None:
    """Not before, not at the very end, and once (SEC-08)."""
    assert isinstance(await arrive(deps, "ann@ex.com"), Reason)
    made = await invite(deps, "ann@ex.com", days=1)
    assert made.expires_at == clock.now() + DAY
    clock.tick(DAY)
    assert isinstance(await arrive(deps, "ann@ex.com"), Reason)
    again = await invite(deps, "ann@ex.com", days=2)
    assert (again.id, again.expires_at) == (made.id, clock.now() + 2 * DAY)
    clock.tick(2 * DAY - 1)
    assert [it.email for it in (await invites.listed(deps, limit=9, offset=0)).invites] == ["ann@ex.com"]
    assert isinstance(await arrive(deps, "ann@ex.com"), Session)
    assert (await invites.listed(deps, limit=9, offset=0)).total == 0
    with pytest.raises(Conflict):
        await invite(deps, "ann@ex.com")
    assert isinstance(await arrive(deps, "ann@ex.com"), Session)


async def test_invitations_that_are_over_are_swept_away(deps: Deps, clock: FakeClock) -> None:
    """Addresses of people who never came do not stay."""
    await invite(deps, "ann@ex.com", days=1)
    await invite(deps, "bob@ex.com", days=2)
    clock.tick(DAY)
    await housekeeping.sweep(deps)
    assert [row["email"] for row in await deps.db.reads.all(INVITES)] == ["bob@ex.com"]


async def test_invitations_count_like_letters(deps: Deps) -> None:
    """A mailbox gets no more of them than of other letters, and the sender's good name has one cap (SEC-63, SEC-66)."""
    for _ in range(deps.config.email_rate_limit_per_hour):
        await invite(deps, "ann@ex.com")
    with pytest.raises(RateLimited):
        await invite(deps, "ann+x@ex.com")
    with pytest.raises(RateLimited):
        await admin_mail.send_test(deps, BOSS, "ann@ex.com", HERE)
    for _ in range(300):
        await deps.limiter.try_take(Limit.MAIL_GLOBAL)
    with pytest.raises(MailCapReached):
        await invite(deps, "bob@ex.com")


@pytest.mark.parametrize("text", ("", "x", str(UUID(int=7))))
async def test_an_unknown_invitation_cannot_be_withdrawn(deps: Deps, text: str) -> None:
    """Whatever is given for an id."""
    with pytest.raises(Missing):
        await invites.withdraw(deps, BOSS, text, HERE)


async def test_the_log_is_read_by_filters_and_pages(deps: Deps, clock: FakeClock) -> None:
    """Each filter alone, all together, and the rest from below an id."""
    ann, bob = await guest(deps, "ann@ex.com"), await guest(deps, "bob@ex.com")
    clock.tick(10)
    await deps.db.record(Occurrence(Event.SESSION_ENDED, clock.now(), Caller("192.0.2.1"), ann.user_id, ann.id, reason=Reason.LOGOUT))
    for wanted, number in (
        (Filter(user_id=ann.user_id), 4),
        (Filter(user_id=bob.user_id, event="user.created"), 1),
        (Filter(ip="192.0.2.1"), 1),
        (Filter(since=clock.now()), 1),
        (Filter(until=clock.now(), user_id=ann.user_id), 3),
        (Filter(event="session.ended", user_id=ann.user_id, ip="192.0.2.1", since=clock.now(), until=clock.now() + 1), 1),
        (Filter(event="session.ended", user_id=bob.user_id), 0),
    ):
        assert len(await admin_views.audit(deps, wanted, before=None, limit=100)) == number, wanted
    newest, *rest = await admin_views.audit(deps, Filter(user_id=ann.user_id), before=None, limit=100)
    assert (newest.event, newest.email, newest.session_id, newest.reason) == ("session.ended", "ann@ex.com", ann.id, "logout")
    assert await admin_views.audit(deps, Filter(user_id=ann.user_id), before=newest.id, limit=2) == rest[:2]


async def test_figures_count_what_is_there(deps: Deps, clock: FakeClock) -> None:
    """Sign-ins of a day, everything else of now."""
    await guest(deps, "ann@ex.com")
    clock.tick(DAY)
    await guest(deps, "bob@ex.com")
    for reason in (Reason.WRONG_CODE, Reason.NOT_CONFIRMED):  # the second was asked to confirm, and may do so
        await deps.db.record(Occurrence(Event.SIGN_IN_FAILED, clock.now(), HERE, method=Method.CODE, reason=reason))
    await invite(deps, "eve@ex.com")
    found = await admin_views.stats(deps)
    assert found.users == {"total": 2, "verified": 2, "disabled": 0, "admins": 0, "with_passkey": 0, "with_totp": 0}
    assert (found.sessions, found.invites, found.letters) == (2, 1, {"pending": 3})
    assert found.oldest_letter == DAY
    assert sorted(found.sign_ins) == [("sign_in.failed", "code", 1), ("sign_in.succeeded", "magic_link", 1)]


async def test_letters_are_found(deps: Deps, clock: FakeClock) -> None:
    """By state, kind and address, alone and together."""
    await post(deps)
    clock.tick(1)
    await invite(deps, "bob@ex.com")
    for status, kind, recipient, number in (
        (None, None, None, 2),
        ("pending", None, None, 2),
        ("sent", None, None, 0),
        (None, "invitation", None, 1),
        ("pending", "sign_in", "ann@ex.com", 1),
        (None, "sign_in", "bob@ex.com", 0),
    ):
        found = await admin_views.letters(deps, status=status, kind=kind, recipient=recipient, limit=9, offset=0)
        assert (len(found.letters), found.total) == (number, number), (status, kind, recipient)
    assert (await admin_views.letters(deps, status=None, kind=None, recipient=None, limit=1, offset=1)).letters[0]["kind"] == "sign_in"


async def test_ceremonies_are_those_that_live(deps: Deps, clock: FakeClock) -> None:
    """With the owner's address, and no secret (SEC-92)."""
    ann = await guest(deps, "ann@ex.com")
    for number, life, owner in ((1, 300, ann.user_id), (2, 0, None), (3, 300, None)):
        ceremony = Challenge(UUID(int=number), Purpose.PASSKEY_SIGN_IN, b"h", clock.now() + life, b"c", owner)
        await deps.db.unit(lambda tx, it=ceremony: challenges.create(tx, it))  # type: ignore[misc]
    found = await admin_views.ceremonies(deps, limit=9, offset=0)
    assert [row["email"] for row in found] == [None, "ann@ex.com"]
    assert set(dict(found[0])) == {"id", "purpose", "user_id", "email", "is_named", "expires_at"}


async def test_an_export_is_whole(deps: Deps) -> None:
    """Whatever is kept about a person, and that it was asked for (SEC-98)."""
    ann, bob = await guest(deps, "ann@ex.com"), await guest(deps, "bob@ex.com")
    found = await own_data.export(deps, ann, HERE)
    assert found.profile.user.email == "ann@ex.com"
    assert [row["ip"] for row in found.sessions] == [HERE.ip]
    assert [row["kind"] for row in found.letters] == ["invitation"]
    assert [it.event for it in found.events] == ["user.exported", "sign_in.succeeded", "invite.accepted", "user.created"]
    assert {it.user_id for it in found.events} == {ann.user_id}
    bobs = await admin_views.audit(deps, Filter(user_id=bob.user_id), before=None, limit=1)
    assert await own_data.events(deps, bob, before=None, limit=1) == bobs
    assert await own_data.events(deps, ann, before=found.events[0].id, limit=9) == list(found.events[1:])


async def test_a_person_is_found_by_address_or_id(deps: Deps) -> None:
    """As somebody types it; an id counts whether or not the account is still there."""
    session = await guest(deps, "ann@ex.com")
    for typed in (" Ann@EX.com ".strip(), str(session.user_id), f" {str(session.user_id).upper()} "):
        assert await admin_views.whose(deps, typed) == session.user_id
    gone = uuid4()
    assert await admin_views.whose(deps, str(gone)) == gone
    for nobody in ("bob@ex.com", "ann", "%", ""):
        assert await admin_views.whose(deps, nobody) is None
