"""What depends on the very second, with a clock that a test moves."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from uuid import UUID

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import ConfirmationRequired, InvalidGrant, RateLimited, SignInFailed, Unauthenticated
from pwauth_server.events import Caller
from pwauth_server.flows import housekeeping, magic_link, sessions, tokens
from pwauth_server.flows.mail import PURPOSE
from pwauth_server.flows.sign_in import SignedIn
from pwauth_server.wiring import make_deps
from tests.fakes import FakeClock, FakeEntropy

HOME, AWAY = Caller("192.0.2.1", "Firefox on Linux", "test"), Caller("198.51.100.9", "Safari on iPhone", "test")
COOKIE = b"c" * 32
WEEK, MONTH = 604_800, 2_592_000


@pytest.fixture
async def deps(sqlite_config: Config, clock: FakeClock, entropy: FakeEntropy) -> AsyncIterator[Deps]:
    """Return the world with a clock that stands still."""
    opened = await make_deps(sqlite_config, clock=clock, entropy=entropy)
    yield opened
    await opened.db.close()


async def ask(deps: Deps, email: str = "alice@time.example", caller: Caller = HOME) -> tuple[UUID, str, str]:
    """Ask for a letter; return the request's id and the letter's token and code."""
    request_id = await magic_link.request(deps, email=email, return_to=None, browser_hash=COOKIE, caller=caller)
    with closing(sqlite3.connect(deps.config.database_path)) as connection:
        letter_id, body = connection.execute("SELECT id, body FROM email_queue WHERE link_id = ?", (request_id.bytes,)).fetchone()
    facts = json.loads(deps.ring.open(PURPOSE, str(UUID(bytes=letter_id)), body))
    return request_id, facts["link"].partition("token=")[2], facts["code"].replace("-", "")


async def sign_in(deps: Deps) -> SignedIn:
    """Sign Alice in by link."""
    _, token, _ = await ask(deps)
    return await verify(deps, token)


async def verify(deps: Deps, token: str) -> SignedIn:
    """Use a link up from the browser that asked."""
    done = await magic_link.verify_link(deps, token=token, browser_hash=COOKIE, confirmed=False, caller=HOME)
    assert isinstance(done, SignedIn)
    return done


async def test_a_link_works_until_its_last_moment(deps: Deps, clock: FakeClock) -> None:
    """Just before ten minutes it signs in (SEC-11)."""
    _, token, _ = await ask(deps)
    clock.tick(599.9)
    assert (await verify(deps, token)).tokens.access_token


async def test_a_link_and_its_code_are_over_exactly_at_their_end(deps: Deps, clock: FakeClock) -> None:
    """At ten minutes sharp both are refused (SEC-11)."""
    request_id, token, code = await ask(deps)
    clock.tick(600)
    with pytest.raises(SignInFailed):
        await verify(deps, token)
    with pytest.raises(SignInFailed):
        await magic_link.verify_code(deps, request_id=request_id, code=code, browser_hash=None, caller=HOME)


async def test_an_expired_link_is_not_confirmed_either(deps: Deps, clock: FakeClock) -> None:
    """Who asked, when and from where is told only for a link that still works (contract section 6)."""
    _, token, _ = await ask(deps)
    with pytest.raises(ConfirmationRequired):
        await magic_link.verify_link(deps, token=token, browser_hash=None, confirmed=False, caller=AWAY)
    clock.tick(600)
    with pytest.raises(SignInFailed):
        await magic_link.verify_link(deps, token=token, browser_hash=None, confirmed=False, caller=AWAY)


async def test_the_grace_ends_exactly_after_ten_seconds(deps: Deps, clock: FakeClock) -> None:
    """At 9.9 s the same successor comes back, at 10 s the family ends (SEC-51, SEC-52)."""
    first = (await sign_in(deps)).tokens
    second = await tokens.rotate(deps, first.refresh_token, HOME)
    clock.tick(9.9)
    assert (await tokens.rotate(deps, first.refresh_token, HOME)).refresh_token == second.refresh_token
    clock.tick(0.1)
    for spent in (first, second):
        with pytest.raises(InvalidGrant):
            await tokens.rotate(deps, spent.refresh_token, HOME)
    with pytest.raises(Unauthenticated):
        await tokens.prove(deps, second.access_token)


async def test_an_access_token_is_over_exactly_at_its_end(deps: Deps, clock: FakeClock) -> None:
    """Fifteen minutes, to the second (SEC-21)."""
    done = await sign_in(deps)
    pair = done.tokens
    clock.tick(899)
    assert (await tokens.prove(deps, pair.access_token)).access.subject == done.session.user_id
    clock.tick(1)
    with pytest.raises(Unauthenticated):
        await tokens.prove(deps, pair.access_token)


async def test_a_session_that_nobody_uses_ends_after_a_week(deps: Deps, clock: FakeClock) -> None:
    """Idle life: every refresh starts it anew (SEC-53)."""
    pair = (await sign_in(deps)).tokens
    for _ in range(3):
        clock.tick(WEEK - 1)
        pair = await tokens.rotate(deps, pair.refresh_token, HOME)
    clock.tick(WEEK)
    with pytest.raises(InvalidGrant):
        await tokens.rotate(deps, pair.refresh_token, HOME)


async def test_a_session_that_is_used_ends_after_thirty_days(deps: Deps, clock: FakeClock) -> None:
    """The absolute end comes whatever happens, and no token outlives it (SEC-53)."""
    began = clock.now()
    done = await sign_in(deps)
    pair = done.tokens
    while clock.now() + 86_400 < began + MONTH:
        clock.tick(86_400)
        pair = await tokens.rotate(deps, pair.refresh_token, HOME)
    clock.tick(86_400 - 60)
    pair = await tokens.rotate(deps, pair.refresh_token, HOME)
    assert pair.expires_in == 60
    clock.tick(60)
    with pytest.raises(InvalidGrant):
        await tokens.rotate(deps, pair.refresh_token, HOME)
    with pytest.raises(Unauthenticated):
        await tokens.prove(deps, pair.access_token)


async def test_a_browsers_session_lives_on_while_it_is_used(deps: Deps, clock: FakeClock) -> None:
    """A cookie is kept alive by use, to the same ends as tokens (SEC-53)."""
    session = (await sign_in(deps)).session
    cookie = sessions.cookie_for(deps, session)
    for _ in range(4):
        clock.tick(WEEK - 1)
        assert (await sessions.of_cookie(deps, cookie)).id == session.id
    clock.tick(MONTH - 4 * (WEEK - 1))
    with pytest.raises(Unauthenticated):
        await sessions.of_cookie(deps, cookie)


async def test_a_second_click_within_a_minute_sends_nothing(deps: Deps, clock: FakeClock) -> None:
    """The same browser gets the same request again, whose letter is on its way (SEC-66)."""
    first, _, _ = await ask(deps)
    for seconds in (1, 58.9):
        clock.tick(seconds)
        again = await magic_link.request(deps, email="alice@time.example", return_to=None, browser_hash=COOKIE, caller=HOME)
        assert again == first
    clock.tick(0.1)
    assert (await ask(deps))[0] != first


async def test_a_stranger_uses_up_his_own_share_first(deps: Deps, clock: FakeClock) -> None:
    """Three letters in a quarter of an hour are his limit, and the owner elsewhere still gets hers (SEC-65)."""
    for _ in range(3):
        await ask(deps, caller=AWAY)
        clock.tick(60)
    with pytest.raises(RateLimited) as refused:
        await ask(deps, caller=AWAY)
    assert refused.value.headers["retry-after"] == str(15 * 60 - 180)
    assert len((await ask(deps, caller=HOME))[2]) == 8


async def test_asking_every_minute_does_not_silence_the_owner(deps: Deps, clock: FakeClock) -> None:
    """The cooldown belongs to mailbox and client: a stranger's does not hush the owner's request (SEC-19, SEC-65)."""
    theirs, _, _ = await ask(deps, caller=AWAY)
    mine, token, _ = await ask(deps, caller=HOME)
    assert mine != theirs
    assert (await verify(deps, token)).session.email == "alice@time.example"


async def test_housekeeping_throws_away_only_what_is_over(deps: Deps, clock: FakeClock) -> None:
    """Live sessions and links stay; an hour after its end a link is gone, after thirty days a session."""
    done = await sign_in(deps)
    _, token, _ = await ask(deps, "bob@time.example")
    await housekeeping.sweep(deps)
    assert (await verify(deps, token)).session.email == "bob@time.example"
    clock.tick(4300)
    await housekeeping.sweep(deps)
    assert (await tokens.rotate(deps, done.tokens.refresh_token, HOME)).session_id == done.tokens.session_id
    with closing(sqlite3.connect(deps.config.database_path)) as connection:
        assert connection.execute("SELECT count(*) FROM magic_links").fetchone() == (0,)
    clock.tick(MONTH)
    await housekeeping.sweep(deps)
    with closing(sqlite3.connect(deps.config.database_path)) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


async def test_one_stranger_cannot_use_up_a_mailbox(deps: Deps, clock: FakeClock) -> None:
    """Who asks for somebody's letters every minute of a day leaves the owner a share of every hour (SEC-65)."""
    for minute in range(24 * 60):
        with suppress(RateLimited):
            await magic_link.request(deps, email="alice@time.example", return_to=None, browser_hash=COOKIE, caller=AWAY)
        if minute % 180 == 170:
            await ask(deps)
        clock.tick(60)


async def test_a_stranger_does_not_push_the_owners_link_out(deps: Deps, clock: FakeClock) -> None:
    """However often somebody else asks, the owner's link lives its life (SEC-19)."""
    _, token, _ = await ask(deps)
    for number in range(4):
        clock.tick(61)
        with suppress(RateLimited):
            await ask(deps, caller=Caller(f"198.51.100.{number}"))
    assert (await verify(deps, token)).tokens.access_token
