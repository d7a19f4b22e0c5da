"""Tortoise's SQLite client without its thread and its lock: a statement runs where it is called.

Its coroutines never suspend. On the event loop that makes a read by key cost microseconds instead of
a thread hop; in the writer's thread it lets a whole unit of work run without the loop
(``docs/decisions/0003-units-of-work.md``).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tortoise.backends.sqlite.client import SqliteClient
from tortoise.exceptions import IntegrityError, OperationalError


@contextmanager
def _translated() -> Iterator[None]:
    """Raise Tortoise's errors for SQLite's, as its own client does."""
    try:
        yield
    except sqlite3.IntegrityError as cause:
        raise IntegrityError(cause) from cause
    except sqlite3.OperationalError as cause:
        raise OperationalError(cause) from cause


class InlineSqliteClient(SqliteClient):
    """One ``sqlite3`` connection, used by one thread at a time."""

    raw: sqlite3.Connection

    async def create_connection(self, with_db: bool) -> None:  # noqa: ARG002, FBT001 - Tortoise's signature
        """Open the file and apply the pragmas of the credentials."""
        self.raw = sqlite3.connect(self.filename, isolation_level=None, check_same_thread=False, cached_statements=512)
        self.raw.row_factory = sqlite3.Row
        for pragma, value in self.pragmas.items():
            self.raw.execute(f"PRAGMA {pragma}={value}").close()

    async def close(self) -> None:
        """Close the connection."""
        self.raw.close()

    def _in_transaction(self) -> Any:
        # Finding 3 of the measurements: a request that is cancelled inside such a block never lets
        # go of the connection. Units of work are the only way to write.
        raise NotImplementedError("use Database.unit")

    def _check_loop(self) -> bool:
        return True

    async def execute_insert(self, query: str, values: list[Any]) -> int:
        """Run one INSERT; return the row id."""
        with _translated():
            return self.raw.execute(query, values).lastrowid or 0

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """Run one statement for many rows."""
        with _translated():
            self.raw.executemany(query, values)

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        """Run one statement; return affected or found rows and the rows."""
        with _translated():
            cursor = self.raw.execute(query, values or ())
            rows = cursor.fetchall()
        return (cursor.rowcount if cursor.rowcount >= 0 else len(rows)), rows

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """Run one statement; return the rows as dicts."""
        with _translated():
            return [dict(row) for row in self.raw.execute(query, values or ()).fetchall()]

    async def execute_script(self, query: str) -> None:
        """Run several statements."""
        with _translated():
            self.raw.executescript(query)


client_class = InlineSqliteClient
