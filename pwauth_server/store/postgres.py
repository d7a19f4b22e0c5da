"""PostgreSQL: a pool, and a plain transaction for each unit of work."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from asyncpg import (
    DeadlockDetectedError,
    InsufficientResourcesError,
    InterfaceError,
    OperatorInterventionError,
    PostgresConnectionError,
)
from tortoise import BaseDBAsyncClient

from pwauth_server.errors import Unavailable
from pwauth_server.store.statements import Row, Sql, Statements, Timing
from pwauth_server.store.transaction import NODE, Close, Database, Listener, Tx, Work

T = TypeVar("T")

_CLOCK = Sql("clock", "SELECT extract(epoch FROM clock_timestamp()) AS now")
_NODES = Sql(
    "nodes",
    "SELECT count(DISTINCT application_name) AS nodes FROM pg_stat_activity"
    f" WHERE datname = current_database() AND application_name LIKE '{NODE}%'",
)
#: How often a unit is tried that waits for others which wait for it.
TRIES = 5
#: Seconds before the second try, twice and thrice that later: whoever was not refused needs a moment to finish.
PAUSE = 0.01
#: Seconds in which a probe is answered: shorter than those who ask wait, and than any statement may take.
PROBE_PATIENCE = 3.0
#: Seconds in which the pool is closed, whatever hangs in it.
CLOSING = 4.0
_SIZE = Sql("database_size", "SELECT pg_database_size(current_database()) AS size")


#: What is raised while the server cannot be reached, ends, begins, or has no room.
_AWAY = (OSError, InterfaceError, PostgresConnectionError, OperatorInterventionError, InsufficientResourcesError)


@contextmanager
def _reached() -> Iterator[None]:
    """Raise Unavailable where the server is away: nobody who asks is to blame, and soon it may be back."""
    try:
        yield
    except _AWAY as cause:
        raise Unavailable from cause


class _Reached(Statements):
    """Named statements on a server that may be away."""

    async def all(self, sql: Sql, *values: Any) -> Sequence[Row]:
        """Return every row."""
        with _reached():
            return await super().all(sql, *values)

    async def lock(self, sql: Sql, *values: Any) -> None:
        """Hold the rows that ``sql`` finds."""
        with _reached():
            await super().lock(sql, *values)

    async def run(self, sql: Sql, *values: Any) -> int:
        """Run a statement that changes rows; return how many."""
        with _reached():
            return await super().run(sql, *values)


class PostgresDatabase(Database):
    """A PostgreSQL database as `Database`."""

    tables = Sql("tables", "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()")

    def __init__(self, *, client: BaseDBAsyncClient, close: Close, listener: Listener, timing: Timing) -> None:
        """Use a Tortoise client with a pool."""
        super().__init__(listener)
        self.reads = _Reached(client, timing)
        self._client, self._close = client, close
        self._timing = timing
        self._running: set[asyncio.Task[Any]] = set()
        self._ping: asyncio.Task[None] | None = None

    async def unit(self, work: Work[T]) -> T:
        """Run ``work`` in a task of its own: a client that hangs up cancels only its waiting."""
        task = asyncio.get_running_loop().create_task(self._transact(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _transact(self, work: Work[T]) -> T:
        """Commit a unit; begin it anew if the server broke a deadlock by refusing it: then nothing of it was done."""
        for number in range(1, TRIES):
            try:
                return await self._once(work)
            except DeadlockDetectedError:
                await asyncio.sleep(number * PAUSE)
        return await self._once(work)

    async def _once(self, work: Work[T]) -> T:
        # tortoise.in_transaction finds the client by name only.
        with _reached():
            async with self._client._in_transaction() as connection:  # noqa: SLF001
                tx = Tx(_Reached(connection, self._timing), tells=self.tells)
                result = await work(tx)
        self._published(tx)
        return result

    async def ping(self) -> None:
        """Ask the database for one row; raise Unavailable if it does not come soon.

        The question itself is never broken off: its connection would wait for the silent server to agree to that. All who
        ask meanwhile wait for the same one, so that probes cannot use the pool up.
        """
        if self._ping is None or self._ping.done():
            self._ping = asyncio.get_running_loop().create_task(super().ping())
            self._ping.add_done_callback(_heard)
        try:
            async with asyncio.timeout(PROBE_PATIENCE):
                await asyncio.shield(self._ping)
        except TimeoutError as cause:
            raise Unavailable from cause

    async def clock(self) -> float | None:
        """Return the time of the server's machine."""
        row = await self.reads.one(_CLOCK)
        return float(row["now"]) if row else None

    async def nodes(self) -> int:
        """Return how many servers are connected to the database."""
        row = await self.reads.one(_NODES)
        return int(row["nodes"]) if row else 0

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Statements]:
        """Return statements of one read transaction: nobody waits for it."""
        async with self._client._in_transaction() as connection:  # noqa: SLF001 - as below
            await connection.execute_script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield _Reached(connection, self._timing)

    async def sizes(self, reads: Statements) -> Mapping[str, int]:
        """Return what the server says that the database takes."""
        row = await reads.one(_SIZE)
        return {"main": int(row["size"])} if row else {}

    async def close(self) -> None:
        """Wait for running units, then close the pool; both not for long: a server that is silent says no goodbye either.

        What is cut off then was promised to nobody, and SIGTERM has ten seconds for everything.
        """
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSING / 2)
        try:
            async with asyncio.timeout(CLOSING / 2):
                await self._close()
        except TimeoutError:
            await self._close()  # the pool is cut off by now: only what remembers it is left


def _heard(ping: asyncio.Task[None]) -> None:
    """Take note of a failure that nobody has waited for."""
    if not ping.cancelled():
        ping.exception()
