"""What takes long is done one after the other: many threads at once would stop the event loop as surely as none (SEC-61)."""

import asyncio
from collections.abc import AsyncIterator
from threading import Event

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.flows import admin_views, own_data, totp
from pwauth_server.flows.in_turn import in_turn
from pwauth_server.store.audit_log import Filter
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, open_world
from tests.residents import HOME, Resident

#: Seconds after which something that could go on would have gone on.
A_WHILE = 0.2


@pytest.fixture
async def deps(sqlite_config: Config, clock: FakeClock) -> AsyncIterator[Deps]:
    """Return a world."""
    opened = await open_world(sqlite_config, clock, ScriptedTransport())
    yield opened
    await opened.db.close()


async def test_the_second_begins_when_the_first_is_done() -> None:
    """In the order in which they came."""
    queue, gate, begun = asyncio.Lock(), Event(), Event()
    first = asyncio.create_task(in_turn(queue, lambda: gate.wait(10)))
    second = asyncio.create_task(in_turn(queue, begun.set))
    assert await asyncio.wait({first, second}, timeout=A_WHILE) == (set(), {first, second})
    assert not begun.is_set()
    gate.set()
    await asyncio.gather(first, second)
    assert begun.is_set()


async def test_one_that_fails_lets_the_next_one_in() -> None:
    """Its error is its caller's alone."""
    queue = asyncio.Lock()
    with pytest.raises(ZeroDivisionError):
        await in_turn(queue, lambda: 1 / 0)
    assert await in_turn(queue, lambda: 1) == 1


async def test_whoever_hangs_up_lets_nobody_in_before_his_thread_is_done() -> None:
    """Else a stranger who asks and leaves, again and again, has as many threads at work as there are."""
    queue, gate, entered, begun = asyncio.Lock(), Event(), Event(), list[int]()

    def work(number: int) -> bool:
        begun.append(number)
        entered.set()
        return gate.wait(10)

    callers = [asyncio.create_task(in_turn(queue, lambda n=n: work(n))) for n in range(7)]  # type: ignore[misc]
    assert await asyncio.to_thread(entered.wait, 10)
    for caller in callers[:6]:
        caller.cancel()
    assert await asyncio.wait(callers, timeout=A_WHILE) == (set(callers[:6]), {callers[6]})
    assert begun == [0]
    gate.set()
    assert await callers[6]
    assert begun == [0, 6], "what nobody waits for any more is not begun"


async def test_pictures_exports_and_tables_wait_for_their_turn(deps: Deps) -> None:
    """Forty at once take as long as one after the other, and nobody else notices."""
    session = (await Resident(deps).sign_in()).session
    async with deps.drawing, deps.exporting:
        waiting = {
            asyncio.create_task(totp.enrol(deps, session=session, email=None, caller=HOME)),
            asyncio.create_task(own_data.export(deps, session, HOME)),
            asyncio.create_task(admin_views.audit_table(deps, Filter(), before=None, limit=10)),
        }
        assert await asyncio.wait(waiting, timeout=A_WHILE) == (set(), waiting)
    assert all(await asyncio.gather(*waiting))
