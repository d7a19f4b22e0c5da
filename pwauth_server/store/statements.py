"""Named SQL: each hot verb is one statement, the same text for SQLite and PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from time import perf_counter
from typing import Any, Final

from tortoise import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError

Row = Mapping[str, Any]
#: Told the name of a statement and how many seconds it took.
Timing = Callable[[str, float], None]

#: Raised when a database constraint refuses a write: the last fence, where two requests race.
ConstraintViolated = IntegrityError


class Sql:
    """One statement with a name (the `operation` label of `db_query_duration_seconds`) and ``?`` marks."""

    def __init__(self, name: str, text: str) -> None:
        """Keep the text as SQLite reads it and as PostgreSQL reads it (``$1`` for ``?``)."""
        self.name: Final = name
        self.sqlite: Final = " ".join(text.split())
        numbers = count(1)
        self.postgres: Final = "".join(f"${next(numbers)}" if char == "?" else char for char in self.sqlite)


class Statements:
    """Runs named statements; `orm` is the same connection for Tortoise's ``using_db``."""

    def __init__(self, orm: BaseDBAsyncClient, timing: Timing) -> None:
        """Use one Tortoise client and tell ``timing`` about every statement."""
        self.orm = orm
        self.timing = timing

    async def all(self, sql: Sql, *values: Any) -> Sequence[Row]:
        """Return every row."""
        started = perf_counter()
        rows = await self.orm.execute_query_dict(sql.postgres, list(values))
        self.timing(sql.name, perf_counter() - started)
        return rows

    async def one(self, sql: Sql, *values: Any) -> Row | None:
        """Return the first row, or None."""
        rows = await self.all(sql, *values)
        return rows[0] if rows else None

    async def lock(self, sql: Sql, *values: Any) -> None:
        """Hold the rows that ``sql`` finds, in its order, until this transaction ends."""
        await self.orm.execute_query_dict(f"{sql.postgres} FOR UPDATE", list(values))

    async def run(self, sql: Sql, *values: Any) -> int:
        """Run a statement that changes rows; return how many."""
        started = perf_counter()
        changed, _ = await self.orm.execute_query(sql.postgres, list(values))
        self.timing(sql.name, perf_counter() - started)
        return changed
