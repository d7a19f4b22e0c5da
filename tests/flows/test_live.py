"""The last hour in memory: sampled by the minute, as new as the moment somebody looks."""

from collections.abc import AsyncIterator

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.events import Event, Method, Occurrence, Reason
from pwauth_server.flows import live
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, open_world, post


@pytest.fixture
async def deps(database_config: Config, clock: FakeClock) -> AsyncIterator[Deps]:
    """Return a world that has just begun, on each kind of database."""
    opened = await open_world(database_config, clock, ScriptedTransport())
    await live.take(opened)
    yield opened
    await opened.db.close()


async def test_the_newest_minute_is_that_of_now(deps: Deps, clock: FakeClock) -> None:
    """What has just been committed is in the numbers."""
    await post(deps)
    await deps.db.record(Occurrence(Event.SIGN_IN_SUCCEEDED, clock.now(), method=Method.CODE))
    await deps.db.record(Occurrence(Event.SIGN_IN_FAILED, clock.now(), method=Method.CODE, reason=Reason.WRONG_CODE))
    await deps.db.record(Occurrence(Event.LETTER_SENT, clock.now(), facts={"transport": "smtp", "seconds": 0.5}))
    clock.tick(20)
    hour = await live.hour(deps)
    assert (hour.until - hour.since, hour.sign_ins["code"], hour.waiting) == (20, (1, 1), 1)
    assert (hour.delivered, hour.delivery, hour.delivery_bound) == (1, 0.5, 0.5)
    (minute,) = hour.periods
    assert (minute.succeeded, minute.failed, minute.waiting, minute.delivery) == (1, 1, 1, 0.5)


async def test_an_hour_is_kept_and_no_more(deps: Deps, clock: FakeClock) -> None:
    """However long the server runs: memory is bounded, and old sign-ins leave the numbers."""
    await deps.db.record(Occurrence(Event.SIGN_IN_SUCCEEDED, clock.now(), method=Method.LINK))
    for _ in range(live.PERIODS):
        clock.tick(60)
        await live.take(deps)
    hour = await live.hour(deps)
    assert len(deps.samples) == len(hour.periods) == live.PERIODS
    assert (hour.until - hour.since, hour.sign_ins["magic_link"]) == (3540, (0, 0))


async def test_somebody_may_look_before_the_first_minute(database_config: Config, clock: FakeClock) -> None:
    """There is nothing to tell yet, and the page is whole."""
    opened = await open_world(database_config, clock, ScriptedTransport())
    hour = await live.hour(opened)
    assert (len(hour.periods), hour.succeeded, hour.waiting, hour.dead, hour.delivery) == (1, 0, 0, 0, None)
    await opened.db.close()
