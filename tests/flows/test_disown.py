"""Disowning in time: how far a link reaches back, how far forward, and for how long it works (SEC-58)."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import Missing
from pwauth_server.events import Caller, Event, Method, Occurrence
from pwauth_server.flows import disown, notices, recovery, sign_in
from pwauth_server.flows.delivery import Postman
from pwauth_server.flows.sign_in import Proof
from pwauth_server.rules.assurance import Owned
from pwauth_server.store import factors, sessions, users
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, open_world

ME = Caller("203.0.113.9", "Firefox on Linux")
DAY = 86_400.0
_ADD_KEY = Sql(
    "test_add_passkey",
    """INSERT INTO passkeys (id, credential_id, public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name, created_at,
    user_id) VALUES (?, ?, ?, 0, ?, ?, '', ?, 'key', ?, ?)""",
)


@pytest.fixture
def post() -> ScriptedTransport:
    """Return a transport that keeps every letter."""
    return ScriptedTransport()


@pytest.fixture
async def deps(database_config: Config, clock: FakeClock, post: ScriptedTransport) -> AsyncIterator[Deps]:
    """Return a world whose letters can be read."""
    opened = await open_world(database_config, clock, post)
    yield opened
    await opened.db.close()


async def enter(deps: Deps, method: Method = Method.PASSKEY, *amr: str) -> Session:
    """Sign in."""
    now, user = deps.clock.now(), await users.find_by_email(deps.db.reads, "ann@ex.com")
    proof = Proof(method, amr or ("swk", "user"), "ann@ex.com", user)
    ending = await deps.db.unit(lambda tx: sign_in.finish(tx, deps, proof, ME, now))
    assert isinstance(ending, Session)
    return ending


async def add_key(deps: Deps, owner: Session) -> None:
    """Add a passkey, with its notice."""
    now, user = deps.clock.now(), await users.find(deps.db.reads, owner.user_id)
    assert user is not None
    key = deps.entropy.row_id(now)
    added = Occurrence(Event.PASSKEY_ADDED, now, ME, user.id)
    no = False
    await deps.db.unit(lambda tx: tx.run(_ADD_KEY, key, key.bytes, b"x", no, no, key, now, user.id))
    await deps.db.unit(lambda tx: notices.tell(tx, deps, added, user))


async def owned(deps: Deps, owner: Session) -> Owned:
    """Return what an account has that counts."""
    return replace(await factors.owned(deps.db.reads, owner.user_id), disowned_at=None, totp_disowned_at=None)


async def links(deps: Deps, post: ScriptedTransport) -> list[str]:
    """Return the tokens of all notices so far, in order."""
    postman = Postman(deps)
    await postman.run()
    await postman.settle()
    return [token for message in post.taken for token in re.findall(r"/not-me\?token=(\S+)", message.text)]


async def test_an_earlier_letter_reaches_further_back(deps: Deps, clock: FakeClock, post: ScriptedTransport) -> None:
    """Whoever pressed the second letter first can still press the first one, keeps what came after, and is alone again (SEC-58)."""
    thief = await enter(deps, Method.LINK, "email")
    await add_key(deps, thief)
    clock.tick(3600)
    await recovery.make(deps, await enter(deps), ME)
    key_added, codes_made = await links(deps, post)
    clock.tick(60)
    await disown.disown(deps, codes_made, ME)
    assert await owned(deps, thief) == Owned(passkeys=1)
    clock.tick(60)
    await add_key(deps, await enter(deps))
    held = await enter(deps)
    clock.tick(60)
    await disown.disown(deps, key_added, ME)
    assert await owned(deps, thief) == Owned(passkeys=1)
    assert await sessions.count_live_of(deps.db.reads, held.user_id, clock.now()) == 0
    held = await enter(deps)
    for token in (codes_made, key_added):
        clock.tick(3600)
        await disown.disown(deps, token, ME)
    assert await owned(deps, thief) == Owned(passkeys=1)
    assert await sessions.count_live_of(deps.db.reads, held.user_id, clock.now()) == 1


async def test_a_later_letter_works_after_an_earlier_one(deps: Deps, clock: FakeClock, post: ScriptedTransport) -> None:
    """A thief who comes back is thrown out again: each letter's link works once of its own (SEC-58)."""
    owner = await enter(deps, Method.LINK, "email")
    for _ in range(3):
        clock.tick(3600)
        await add_key(deps, owner)
        thief = await enter(deps)
        token = (await links(deps, post))[-1]
        clock.tick(60)
        await disown.disown(deps, token, ME)
        assert await owned(deps, owner) == Owned()
        assert await sessions.count_live_of(deps.db.reads, thief.user_id, clock.now()) == 0
        owner = await enter(deps, Method.LINK, "email")


