"""Named statements straight on SQLite: where they are called, or in a thread of their own for what reads whole tables."""

import asyncio
import sqlite3
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from pwauth_server.store.sqlite_client import InlineSqliteClient
from pwauth_server.store.statements import ConstraintViolated, Row, Sql, Statements, Timing


class SqliteStatements(Statements):
    """Named statements straight on the ``sqlite3`` connection of an inline client."""

    orm: InlineSqliteClient

    async def all(self, sql: Sql, *values: Any) -> Sequence[Row]:
        """Return every row."""
        return self._execute(sql, values).fetchall()

    async def one(self, sql: Sql, *values: Any) -> Row | None:
        """Return the first row, or None."""
        cursor = self._execute(sql, values)
        row: Row | None = cursor.fetchone()
        cursor.close()  # an unfinished RETURNING would hold its transaction open
        return row

    async def lock(self, sql: Sql, *values: Any) -> None:
        """Do nothing: whoever writes holds the whole file."""

    async def run(self, sql: Sql, *values: Any) -> int:
        """Run a statement that changes rows; return how many."""
        return self._execute(sql, values).rowcount

    def _execute(self, sql: Sql, values: Sequence[Any]) -> sqlite3.Cursor:
        started = perf_counter()
        try:
            return self.orm.raw.execute(sql.sqlite, values)
        except sqlite3.IntegrityError as cause:
            raise ConstraintViolated(str(cause)) from cause
        finally:
            self.timing(sql.name, perf_counter() - started)


class ThreadedStatements(SqliteStatements):
    """The same, but SQLite works in another thread and lets go of the interpreter while it does.

    Whoever asks may be cancelled, as every request is whose client hangs up; the thread is not. A connection that is
    closed under its feet takes the whole process down, so it is closed when nothing runs on it any more.
    """

    def __init__(self, client: InlineSqliteClient, timing: Timing) -> None:
        """Use one connection, which is ours to close."""
        super().__init__(client, timing)
        self._running: set[asyncio.Future[Any]] = set()

    async def all(self, sql: Sql, *values: Any) -> Sequence[Row]:
        """Return every row."""
        rows = asyncio.get_running_loop().run_in_executor(None, lambda: self._execute(sql, values).fetchall())
        self._running.add(rows)
        rows.add_done_callback(self._running.discard)
        return await asyncio.shield(rows)

    def close(self) -> None:
        """Close the connection now, or as soon as what still runs on it has been stopped."""
        if not self._running:
            self.orm.raw.close()
            return
        self.orm.raw.interrupt()
        for rows in tuple(self._running):
            rows.add_done_callback(self._stopped)

    def _stopped(self, rows: asyncio.Future[Any]) -> None:
        if not rows.cancelled():
            rows.exception()  # nobody waits for it any more
        if not self._running:
            self.orm.raw.close()

    async def one(self, sql: Sql, *values: Any) -> Row | None:
        """Return the first row, or None."""
        rows = await self.all(sql, *values)
        return rows[0] if rows else None
