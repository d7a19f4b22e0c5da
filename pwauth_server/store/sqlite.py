"""SQLite: one writer thread that commits in groups, one connection for reads on the event loop.

While a commit waits for the disk, the next units queue up; they then share one transaction and one
``fsync``, each behind a savepoint of its own. Full durability at the price of one commit for many
(``docs/decisions/0003-units-of-work.md``).
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from pwauth_server.errors import Unavailable
from pwauth_server.store.sqlite_checkpoints import Checkpoints
from pwauth_server.store.sqlite_client import InlineSqliteClient
from pwauth_server.store.sqlite_statements import SqliteStatements, ThreadedStatements
from pwauth_server.store.statements import Sql, Statements, Timing
from pwauth_server.store.transaction import Close, Database, Listener, Tx, Work

T = TypeVar("T")

#: Units that share a commit at the most.
MAX_GROUP = 256

_FILES = {"main": "", "wal": "-wal"}

#: Applied by every connection. Tortoise's own journal_size_limit of 16 KiB would shrink the log at
#: each reset and make it grow again; synchronous=FULL is what "nothing is lost" costs. What does not fit into the
#: cache is read through a mapping of the file: no copy and no system call for each page of a large table.
PRAGMAS: dict[str, str | int] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "journal_size_limit": 67_108_864,
    "wal_autocheckpoint": 16_000,
    "busy_timeout": 5000,
    "cache_size": -8192,
    "mmap_size": 1_073_741_824,
    "temp_store": "MEMORY",
    "secure_delete": "ON",
}


#: Ended by closing the connection.
_BEGIN = Sql("begin", "BEGIN")


@dataclass(slots=True)
class _Unit:
    work: Work[Any]
    answer: asyncio.Future[Any]
    tx: Tx | None = None
    result: Any = None
    error: BaseException | None = None


class SqliteDatabase(Database):
    """The SQLite file as `Database`."""

    tables = Sql("tables", "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")

    def __init__(
        self, *, reader: InlineSqliteClient, writer: InlineSqliteClient, close: Close, listener: Listener, timing: Timing
    ) -> None:
        """Start the writer thread; the loop that runs now gets the answers, ``close`` closes both connections."""
        super().__init__(listener)
        self.reads = SqliteStatements(reader, timing)
        self._reader, self._writer, self._close = reader, writer, close
        self._writes = SqliteStatements(writer, timing)
        self._queue: SimpleQueue[_Unit | None] = SimpleQueue()
        self._waiting: list[_Unit] = []
        self._loop = asyncio.get_running_loop()
        self._checkpoints = Checkpoints(reader.filename)
        self._thread = threading.Thread(target=self._run, name="sqlite-writer")
        self._thread.start()
        self._closed = False
        self._version: int | None = None

    def version(self) -> int:
        """Return SQLite's own `data_version`, asked at most once in each turn of the event loop.

        A request that was sent after somebody's commit is read in a later turn than that commit, so
        what it is told is never older.
        """
        if self._version is None:
            self._version = int(self._reader.raw.execute("PRAGMA data_version").fetchone()[0])
            self._loop.call_soon(self._forget_version)
        return self._version

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Statements]:
        """Return statements that run in a thread of their own, on a connection of their own."""
        client = InlineSqliteClient(self._reader.filename, connection_name="apart", **self._reader.pragmas)
        await client.create_connection(with_db=True)
        statements = ThreadedStatements(client, self.reads.timing)
        try:
            yield statements
        finally:
            statements.close()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Statements]:
        """Return statements of one read transaction: nobody waits for it."""
        async with self.apart() as reads:
            await reads.run(_BEGIN)
            yield reads

    async def ping(self) -> None:
        """Ask for one row; raise Unavailable if there is nobody who could write one."""
        if not self._thread.is_alive():
            raise Unavailable
        await super().ping()

    async def sizes(self, reads: Statements) -> Mapping[str, int]:  # noqa: ARG002 - the file system knows
        """Return the bytes of the file and of its log, which `journal_size_limit` bounds."""
        paths = {name: Path(self._reader.filename + suffix) for name, suffix in _FILES.items()}
        return {name: path.stat().st_size for name, path in paths.items() if path.exists()}

    def _forget_version(self) -> None:
        self._version = None

    async def unit(self, work: Work[T]) -> T:
        """Run ``work`` in the writer thread; return its answer once the group is on the disk."""
        if self._closed or not self._thread.is_alive():
            raise Unavailable
        answer: asyncio.Future[T] = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._hand_over, 0)
        self._waiting.append(_Unit(work, answer))
        return await answer

    def _hand_over(self, before: int) -> None:
        """Give the writer what waits, unless this turn of the loop has brought more than the ``before`` of the last.

        Woken by the first unit, the writer would fight the loop for the interpreter, and flush the disk for a few of those
        whose requests have come already.
        """
        if before < len(self._waiting) < MAX_GROUP:
            self._loop.call_soon(self._hand_over, len(self._waiting))
            return
        waiting, self._waiting = self._waiting, []
        for unit in waiting:
            self._queue.put(unit)

    async def close(self) -> None:
        """Let the writer finish its queue, then close both connections."""
        if not self._closed:
            self._closed = True
            self._hand_over(MAX_GROUP)
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            await asyncio.to_thread(self._checkpoints.close)
            await self._close()

    # -- in the writer thread

    def _run(self) -> None:
        while True:
            group, closing = self._next_group()
            if group:
                self._commit(group)
                self._checkpoints.committed()
                self._loop.call_soon_threadsafe(self._settle, group)
            if closing:
                return

    def _next_group(self) -> tuple[list[_Unit], bool]:
        """Wait for a unit; return it with all that queued up meanwhile, and whether to stop."""
        first = self._queue.get()
        if first is None:
            return [], True
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                unit = self._queue.get_nowait()
            except Empty:
                break
            if unit is None:
                return group, True
            group.append(unit)
        return group, False

    def _commit(self, group: list[_Unit]) -> None:
        raw = self._writer.raw
        try:
            # IMMEDIATE: a deferred transaction that reads first fails at once, whatever the busy
            # timeout, when another process (the command line) has written since.
            raw.execute("BEGIN IMMEDIATE")
            for unit in group:
                self._attempt(raw, unit)
            raw.execute("COMMIT")
        except Exception as cause:  # noqa: BLE001 - a thread that ended would let everybody wait for ever
            # Should a disk refuse even this, the next group stumbles over what was left open, and ends it here.
            with suppress(Exception):
                if raw.in_transaction:
                    raw.execute("ROLLBACK")
            for unit in group:
                unit.error = Unavailable()
                unit.error.__cause__ = cause

    def _attempt(self, raw: sqlite3.Connection, unit: _Unit) -> None:
        raw.execute("SAVEPOINT unit")
        try:
            unit.tx = Tx(self._writes, tells=self.tells)
            unit.result = _drive(unit.work(unit.tx))
        except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the unit
            raw.execute("ROLLBACK TO unit")
            unit.error = error
        raw.execute("RELEASE unit")

    # -- back on the event loop

    def _settle(self, group: list[_Unit]) -> None:
        self._version = None
        for unit in group:
            if unit.error is None and unit.tx is not None:
                self._published(unit.tx)
            if unit.answer.done():  # whoever asked is gone; what they asked for is done all the same
                continue
            if unit.error is not None:
                unit.answer.set_exception(unit.error)
            else:
                unit.answer.set_result(unit.result)


def _drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends; one that waits for anything else is a mistake of ours."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("a unit of work awaited something other than its transaction")
