"""What a waiting browser is told of its letter: nothing that only an address with an account could have (SEC-08, SEC-33)."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.events import Caller
from pwauth_server.flows import magic_link, waiting
from pwauth_server.store.statements import Sql
from tests.admins import arrive
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, open_world
from tests.residents import Resident

MEMBER, STRANGER = "ann@ex.com", "nobody@elsewhere.example"
COOKIE = b"c" * 32
STATES = {
    "sent": "status = 'sent'",
    "taken": "status = 'sending', attempts = 1",
    "refused": "status = 'failed', last_error = 'said_550'",
    "late": "attempts = 2, last_error = 'said_451'",
    "away": "attempts = 1, last_error = 'down_unreachable'",
}


@pytest.fixture
async def deps(sqlite_config: Config, clock: FakeClock) -> AsyncIterator[Deps]:
    """Return a world where only one domain may sign up."""
    settings = {"signup": "domains", "signup_domains": ["ex.com"], "email_rate_limit_per_hour": 1_000_000}
    opened = await open_world(sqlite_config.model_copy(update=settings), clock, ScriptedTransport())
    yield opened
    await opened.db.close()


async def told(deps: Deps, clock: FakeClock, email: str, becomes: str = "status = status") -> list[str]:
    """Ask for a letter, let something become of it, and return what the browser is told from moment to moment."""
    asked = await magic_link.request(deps, email=email, return_to=None, browser_hash=COOKIE, caller=Caller(f"192.0.2.{len(email)}"))
    statement = Sql("test_letters", f"UPDATE email_queue SET {becomes} WHERE recipient = ?")
    words = []
    for step in (0.0, 0.5, 0.5, 30.0):
        clock.tick(step)
        found = await waiting.look(deps, asked, COOKIE)
        assert found is not None
        words.append(found.letter)
        await deps.db.unit(lambda tx: tx.run(statement, email))
    return words


@pytest.mark.parametrize("becomes", STATES)
async def test_somebody_with_an_account_is_told_what_a_stranger_is(deps: Deps, clock: FakeClock, becomes: str) -> None:
    """Word for word and moment for moment, whatever becomes of the letter."""
    await arrive(deps, MEMBER)
    member = await told(deps, clock, MEMBER, STATES[becomes])
    assert member == await told(deps, clock, STRANGER) == ["waiting", "waiting", "sent", "sent"]


async def test_nobody_learns_that_the_owner_signs_in(deps: Deps, clock: FakeClock) -> None:
    """A stranger's request of an address seems to go on when its owner's sign-in has ended it."""
    await arrive(deps, MEMBER)
    asked = await magic_link.request(deps, email=MEMBER, return_to=None, browser_hash=COOKIE, caller=Caller("198.51.100.1"))
    clock.tick(61)
    await Resident(deps, MEMBER).sign_in()
    found = await waiting.look(deps, asked, COOKIE)
    assert found is not None
    assert found.is_live
    clock.tick(600)
    found = await waiting.look(deps, asked, COOKIE)
    assert found is not None
    assert not found.is_live


async def test_a_refusal_is_told_where_everybody_gets_a_letter(deps: Deps, clock: FakeClock) -> None:
    """There it tells of the mailbox, not of an account: who typed the address wrong learns it at once."""
    config = deps.config.model_copy(update={"signup": "open"})
    everybody = replace(deps, config=config)
    assert (await told(everybody, clock, STRANGER, STATES["refused"]))[-1] == "refused"
    assert (await told(everybody, clock, MEMBER, STATES["away"]))[-1] == "delayed"


async def test_without_a_mail_server_the_browser_is_told_where_to_look(sqlite_config: Config, clock: FakeClock) -> None:
    """Nobody looks into a mailbox for a letter that was printed."""
    deps = await open_world(sqlite_config, clock, ScriptedTransport(name="console"))
    closed = replace(deps, config=deps.config.model_copy(update={"signup": "invite"}))
    assert (await told(deps, clock, MEMBER, STATES["sent"]))[-1] == "printed"
    assert (await told(closed, clock, STRANGER))[-1] == "printed"
    await deps.db.close()