async def test_what_came_before_the_letter_stays(deps: Deps, clock: FakeClock, post: ScriptedTransport) -> None:
    """Only what was added from the moment on that the letter tells of (SEC-58)."""
    owner = await enter(deps, Method.LINK, "email")
    await add_key(deps, owner)
    clock.tick(3600)
    await add_key(deps, owner)
    clock.tick(1)
    await add_key(deps, owner)  # no letter of its own: one for each kind in ten minutes
    _, second = await links(deps, post)
    clock.tick(6 * DAY)
    await disown.disown(deps, second, ME)
    assert await owned(deps, owner) == Owned(passkeys=1)


@pytest.mark.parametrize(("retention", "days"), ((90, 7), (2, 2)))
async def test_a_link_ends(database_config: Config, clock: FakeClock, post: ScriptedTransport, retention: int, days: int) -> None:
    """After a week, or as soon as the audit log no longer knows whether it was pressed."""
    deps = await open_world(database_config.model_copy(update={"audit_retention_days": retention}), clock, post)
    try:
        owner = await enter(deps, Method.LINK, "email")
        await add_key(deps, owner)
        (token,) = await links(deps, post)
        clock.tick(days * DAY)
        with pytest.raises(Missing):
            await disown.disown(deps, token, ME)
        assert await owned(deps, owner) == Owned(passkeys=1)
        clock.tick(-1)
        await disown.disown(deps, token, ME)
        assert await owned(deps, owner) == Owned()
    finally:
        await deps.db.close()


async def test_a_thief_who_comes_back_at_once_is_told_of(deps: Deps, clock: FakeClock, post: ScriptedTransport) -> None:
    """One letter for a series, but what happens after "this wasn't me" is another one (SEC-58)."""
    owner = await enter(deps, Method.LINK, "email")
    for _ in range(3):
        clock.tick(5)
        await add_key(deps, owner)
    (token,) = await links(deps, post)
    clock.tick(60)
    await disown.disown(deps, token, ME)
    clock.tick(60)
    await add_key(deps, await enter(deps, Method.LINK, "email"))
    _, again = await links(deps, post)
    await disown.disown(deps, again, ME)
    assert await owned(deps, owner) == Owned()
    clock.tick(60)
    await add_key(deps, await enter(deps, Method.LINK, "email"))
    *_, once_more = await links(deps, post)
    assert once_more not in {token, again}
    await disown.disown(deps, once_more, ME)
    assert await owned(deps, owner) == Owned()


async def test_what_is_added_while_the_press_is_under_way_goes_too(deps: Deps, clock: FakeClock, post: ScriptedTransport) -> None:
    """Also on a node whose clock is ahead: it was there when the account was held for the press (SEC-58)."""
    thief = await enter(deps, Method.LINK, "email")
    await add_key(deps, thief)
    (token,) = await links(deps, post)
    clock.tick(65)
    await add_key(deps, thief)
    clock.tick(-5)
    await disown.disown(deps, token, ME)
    assert await owned(deps, thief) == Owned()
