import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pwauth_server.config import Config
from pwauth_server.errors import Unavailable
from pwauth_server.store.transaction import Database
from tests.conftest import open_database
from tests.store.rows import MARK, mark, marks, marks_in

ROOT = Path(__file__).parents[2]


async def test_closing_finishes_what_was_handed_over(database_config: Config) -> None:
    """A server that stops loses no unit in its queue: each is committed and answered."""
    database = await open_database(database_config, [])
    units = [asyncio.ensure_future(database.unit(lambda tx, n=n: mark(tx, f"{n:02}"))) for n in range(50)]  # type: ignore[misc]
    await asyncio.sleep(0)
    await database.close()
    assert all(unit.done() for unit in units)
    assert await asyncio.gather(*units) == [None] * 50
    again = await open_database(database_config, [])
    assert len(await marks(again)) == 50
    await again.close()


async def test_a_closed_database_refuses(sqlite: Database) -> None:
    """A late unit is told so at once instead of waiting for ever; closing twice is closing once."""
    await sqlite.close()
    with pytest.raises(Unavailable):
        await sqlite.unit(lambda tx: mark(tx, "late"))
    await sqlite.close()


async def test_the_reading_connection_cannot_write(sqlite: Database) -> None:
    """A write outside a unit is a mistake that fails, not one that waits for a lock."""
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await sqlite.reads.run(MARK, "a", 1)


async def test_the_file_is_durable_and_forgets_what_is_deleted(sqlite: Database) -> None:
    """Every commit is flushed, keys are enforced, deleted secrets are overwritten (SEC-72)."""
    raw = sqlite._writer.raw  # type: ignore[attr-defined]
    pragmas = {
        name: raw.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 5000}


async def test_a_disk_that_takes_no_end_of_a_unit_stops_nobody_else(sqlite: Database) -> None:
    """Neither commit nor rollback works: whoever is in it is told, and the writer goes on as soon as the disk does."""
    denied = ["COMMIT", "ROLLBACK"]

    def judge(action: int, what: str | None, *_: str | None) -> int:
        if action != sqlite3.SQLITE_TRANSACTION or what not in denied:
            return sqlite3.SQLITE_OK
        denied.remove(what)
        return sqlite3.SQLITE_DENY

    sqlite._writer.raw.set_authorizer(judge)  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        for _ in ("fails", "ends what was left open"):
            with pytest.raises(Unavailable):
                await sqlite.unit(lambda tx: mark(tx, "a"))
        assert denied == []
        await sqlite.unit(lambda tx: mark(tx, "b"))
    assert await marks(sqlite) == ["b"]


class Stumbling:
    """SQLite's connection, which once has no memory left."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw, self._errors = raw, [MemoryError()]

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Raise what is left to raise, then do as asked."""
        if self._errors:
            raise self._errors.pop()
        return self._raw.execute(*arguments)

    def __getattr__(self, name: str) -> Any:
        """Leave the rest to it."""
        return getattr(self._raw, name)


async def test_a_writer_that_lacks_memory_goes_on_when_it_has_some(sqlite: Database) -> None:
    """What fails outside of SQLite is an answer too: nobody waits for ever."""
    writer: Any = sqlite._writer  # type: ignore[attr-defined]
    writer.raw = Stumbling(writer.raw)
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await sqlite.unit(lambda tx: mark(tx, "a"))
        await sqlite.unit(lambda tx: mark(tx, "b"))
    assert await marks(sqlite) == ["b"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_database_without_its_writer_says_so(sqlite: Database) -> None:
    """Whatever has ended the thread: a probe sees it, and nobody waits for a commit that will never come."""
    await sqlite.ping()
    sqlite._queue.put("no unit")  # type: ignore[attr-defined]
    await asyncio.to_thread(sqlite._thread.join, 10)  # type: ignore[attr-defined]
    with pytest.raises(Unavailable):
        await sqlite.ping()
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await sqlite.unit(lambda tx: mark(tx, "late"))


HOLD = """
import sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("BEGIN IMMEDIATE")
file.execute("INSERT INTO server_state (name, number) VALUES ('theirs', 1)")
print("holding", flush=True)
sys.stdin.readline()
file.execute("COMMIT")
"""

WRITE_FOR_A_SECOND = """
import sqlite3, sys, time
file = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
end, number = time.monotonic() + 1, 0
print("writing", flush=True)
while time.monotonic() < end:
    file.execute("BEGIN IMMEDIATE")
    file.execute("INSERT INTO server_state (name, number) VALUES (?, 1)", (f"theirs-{number}",))
    file.execute("COMMIT")
    number += 1
print(number)
"""


async def test_another_process_that_holds_the_lock_is_waited_for(sqlite: Database, sqlite_config: Config) -> None:
    """While the command line writes, units wait without error and reads go on (one loop, no lock)."""
    other = await create_subprocess_exec(sys.executable, "-c", HOLD, sqlite_config.database_path, stdin=PIPE, stdout=PIPE)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"holding\n"
    units = [asyncio.ensure_future(sqlite.unit(lambda tx, n=n: mark(tx, f"{n}"))) for n in range(5)]  # type: ignore[misc]
    for _ in range(100):
        assert await marks(sqlite) == []
        await asyncio.sleep(0)
    assert not any(unit.done() for unit in units)
    await other.communicate(b"\n")
    await asyncio.gather(*units)
    assert await marks(sqlite) == ["0", "1", "2", "3", "4", "theirs"]


async def test_two_processes_write_side_by_side(sqlite: Database, sqlite_config: Config) -> None:
    """A second of hard writing by another process costs neither side an error or a row."""
    other = await create_subprocess_exec(sys.executable, "-c", WRITE_FOR_A_SECOND, sqlite_config.database_path, stdout=PIPE)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"writing\n"
    mine, ending = 0, asyncio.ensure_future(other.wait())
    while not ending.done():
        await asyncio.gather(*(sqlite.unit(lambda tx, n=n: mark(tx, f"mine-{n}")) for n in range(mine, mine + 5)))  # type: ignore[misc]
        mine += 5
    theirs = int(await other.stdout.read())
    assert other.returncode == 0
    assert len(await marks(sqlite)) == mine + theirs


async def test_what_was_answered_survives_a_kill(sqlite_config: Config) -> None:
    """After kill -9 in the middle of committing every answered row is in the file, and the file is sound (SEC-84)."""
    writer = await create_subprocess_exec(
        sys.executable, "-m", "tests.store.busy_writer", sqlite_config.database_path, stdout=PIPE, cwd=ROOT
    )
    assert writer.stdout is not None
    answered = [await writer.stdout.readline() for _ in range(500)]
    writer.kill()
    answered += (await writer.stdout.read()).splitlines(keepends=True)
    await writer.wait()
    names = {line.decode().strip() for line in answered if line.endswith(b"\n")}
    assert len(names) >= 500
    assert names <= marks_in(sqlite_config.database_path)
    with closing(sqlite3.connect(sqlite_config.database_path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
