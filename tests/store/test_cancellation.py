import asyncio
import sqlite3

import pytest

from pwauth_server.events import Occurrence
from pwauth_server.store.sqlite_client import InlineSqliteClient
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Database, Tx
from tests.store.rows import HAPPENED, OopsError, mark, marks

ENDLESS = Sql("test_endless", "WITH RECURSIVE n(i) AS (SELECT begun() UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n")


async def test_a_cancelled_caller_changes_nothing(database: Database, heard: list[Occurrence]) -> None:
    """A client that hangs up has its request finished: committed, heard of, and nothing left open."""
    done = asyncio.Event()

    async def work(tx: Tx) -> None:
        await mark(tx, "a")
        await tx.record(HAPPENED)
        tx.after_commit(done.set)

    caller = asyncio.ensure_future(database.unit(work))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    async with asyncio.timeout(10):
        await done.wait()
    assert await marks(database) == ["a"]
    assert heard == [HAPPENED]


async def test_a_thousand_cancelled_callers_leave_the_database_answering(database: Database) -> None:
    """The reason for units: elsewhere a request that is cancelled inside a transaction never lets go of the connection."""
    finished: list[int] = []
    all_finished = asyncio.Event()

    async def work(tx: Tx, number: int) -> None:
        await mark(tx, f"{number:04}")
        tx.after_commit(lambda: (finished.append(number), len(finished) == 1000 and all_finished.set())[0])  # type: ignore[func-returns-value]

    callers = [asyncio.ensure_future(database.unit(lambda tx, n=n: work(tx, n))) for n in range(1000)]  # type: ignore[misc]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    assert {type(answer) for answer in await asyncio.gather(*callers, return_exceptions=True)} == {asyncio.CancelledError}
    async with asyncio.timeout(60):
        await all_finished.wait()
        assert len(await marks(database)) == 1000
        await database.unit(lambda tx: mark(tx, "after"))
        await database.ping()


async def test_a_cancelled_caller_of_a_failing_unit_disturbs_nobody(database: Database) -> None:
    """Its error has nobody to go to, and the next unit works."""

    async def work(_tx: Tx) -> None:
        raise OopsError

    callers = [asyncio.ensure_future(database.unit(work)) for _ in range(20)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await database.unit(lambda tx: mark(tx, "after"))
    assert await marks(database) == ["after"]


async def test_whoever_leaves_a_long_look_takes_nobody_along(sqlite: Database) -> None:
    """A thread still reads when its caller is gone: closing the connection under it would end the whole process."""
    loop, begun = asyncio.get_running_loop(), asyncio.Event()
    used: list[sqlite3.Connection] = []

    async def look() -> None:
        async with sqlite.apart() as reads:
            assert isinstance(reads.orm, InlineSqliteClient)
            used.append(reads.orm.raw)
            reads.orm.raw.create_function("begun", 0, lambda: [loop.call_soon_threadsafe(begun.set), 1][1])  # type: ignore[arg-type,return-value]
            await reads.all(ENDLESS)

    caller = asyncio.ensure_future(look())
    async with asyncio.timeout(10):
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        while is_open(used[0]):  # noqa: ASYNC110 - nothing tells when a connection is closed
            await asyncio.sleep(0)
    await sqlite.ping()


def is_open(connection: sqlite3.Connection) -> bool:
    """Tell whether a connection has not been closed."""
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False
