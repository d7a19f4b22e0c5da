"""The end of a world in which something does not let go."""

from dataclasses import replace

import pytest

from pwauth_server.adapters.limiter import Limiter, WindowTable
from pwauth_server.adapters.shared_windows import SharedWindows
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.store.sqlite import SqliteDatabase
from tests.fakes import FakeClock
from tests.mail_fakes import ScriptedTransport, open_world


class Speechless(WindowTable):
    """A storage to which the line is broken: what it is told goes nowhere."""

    async def close(self) -> None:
        """Wait in vain for its goodbye, as the client of Redis does over TLS."""
        raise TimeoutError


def has_let_go(deps: Deps) -> bool:
    """Tell whether no thread of the database is left that would keep the process alive."""
    assert isinstance(deps.db, SqliteDatabase)
    return not deps.db._thread.is_alive()


async def test_the_database_is_closed_whatever_else_fails(sqlite_config: Config, clock: FakeClock) -> None:
    """Its threads would keep the process alive for ever, deaf to every signal but one."""
    deps = await open_world(sqlite_config, clock, ScriptedTransport())
    deps = replace(deps, limiter=Limiter({}, storage=Speechless(clock), clock=clock, on_limited=deps.metrics.limited))
    with pytest.raises(TimeoutError):
        await deps.close()
    assert has_let_go(deps)


async def test_a_silent_redis_keeps_nobody_from_ending(sqlite_config: Config, clock: FakeClock) -> None:
    """No command and no server fails because the storage that it lets go of is gone already."""
    deps = await open_world(sqlite_config, clock, ScriptedTransport())
    shared = SharedWindows(Speechless(clock), own=WindowTable(clock), clock=clock, metrics=deps.metrics, log=None)
    deps = replace(deps, limiter=Limiter({}, storage=shared, clock=clock, on_limited=deps.metrics.limited))
    await deps.close()
    assert has_let_go(deps)
