import asyncio
import io
from collections.abc import AsyncIterator

import pytest

from pwauth_server import worker
from pwauth_server.adapters.logs import Log
from pwauth_server.adapters.transport import Delivery
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.flows.delivery import Postman
from pwauth_server.rules.letters import Message
from pwauth_server.worker import Chore, Worker
from tests.fakes import FakeClock
from tests.mail_fakes import ACCEPTED, DOWN, ScriptedTransport, eventually, open_world, post, status


@pytest.fixture
def transport() -> ScriptedTransport:
    """Return a transport that takes everything."""
    return ScriptedTransport()


@pytest.fixture
async def deps(sqlite_config: Config, clock: FakeClock, transport: ScriptedTransport) -> AsyncIterator[Deps]:
    """Return a world with one transport."""
    opened = await open_world(sqlite_config, clock, transport)
    yield opened
    await opened.db.close()


@pytest.fixture
def log() -> io.StringIO:
    """Return what the log is written to."""
    return io.StringIO()


def new_worker(deps: Deps, log: io.StringIO, *chores: Chore, reclaim: bool = False) -> Worker:
    """Return a worker that was not started."""
    return Worker(Postman(deps), deps.mail_bell, Log("info", log), chores=chores, reclaim=reclaim)


async def test_a_letter_leaves_the_moment_it_is_queued(deps: Deps, transport: ScriptedTransport, log: io.StringIO) -> None:
    """The loop is woken by the commit, it does not poll (SEC-84)."""
    started = new_worker(deps, log)
    started.start()
    async with asyncio.timeout(2):
        for number in range(1, 4):
            await post(deps)
            await eventually(lambda count=number: len(transport.taken) == count)  # type: ignore[misc]
    await started.stop(5)
    assert log.getvalue() == ""


async def test_letters_of_a_dead_predecessor_leave_at_the_start(deps: Deps, transport: ScriptedTransport, log: io.StringIO) -> None:
    """If no other process works on the database, nobody waits for a lease (SEC-84)."""
    letter_id = await post(deps)
    assert await Postman(deps)._take(deps.clock.now()) is not None
    started = new_worker(deps, log, reclaim=True)
    started.start()
    await eventually(lambda: len(transport.taken) == 1)
    await started.stop(5)
    assert await status(deps, letter_id) == "sent"


async def test_the_end_waits_for_the_letter_in_hand(deps: Deps, transport: ScriptedTransport, log: io.StringIO) -> None:
    """It is sent once; those behind it stay queued (SEC-84)."""
    transport.gate.clear()
    first, second = await post(deps, "first@ex.com"), await post(deps, "second@ex.com")
    started = new_worker(deps, log)
    started.start()
    await transport.busy.wait()
    ending = asyncio.create_task(started.stop(5))
    await asyncio.sleep(0)
    transport.gate.set()
    await ending
    assert [await status(deps, it) for it in (first, second)] == ["sent", "pending"]
    assert transport.rests == 1


async def test_the_end_does_not_wait_for_ever(deps: Deps, transport: ScriptedTransport, log: io.StringIO) -> None:
    """A mail server that hangs costs the patience and no more (SEC-84)."""
    transport.gate.clear()
    await post(deps)
    started = new_worker(deps, log)
    started.start()
    await transport.busy.wait()
    async with asyncio.timeout(2):
        await started.stop(0.05)
    assert transport.taken == []


async def test_the_end_does_not_wait_for_a_server_that_is_away(deps: Deps, transport: ScriptedTransport, log: io.StringIO) -> None:
    """The rest between two knocks is cut short."""
    transport.script.append(DOWN)
    await post(deps)
    started = new_worker(deps, log)
    started.start()
    await eventually(lambda: not transport.script)
    async with asyncio.timeout(2):
        await started.stop(10)


async def test_a_worker_that_never_started_stops(deps: Deps, transport: ScriptedTransport, log: io.StringIO) -> None:
    """A start that failed halfway is taken down all the same."""
    await post(deps)
    await new_worker(deps, log).stop(1)
    assert transport.tried == []


async def test_chores_are_done_again_and_again(deps: Deps, log: io.StringIO) -> None:
    """At the start and after every pause."""
    done: list[int] = []

    async def sweep() -> None:
        done.append(1)

    started = new_worker(deps, log, Chore("sweep", 0.001, sweep))
    started.start()
    await eventually(lambda: len(done) >= 3)
    await started.stop(5)


async def test_a_loop_that_breaks_is_told_and_starts_again(deps: Deps, log: io.StringIO, transport: ScriptedTransport) -> None:
    """One chore that stumbles ends neither itself nor the mail."""
    tries: list[int] = []

    async def stumble() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ZeroDivisionError

    started = new_worker(deps, log, Chore("stumble", 60, stumble))
    started.start()
    await post(deps)
    await eventually(lambda: len(tries) == 2 and len(transport.taken) == 1, within=worker.FIRST_PAUSE + 5)
    await started.stop(5)
    assert '"loop_broke"' in log.getvalue()
    assert '"kind": "ZeroDivisionError"' in log.getvalue()


async def test_mail_goes_on_after_a_broken_delivery(sqlite_config: Config, clock: FakeClock, log: io.StringIO) -> None:
    """The letter that met a bug waits for its lease; the next one leaves."""

    class Clumsy(ScriptedTransport):
        async def deliver(self, message: Message, recipient: str) -> Delivery:
            if recipient == "bug@ex.com":
                raise ZeroDivisionError
            return await super().deliver(message, recipient)

    clumsy = Clumsy(otherwise=ACCEPTED)
    deps = await open_world(sqlite_config, clock, clumsy)
    started = new_worker(deps, log)
    started.start()
    await post(deps, "bug@ex.com")
    await eventually(lambda: "loop_broke" in log.getvalue())
    await post(deps, "ann@ex.com")
    await eventually(lambda: clumsy.tried == ["ann@ex.com"], within=worker.FIRST_PAUSE + 5)
    await started.stop(5)
    await deps.db.close()
