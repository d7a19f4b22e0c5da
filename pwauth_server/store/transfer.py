"""All rows from SQLite to PostgreSQL or back, table by table, in one transaction on each side.

The columns of PostgreSQL say what a value is: SQLite knows neither ids nor truth values.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from pwauth_server.config import Config
from pwauth_server.store import sqlite_copy
from pwauth_server.store.connect import postgres, reaching
from pwauth_server.store.sqlite_copy import Watch

#: Rows that are in memory at a time.
BATCH = 5000
#: Migrations keep their own record on each side.
_NOT_OURS = frozenset({"aerich"})
_AS_POSTGRES: Mapping[str, Callable[[Any], Any]] = {"uuid": lambda value: UUID(bytes=value), "boolean": bool, "double precision": float}
_COLUMNS = """SELECT column_name, data_type, column_default FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"""

Count = Mapping[str, int]


async def to_postgres(source: Path, target: Config, watch: Watch) -> tuple[Count, Count]:
    """Copy every row; return how many there were in each table, and how many there are now."""
    with sqlite_copy.opened(source) as reading:
        reading.execute("BEGIN")
        tables = _in_order(reading)
        async with _postgres(target) as writing, writing.transaction():
            for number, table in enumerate(tables):
                watch("copying", number, len(tables))
                columns = await writing.fetch(_COLUMNS, table)
                await _fill(writing, reading, table, columns)
                await _go_on_counting(writing, table, columns)
            found = {table: await writing.fetchval(f'SELECT count(*) FROM "{table}"') for table in tables}
        return _counted(reading, tables), found


async def to_sqlite(source: Config, target: Path, watch: Watch) -> tuple[Count, Count]:
    """Copy every row; return how many there were in each table, and how many there are now."""
    with sqlite_copy.opened(target) as writing:
        tables = _in_order(writing)
        writing.execute("BEGIN IMMEDIATE")
        async with _postgres(source) as reading, reading.transaction(isolation="repeatable_read", readonly=True):
            for number, table in enumerate(tables):
                watch("copying", number, len(tables))
                names = [row["column_name"] for row in await reading.fetch(_COLUMNS, table)]
                insert = f'INSERT INTO "{table}" ({_listed(names)}) VALUES ({", ".join("?" * len(names))})'
                rows = await reading.cursor(f'SELECT {_listed(names)} FROM "{table}"')
                while batch := await rows.fetch(BATCH):
                    writing.executemany(insert, [[value.bytes if isinstance(value, UUID) else value for value in row] for row in batch])
            counts = {table: await reading.fetchval(f'SELECT count(*) FROM "{table}"') for table in tables}
        found = _counted(writing, tables)
        writing.execute("COMMIT" if found == counts else "ROLLBACK")
        return counts, found


async def rows_in(config: Config) -> Count:
    """Return how many rows each table of a database has that is up to date."""
    if config.is_sqlite:
        return {name: count for name, count in sqlite_copy.row_counts(Path(config.database_path)).items() if name not in _NOT_OURS}
    async with _postgres(config) as connection:
        names = [row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")]
        return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in names if name not in _NOT_OURS}


def _in_order(database: sqlite3.Connection) -> Sequence[str]:
    """Return our tables, each after those that its rows refer to."""
    names = [name for (name,) in database.execute(sqlite_copy.TABLES) if name not in _NOT_OURS]
    needs = {name: {row[2] for row in database.execute(f'PRAGMA foreign_key_list("{name}")')} - {name} for name in names}
    ordered: list[str] = []
    while len(ordered) < len(names):
        ordered += [name for name in names if name not in ordered and needs[name] <= set(ordered)]
    return ordered


def _counted(database: sqlite3.Connection, tables: Sequence[str]) -> Count:
    return {table: database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


async def _fill(writing: Any, reading: sqlite3.Connection, table: str, columns: Sequence[Any]) -> None:
    names = [column["column_name"] for column in columns]
    read_as = [_AS_POSTGRES.get(column["data_type"], lambda value: value) for column in columns]
    cursor = reading.execute(f'SELECT {_listed(names)} FROM "{table}"')
    while batch := cursor.fetchmany(BATCH):
        records = [[None if value is None else read(value) for read, value in zip(read_as, row, strict=True)] for row in batch]
        await writing.copy_records_to_table(table, records=records, columns=names)


async def _go_on_counting(writing: Any, table: str, columns: Sequence[Any]) -> None:
    """Let counted keys go on after the highest one that was copied."""
    for column in columns:
        if "nextval" in (column["column_default"] or ""):
            name = column["column_name"]
            await writing.execute(
                f"""SELECT setval(pg_get_serial_sequence('{table}', '{name}'), max("{name}")) FROM "{table}" HAVING max("{name}") > 0"""
            )


@asynccontextmanager
async def _postgres(config: Config) -> AsyncIterator[Any]:
    # Here and not above: a server on SQLite never loads the driver.
    import asyncpg  # noqa: PLC0415

    words = postgres(config)
    with reaching(words):
        connection = await asyncpg.connect(**words)
    try:
        yield connection
    finally:
        await connection.close()
