"""Bring the database to the schema of this release (``docs/decisions/0004-migrations.md``).

aerich keeps the list of what was applied and applies the rest; this file adds what it lacks: one
migrator at a time, private files, and an answer that costs nothing when there is nothing to do.
"""

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from tortoise.context import TortoiseContext

from pwauth_server.config import Config
from pwauth_server.errors import ConfigError
from pwauth_server.store.connect import MODELS, reaching, tortoise_config
from pwauth_server.store.files import create_private

#: The name of our models to Tortoise and aerich, and of the folder of their migrations.
APP = "models"
#: Inside the package in an installed wheel, beside it in a checkout.
FOLDER = next(
    (folder for folder in (Path(__file__).parents[up] / "migrations" for up in (1, 2)) if folder.is_dir()),
    Path("migrations"),
)
#: Key of the advisory lock on PostgreSQL: the first eight bytes of "pwauth migrations".
LOCK_KEY = int.from_bytes(b"pwauth m", "big")


async def migrate(config: Config, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing and return the names of the applied files, oldest first.

    Any number of processes may call this at once: one migrates, the others wait and find it done.
    Raises ConfigError if the SQLite file belongs to another program, and what the driver raises if a
    migration fails; nothing of that migration is left behind then.
    """
    if not config.is_sqlite:
        async with _postgres_lock(config) as applied:
            return await _upgrade(config, folder) if set(_names(folder)) - applied else []
    if not pending(config, folder):
        return []
    async with _file_lock(Path(config.database_path)):
        return await _upgrade(config, folder)


def absent(config: Config) -> Path | None:
    """Return where the SQLite file should be, if there is none."""
    path = Path(config.database_path).absolute()
    return path if config.is_sqlite and not path.exists() else None


def pending(config: Config, folder: Path = FOLDER) -> list[str]:
    """Return the migrations that the SQLite file lacks, oldest first; a matter of a millisecond.

    Raises ConfigError if the file holds tables of another program.
    """
    path = Path(config.database_path)
    applied = _recorded_in_sqlite(path) if path.exists() else set()
    return [name for name in _names(folder) if name not in applied]


async def missing(config: Config, folder: Path = FOLDER) -> list[str]:
    """Return the migrations that the database lacks, oldest first, on either kind of database; waits for one that migrates."""
    if config.is_sqlite:
        return pending(config, folder)
    async with _postgres_lock(config) as applied:
        return [name for name in _names(folder) if name not in applied]


def unknown_in(database: Path, folder: Path = FOLDER) -> list[str]:
    """Return the migrations that a SQLite file has and this release does not know, oldest first."""
    return sorted(_recorded_in_sqlite(database) - set(_names(folder)), key=_number)


def _names(folder: Path) -> list[str]:
    names = [path.name for path in (folder / APP).glob("[0-9]*_*.py")]
    return sorted(names, key=_number)


def _number(name: str) -> int:
    return int(name.partition("_")[0])


def _recorded_in_sqlite(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "aerich" in tables:
            return {version for (version,) in database.execute("SELECT version FROM aerich WHERE app = ?", (APP,))}
    if tables:
        raise ConfigError([f"database_path: {path} holds the tables of another program; name a new file"])
    return set()


async def _upgrade(config: Config, folder: Path) -> list[str]:
    # Here and not above: importing aerich takes a quarter of a second, which only the rare start
    # that has something to migrate should pay.
    from aerich import Command  # noqa: PLC0415

    # A name for each kind of database: Tortoise keeps the INSERT of a model under the name of its
    # connection, and a process that first migrates a file and then a server would send the wrong one.
    kind = "sqlite" if config.is_sqlite else "postgres"
    connection = tortoise_config(config, engine="pwauth_server.store.sqlite_migrations")["connections"]["default"]
    settings = {
        "connections": {kind: connection},
        "apps": {APP: {"models": [*MODELS, "aerich.models"], "default_connection": kind}},
    }
    with TortoiseContext():  # a set-up of its own: the server's comes later and knows nothing of aerich
        async with Command(settings, app=APP, location=str(folder)) as command:
            await command.init()
            return await command.upgrade()


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    """Hold the lock file of a SQLite database, and make sure that the database is private (SEC-72)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock")
    create_private(lock)
    with lock.open("rb") as held:
        # flock and not a marker file: the kernel lets go of it even when this process is killed.
        await asyncio.to_thread(fcntl.flock, held, fcntl.LOCK_EX)
        create_private(path)
        yield


@asynccontextmanager
async def _postgres_lock(config: Config) -> AsyncIterator[set[str]]:
    """Hold an advisory lock on a connection of its own; yield the names that are recorded as applied."""
    # Here and not above: a server on SQLite never loads the driver.
    from tortoise.backends.asyncpg import client_class  # noqa: PLC0415

    settings: dict[str, Any] = tortoise_config(config)["connections"]["default"]["credentials"]
    client = client_class(connection_name="migrations", **settings)
    with reaching(settings):
        await client.create_connection(with_db=True)
    try:
        async with client.acquire_connection() as connection:
            await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
            known = await connection.fetchval("SELECT to_regclass('aerich') IS NOT NULL")
            rows = await connection.fetch("SELECT version FROM aerich WHERE app = $1", APP) if known else []
            yield {row["version"] for row in rows}
    finally:
        await client.close()  # ends the connection and with it the lock
